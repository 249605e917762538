"""`make cluster` and its kin, with every part, as somebody new uses them; and nothing is left."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.cluster.parts import NAMES
from onrecord.kernel.vocabulary import LEAD_STAMP
from tests.builders.models import registry_repository
from tests.cluster.conftest import ROOT

_SECONDS = 600
_PER_STATE = 10


def cluster(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`python -m deploy.local`, which is all that the Makefile calls."""
    command, *options = arguments
    program = [sys.executable, "-W", "ignore", "-m", "deploy.local"]
    return subprocess.run(
        [*program, command, "--data", str(data), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def working_on(folder: Path) -> list[str]:
    """The command lines of processes that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.fixture
def data(parts_folder: Path) -> Iterator[Path]:
    folder = parts_folder / "make-cluster"
    yield folder
    cluster(folder, "down")


@pytest.mark.slow
def test_it_starts_tells_and_ends_and_the_demo_is_played_on_it(data: Path, tmp_path: Path) -> None:
    """R-1, R-15, R-24: the demo as on a laptop, with people of Keycloak, over every real part."""
    assert cluster(data, "status").returncode == 1
    begun = cluster(data, "up", "--models", str(registry_repository()))
    assert begun.returncode == 0, begun.stdout + begun.stderr
    for name in NAMES:
        assert f"{name} " in begun.stdout
    again = cluster(data, "up", "--models", str(registry_repository()))
    assert (again.returncode, "a cluster runs on" in again.stderr) == (1, True)

    shown = cluster(data, "status")
    assert shown.returncode == 0, shown.stdout
    assert len([line for line in shown.stdout.splitlines() if line.endswith(" ready")]) == 19
    said = cluster(data, "logs", "--part", "audit-1")
    assert "at work after" in said.stdout
    assert cluster(data, "logs", "--part", "nothing").returncode == 2

    out = tmp_path / "demo"
    options = ["--out", str(out), "--models", str(registry_repository())]
    played = cluster(data, "demo", *options, "--per-state", str(_PER_STATE))
    assert played.returncode == 0, played.stdout + played.stderr
    assert LEAD_STAMP in json.loads((out / "lead.json").read_bytes())["stamps"]
    twice = cluster(data, "demo", *options)
    assert (twice.returncode, "make cluster-down" in twice.stderr) == (1, True)
    assert (out / "lead.json").exists(), "what the first one left is still there"

    ended = cluster(data, "down")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert working_on(data) == []
    assert cluster(data, "status").returncode == 1
    for log in [*(data / "parts").glob("*.log"), *(data / "onrecord" / "processes").glob("*.log")]:
        text = log.read_text("utf-8", "replace")
        assert log.stem in NAMES or "Traceback" not in text, f"{log}\n{text[-3000:]}"
