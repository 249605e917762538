"""A court, or whoever witnesses a ledger, needs two packages from outside (R-20, R-24)."""

import subprocess
import sys
from pathlib import Path

from tests.unit.proof.ledgers import published_ledger

_ONLY_THE_BASE = """
import importlib.abc, sys, sysconfig

ALLOWED = {"onrecord", "click", "cryptography", "cffi", "_cffi_backend", "colorama"}

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ALLOWED or top in sys.stdlib_module_names:
            return None
        raise ModuleNotFoundError(f"{top} is not in the base install", name=top)

sys.meta_path.insert(0, Refuse())
from onrecord.cli.main import main
main()
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _ONLY_THE_BASE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_verifier_runs_on_the_base_install(tmp_path: Path) -> None:
    published_ledger(5).write(tmp_path)
    done = _run("ledger", "verify", str(tmp_path), "--some-bodies")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it holds." in done.stdout


def test_a_witness_runs_on_the_base_install(tmp_path: Path) -> None:
    made = _run("witness", "key", "witness.example/w1", "--out", str(tmp_path / "key"))
    assert made.returncode == 0, made.stderr
    done = _run("witness", "serve", "--key", str(tmp_path / "key"), "--log", made.stdout.strip())
    assert done.returncode == 2
    assert "is not a log's" in done.stderr


def test_a_monitor_runs_on_the_base_install(tmp_path: Path) -> None:
    ledger = published_ledger(5).write(tmp_path)
    memory = str(tmp_path / "memory")
    key = str(ledger / "key")
    done = _run("monitor", str(ledger), "--key", key, "--memory", memory, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 entries" in done.stdout


def test_a_command_that_needs_more_says_what_to_install() -> None:
    done = _run("models", "build", "registry")
    assert done.returncode == 1
    assert "pip install '.[models]'" in done.stderr
