"""`onrecord monitor`: what it says, its exit codes, and that it goes on where it was (R-24)."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onrecord.cli.monitor import monitor
from onrecord.cli.monitor_rows import rows_from
from onrecord.kernel.errors import OnRecordError
from onrecord.monitor.core import Memory
from onrecord.monitor.folder import MonitorFolder
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from tests.unit.proof.ledgers import PublishedLedger, make_body, published_ledger


@pytest.fixture
def made() -> PublishedLedger:
    return published_ledger(5)


@pytest.fixture
def folder(made: PublishedLedger, tmp_path: Path) -> Path:
    (tmp_path / "ledger").mkdir()
    return made.write(tmp_path / "ledger")


def _arguments(folder: Path, *more: object) -> list[str]:
    memory = folder.parent / "memory"
    given = [folder, "--key", folder / "key", "--memory", memory, *more]
    return [str(one) for one in given]


def _run(folder: Path, *more: object) -> Result:
    return CliRunner().invoke(monitor, _arguments(folder, *more))


def _fork(made: PublishedLedger, folder: Path) -> None:
    """The operator shows another history, signed with the same key."""
    other = PublishedLedger(made.signer)
    other.append([make_body(number, rewritten=True) for number in range(6)])
    other.publish()
    other.write(folder)


def test_once_exits_0_where_nothing_is_wrong_and_1_where_something_is(
    made: PublishedLedger, folder: Path
) -> None:
    first = _run(folder, "--once")
    assert first.exit_code == 0, first.output
    assert "5 entries" in first.output
    assert "UNWITNESSED" in first.output
    made.append([make_body(5)])
    made.publish()
    made.write(folder)
    assert _run(folder, "--once").exit_code == 0
    _fork(made, folder)
    for _ in range(2):
        found = _run(folder, "--once")
        assert found.exit_code == 1
        assert "ALARM  split_view" in found.output
    kept = (folder.parent / "memory" / "alarms.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in kept] == ["split_view"] * 2
    notes = json.loads(kept[0])["detail"]
    assert made.objects["checkpoint"].decode() == notes["seen"] != notes["found"]


def test_json_lines(made: PublishedLedger, folder: Path) -> None:
    made.append([make_body(5, kind="alarm.raised", what="clock", note="\x1b[31m")])
    made.publish()
    made.write(folder)
    found = _run(folder, "--once", "--json", "--bodies", folder / "bodies.jsonl")
    assert found.exit_code == 1
    alarm, told = (json.loads(line) for line in found.output.splitlines())
    assert (alarm["event"], alarm["kind"], alarm["index"]) == ("alarm", "alarm_entry", 5)
    assert (told["event"], told["size"], told["bodies"], told["alarms"]) == ("round", 6, 6, 1)
    again = _run(folder, "--once", "--bodies", folder / "bodies.jsonl")
    assert again.exit_code == 0


def test_a_hostile_ledger_cannot_steer_the_terminal(made: PublishedLedger, folder: Path) -> None:
    made.append([make_body(5, kind="alarm.raised", what="\x1b[2J\u202e")])
    made.publish()
    made.write(folder)
    found = _run(folder, "--once", "--bodies", folder / "bodies.jsonl")
    assert "\x1b" not in found.output
    assert "\u202e" not in found.output


@pytest.mark.parametrize(
    "more",
    [
        ["--key", "nonsense"],
        ["--witness", "{log}"],
        ["--policy-key", "{witness}"],
        ["--ignore", "split_view"],
        ["--every", "0"],
        ["--still", "-1"],
    ],
)
def test_what_was_not_understood_exits_2(
    made: PublishedLedger, folder: Path, more: list[str]
) -> None:
    witness = NoteSigner.generate("w", COSIGNATURE_V1).verifier.text
    values = {"log": made.signer.verifier.text, "witness": witness}
    result = _run(folder, "--once", *(one.format(**values) for one in more))
    assert result.exit_code == 2, result.output


def test_the_key_is_asked_for_and_not_taken_from_the_ledgers_folder(folder: Path) -> None:
    memory = str(folder.parent / "memory")
    assert CliRunner().invoke(monitor, [str(folder), "--memory", memory]).exit_code == 2


def test_one_monitor_a_folder(folder: Path) -> None:
    with MonitorFolder(folder.parent / "memory").held():
        result = _run(folder, "--once")
    assert isinstance(result.exception, OnRecordError)
    assert "another monitor" in result.exception.message


def test_a_memory_that_cannot_be_read_is_no_new_beginning(folder: Path) -> None:
    _run(folder, "--once")
    (folder.parent / "memory" / "memory.json").write_bytes(b"")
    result = _run(folder, "--once")
    assert isinstance(result.exception, OnRecordError)


def _rows(path: Path, place: int = 0) -> list[tuple[int, int]]:
    return [(at, row[0]) for at, row in rows_from(path, place)]


def test_bodies_are_read_on_from_where_they_ended(folder: Path) -> None:
    path = folder / "bodies.jsonl"
    assert _rows(folder / "none") == []
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:30])
    places = _rows(path)
    assert [index for _, index in places] == [0, 1]
    path.write_bytes(b"".join(lines))
    assert [index for _, index in _rows(path, places[-1][0])] == [2, 3, 4]
    # A file that was made anew has no row where the last one ended.
    path.write_bytes(b"".join(lines[1:3]))
    assert [index for _, index in _rows(path, len(b"".join(lines)))] == [1, 2]
    assert [index for _, index in _rows(path, 7)] == [1, 2]
    path.write_bytes(lines[0] + b"nonsense\n")
    with pytest.raises(OnRecordError, match=r"bodies\.jsonl"):
        _rows(path)


class _Following:
    """`onrecord monitor` as a process."""

    def __init__(self, folder: Path) -> None:
        self.memory = folder.parent / "memory"
        command = [sys.executable, "-m", "onrecord", "monitor"]
        command += _arguments(folder, "--every", "0.02", "--json")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.lines = self.process.stdout

    def next(self, event: str) -> dict[str, Any]:
        for line in self.lines:
            told: dict[str, Any] = json.loads(line)
            if told["event"] == event:
                return told
        raise AssertionError(f"it ended without {event}")

    def remembers(self, size: int) -> None:
        """Wait until a checkpoint of this size is on disk."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            note = MonitorFolder(self.memory).load().note
            if note is not None and note.split("\n")[1] == str(size):
                return
        raise AssertionError(f"size {size} is not remembered")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(20)
        self.lines.close()
        return status


