"""`onrecord demo`: what a stranger sees first, run whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from onrecord.cli.demo.command import demo
from onrecord.kernel.vocabulary import LEAD_STAMP
from tests.builders.models import registry_repository

_REPOSITORY = Path(__file__).resolve().parents[2]
PER_STATE = 10


@pytest.mark.slow
@pytest.mark.parametrize("how", [(), ("--processes",)], ids=["one-process", "five-processes"])
def test_the_demo_ends_as_it_should(tmp_path: Path, how: tuple[str, ...]) -> None:
    """R-1, R-15, R-24: three states, two blind examiners, one lead, two attacks that fail; it
    exits 0 only if all of that held, and leaves what a person would look at.
    """
    out = tmp_path / "demo"
    command = ["demo", *how, "--per-state", str(PER_STATE), "--out", str(out)]
    command += ["--models", str(registry_repository()), "--policies", str(_REPOSITORY / "policies")]
    command += ["--cache", os.environ.get("ONRECORD_CACHE", str(_REPOSITORY / ".cache"))]
    done = onrecord(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr

    lead = json.loads((out / "lead.json").read_bytes())
    assert LEAD_STAMP in lead["stamps"]
    (released,) = lead["leads"]
    assert f"{released['gallery']} record {released['record_id']}" in done.stdout
    assert "the person in the photograph is that record's holder" in done.stdout
    assert json.loads((out / "receipt.json").read_bytes())
    with Image.open(out / "examination.png") as picture:
        assert min(picture.size) > 300
    with Image.open(out / "probe.jpg") as picture:
        picture.load()
    assert "Traceback" not in (out / "server.log").read_text("utf-8")

    # What the demo says to try next.
    ledger, key = str(out / "ledger"), str(out / "ledger.vkey")
    assert onrecord("ledger", "verify", ledger, "--key", key).returncode == 0
    shown = onrecord("ledger", "show", ledger)
    assert shown.returncode == 0
    assert "lead.released" in shown.stdout
    tampered = onrecord("ledger", "verify", str(out / "tampered-ledger"), "--key", key)
    assert tampered.returncode == 1


def test_the_demo_does_not_clear_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    """What somebody keeps there stays."""
    kept = tmp_path / "letters.txt"
    kept.write_text("dear")
    done = CliRunner().invoke(demo, ["--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "choose another" in done.output
    assert kept.read_text() == "dear"


def onrecord(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "onrecord", *arguments],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
