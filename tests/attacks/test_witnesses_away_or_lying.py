"""Attacker: the operator, with witnesses that are away, restored or in league. R-24.

What an honest witness finds is tried in `tests/unit/audit/test_witnessing.py` and, against
witnesses that others wrote, in `tests/interop`.
"""

from pathlib import Path

import pytest

from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import SystemClock
from onrecord.proof.checkpoint import SignedCheckpoint, open_checkpoint
from onrecord.proof.cosignatures import Quorum
from onrecord.proof.merkle import verify_consistency
from onrecord.proof.notes import NoteSigner
from onrecord.witness.book import Book
from onrecord.witness.service import Witness
from tests.attacks.conftest import Refused, entries
from tests.builders.joined import Joined
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import forked, grown, new_signer, submission


def _cosigned(
    ledger: MemoryLedger, signer: NoteSigner, book: Path, old: int = 0
) -> tuple[int, str]:
    """What a witness with this key and this memory answers, and the note with its line."""
    opened = Book(book)
    try:
        witness = Witness(signer, [ledger.key], opened, SystemClock())
        answer = witness.add_checkpoint(submission(ledger, old).encode())
    finally:
        opened.close()
    return answer.status, ledger.checkpoint() + (answer.body if answer.cosigned else "")


@pytest.fixture
def histories() -> tuple[MemoryLedger, MemoryLedger]:
    one = grown(MemoryLedger(), 7)
    return one, grown(forked(one, 4), 3, "two")


def test_possible_a_quorum_that_is_in_league_cosigns_two_histories(
    tmp_path: Path, histories: tuple[MemoryLedger, MemoryLedger], refused: Refused
) -> None:
    """The attack succeeds on any one reader; two who compare hold the proof of it."""
    signers = [new_signer(f"witness.example/w{number}") for number in range(2)]
    quorum = Quorum(tuple(one.verifier for one in signers), 2)
    seen = []
    for number, ledger in enumerate(histories):
        lines = []
        for signer in signers:
            status, note = _cosigned(ledger, signer, tmp_path / f"{signer.name[-2:]}-{number}.db")
            assert status == 200
            lines.append(note.removeprefix(ledger.checkpoint()))
        opened = quorum.covers(ledger.checkpoint() + "".join(lines), ledger.key)
        assert opened is not None, "this reader is satisfied"
        seen.append(opened.checkpoint)
    assert seen[0].size == seen[1].size
    refused(
        ErrorCode.LEDGER_INCONSISTENT,
        lambda: verify_consistency(seen[0].size, seen[0].root, seen[1].size, seen[1].root, ()),
    )


def test_one_honest_witness_of_the_quorum_is_enough(
    tmp_path: Path, histories: tuple[MemoryLedger, MemoryLedger]
) -> None:
    honest, liar = new_signer("witness.example/h"), new_signer("witness.example/l")
    quorum = Quorum((honest.verifier, liar.verifier), 2)
    notes = []
    for number, ledger in enumerate(histories):
        status, note = _cosigned(ledger, honest, tmp_path / "honest.db", 0 if number == 0 else 7)
        assert status == (200 if number == 0 else 422)
        _, lied = _cosigned(ledger, liar, tmp_path / f"liar-{number}.db")
        notes.append(note + lied.removeprefix(ledger.checkpoint()))
    assert quorum.covers(notes[0], histories[0].key) is not None
    assert quorum.covers(notes[1], histories[1].key) is None


def test_possible_a_witness_whose_memory_was_put_back_cosigns_a_fork(
    tmp_path: Path, histories: tuple[MemoryLedger, MemoryLedger]
) -> None:
    """The attack succeeds: it is what it remembers. Restored, it needs a new key."""
    signer, book = new_signer(), tmp_path / "w.db"
    assert _cosigned(histories[0], signer, book)[0] == 200
    assert _cosigned(histories[1], signer, book, 7)[0] == 422
    for left in tmp_path.glob("w.db*"):
        left.unlink()
    assert _cosigned(histories[1], signer, book)[0] == 200


def test_possible_without_a_witness_nobody_compares_for_us(joined: Joined) -> None:
    """R-16: the attack succeeds until somebody does; every lead says so."""
    granted, found = joined.searched(1)
    joined.examine(granted.search_id, found, found.candidates[0].candidate_ref, "berg", "cole")
    index = joined.release(granted.search_id).entry.index
    assert "UNWITNESSED" in entries(joined.audit)[index]["stamps"]


def test_a_kept_checkpoint_is_proof_by_itself(
    histories: tuple[MemoryLedger, MemoryLedger],
) -> None:
    """Both notes bear the log's own signature: it cannot say that it never made them."""
    for ledger in histories:
        note = ledger.checkpoint()
        kept = SignedCheckpoint(note, open_checkpoint(note, histories[0].key).checkpoint)
        assert kept.checkpoint.size == 7
    assert len({ledger.checkpoint() for ledger in histories}) == 2