def test_it_follows_survives_sigkill_and_stops_when_asked(
    made: PublishedLedger, folder: Path
) -> None:
    """R-24: the history it saw before it was killed is what it holds the next one against."""
    first = _Following(folder)
    try:
        assert first.next("round")["size"] == 5
        made.append([make_body(5)])
        made.publish()
        (folder / "tile/0/000.p/6").write_bytes(made.objects["tile/0/000.p/6"])
        (folder / "tile/entries/000.p/6").write_bytes(made.objects["tile/entries/000.p/6"])
        (folder / "checkpoint").write_bytes(made.objects["checkpoint"])
        first.remembers(6)
    finally:
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    _fork(made, folder)
    second = _Following(folder)
    try:
        assert second.next("alarm")["kind"] == "split_view"
        made.write(folder)
        assert second.next("over")["kind"] == "split_view"
    finally:
        assert second.end(signal.SIGTERM) == 0
    kept = (second.memory / "alarms.jsonl").read_text().splitlines()
    assert len({json.loads(line)["kind"] for line in kept} - {"entries_differ", "unreadable"}) == 1


def test_what_the_folder_keeps_is_whole_after_a_kill_within_a_line(folder: Path) -> None:
    memory = folder.parent / "memory"
    _run(folder, "--once")
    (memory / "alarms.jsonl").write_bytes(b'{"kind":"un')
    (folder / "checkpoint").unlink()
    assert _run(folder, "--once").exit_code == 1
    lines = (memory / "alarms.jsonl").read_bytes().splitlines()
    assert lines[0] == b'{"kind":"un'
    assert json.loads(lines[1])["kind"] == "unreadable"
    assert MonitorFolder(memory).load() != Memory()
