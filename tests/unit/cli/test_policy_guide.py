"""The guide's commands are run as they stand there, and say what it says."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from onrecord.audit.core import comparing
from onrecord.cli.policy import policy, who
from tests.builders.answering import asked_once
from tests.builders.audit import POLICIES, REQUEST

GUIDE = POLICIES.parent / "docs" / "policy-guide.md"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARYING = (
    (re.compile(r"US-UT/authority\+[0-9a-f]{8}\+\S+"), "KEY"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b\d{1,2} [A-Z][a-z]+ 20\d\d\b"), "DAY"),
)


def sessions() -> Iterator[tuple[str, str]]:
    """Each command, and what it is said to print."""
    for block in _BLOCK.findall(GUIDE.read_text("utf-8")):
        for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = one.partition("\n")
            yield command, printed


def plain(text: str) -> list[str]:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return " ".join(text.split()).split(" ")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    asked_once(monkeypatch, who, comparing)
    for name in ("US-UT", "proposed"):
        shutil.copytree(POLICIES / "US-UT", tmp_path / name)
    cedar = tmp_path / "proposed" / "policy.cedar"
    written = cedar.read_text("utf-8")
    narrower = written.replace(
        '["violent_felony", "felony"].contains', '["violent_felony"].contains', 1
    )
    assert narrower != written
    cedar.write_text(narrower, "utf-8")
    offence = {"statute": "Utah Code 76-6-206", "tier": "felony"}
    (tmp_path / "request.json").write_text(json.dumps({**REQUEST, "offence": offence}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_guide_says_what_the_guide_says(folder: Path) -> None:
    told = list(sessions())
    assert len(told) >= 10
    for command, printed in told:
        words = shlex.split(command)
        assert words[:2] == ["onrecord", "policy"]
        result = CliRunner().invoke(policy, words[2:])
        assert result.exit_code == 0, (command, result.output)
        if printed:
            assert plain(result.output) == plain(printed), command


def test_every_command_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    for name in policy.commands:
        assert f"policy {name}" in text, name
