"""R-24: several processes find what one finds, and name the same first fault."""

from pathlib import Path
from typing import Any

import pytest

from onrecord.cli.ledger_source import open_fetch, read_bodies
from onrecord.cli.ledger_workers import by_processes
from onrecord.proof.checks import LedgerFault
from onrecord.proof.notes import NoteSigner
from onrecord.proof.verify import EXTENDS, LedgerReport, verify_ledger
from tests.unit.proof.ledgers import ORIGIN, PublishedLedger, make_body, published_ledger

SIGNER = NoteSigner.generate(ORIGIN)
SIZE = 5_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_ledger(SIZE, SIGNER).write(tmp_path_factory.mktemp("ledger"))


def _verify(folder: Path, processes: int, **options: Any) -> LedgerReport:
    options = {"bodies": read_bodies(folder / "bodies.jsonl")} | options
    return verify_ledger(
        open_fetch(str(folder)),
        SIGNER.verifier,
        examine=by_processes(str(folder), processes, worth=0),
        **options,
    )


@pytest.mark.parametrize("seen_at", [1, 255, 256, 257, 600, 4_095, 4_096, SIZE])
def test_an_earlier_ledger_is_held_against_any_span(folder: Path, seen_at: int) -> None:
    kept = published_ledger(seen_at, SIGNER).publish()
    assert _verify(folder, 1, previous=kept, bodies=None).checkpoint.size == SIZE
    rewritten = PublishedLedger(SIGNER)
    rewritten.append([make_body(number, rewritten=True) for number in range(seen_at)])
    with pytest.raises(LedgerFault) as fault:
        _verify(folder, 1, previous=rewritten.publish(), bodies=None)
    assert fault.value.check == EXTENDS


def test_two_processes_find_what_one_finds(folder: Path) -> None:
    kept = published_ledger(700, SIGNER).publish()
    one = _verify(folder, 1, previous=kept)
    assert one == _verify(folder, 2, previous=kept)
    assert one.bodies == SIZE
    assert one == verify_ledger(
        open_fetch(str(folder)),
        SIGNER.verifier,
        bodies=read_bodies(folder / "bodies.jsonl"),
        previous=kept,
    )


def test_the_first_fault_is_named_whoever_finds_it(folder: Path) -> None:
    """Entry 900's body and a tile far behind it are false: the body comes first."""
    lines = (folder / "bodies.jsonl").read_bytes().splitlines(keepends=True)
    tile = folder / "tile/0/010"
    whole = tile.read_bytes()
    try:
        (folder / "bodies.jsonl").write_bytes(b"".join([*lines[:900], *lines[901:]]))
        tile.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        faults = []
        for processes in (1, 2):
            with pytest.raises(LedgerFault) as found:
                _verify(folder, processes)
            faults.append(found.value)
        with pytest.raises(LedgerFault, match="tile/0/010") as in_tile:
            _verify(folder, 2, bodies=None)
    finally:
        (folder / "bodies.jsonl").write_bytes(b"".join(lines))
        tile.write_bytes(whole)
    assert [(one.check, one.index, one.message) for one in faults[:1]] == [
        (one.check, one.index, one.message) for one in faults[1:]
    ]
    assert faults[0].index == 900
    assert in_tile.value.index == 10 * 256 + 255
