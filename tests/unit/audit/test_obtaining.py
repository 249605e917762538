"""R-24: what a log makes of a witness's answers. Only a witness that speaks twice stops it."""

import itertools
from collections.abc import Callable

import pytest

from onrecord.audit.core.witnessing import (
    MAX_ROUNDS,
    Answer,
    ContradictionError,
    Cosigned,
    Elsewhere,
    NotExtended,
    Obtained,
    WitnessAddress,
    WitnessAwayError,
    Witnessing,
    obtain,
)
from onrecord.proof.checkpoint import SignedCheckpoint, cosignature, parse_checkpoint
from onrecord.proof.cosignatures import read_cosignatures
from onrecord.proof.notes import NoteSigner, NoteVerifier, parse_note
from onrecord.proof.submission import Submission
from tests.builders.ledger import ORIGIN, MemoryLedger
from tests.builders.witnessing import grown, new_signer


class Committed:
    """What the database has: a memory ledger."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger

    def at(self, size: int) -> SignedCheckpoint:
        note = self.ledger.checkpoint(size)
        return SignedCheckpoint(note, parse_checkpoint(parse_note(note)[0]))

    def head(self) -> SignedCheckpoint:
        return self.at(self.ledger.size)

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        return self.ledger.consistency(old_size, new_size)


class Scripted:
    """A witness that says what it is told to, and keeps what it was asked."""

    def __init__(self, *answers: int | str) -> None:
        self.signer = new_signer()
        self.answers = list(answers)
        self.asked: list[tuple[int, int]] = []
        self.proofs: list[tuple[bytes, ...]] = []

    @property
    def key(self) -> NoteVerifier:
        return self.signer.verifier

    def submit(self, submission: Submission) -> Answer:
        checkpoint = submission.checkpoint
        self.asked.append((submission.old_size, checkpoint.size))
        self.proofs.append(tuple(submission.proof))
        answer = self.answers.pop(0)
        if answer == "ok":
            line = cosignature(checkpoint.text(), self.signer, 5)
            return Cosigned(read_cosignatures(checkpoint.text(), line, [self.key])[0])
        if answer == "422":
            return NotExtended("no")
        if answer == "away":
            raise WitnessAwayError("away")
        assert isinstance(answer, int)
        return Elsewhere(answer)

    def close(self) -> None: ...


@pytest.fixture
def ours() -> Committed:
    return Committed(grown(MemoryLedger(), 9))


def got(
    witness: Scripted,
    ours: Committed,
    size: int,
    known: int = 0,
    promised: int | None = None,
    forgot: Callable[[int], None] = lambda _: None,
) -> Obtained:
    promised = known if promised is None else promised
    return obtain(witness, ours, ours.at(size), known, promised, forgot)


def test_a_witness_that_is_where_we_believe_is_asked_once(ours: Committed) -> None:
    witness = Scripted("ok")
    found = got(witness, ours, 7, known=4)
    assert witness.asked == [(4, 7)]
    assert witness.proofs == [ours.consistency(4, 7)]
    assert found.signed.checkpoint.size == 7
    assert found.cosignature.witness == witness.key


def test_after_a_restart_it_is_asked_for_its_size(ours: Committed) -> None:
    witness = Scripted(5, "ok")
    assert got(witness, ours, 7).signed.checkpoint.size == 7
    assert witness.asked == [(0, 7), (5, 7)]


def test_another_replica_has_shown_it_more_than_we_know_of(ours: Committed) -> None:
    witness = Scripted(8, "ok")
    assert got(witness, ours, 7).signed.checkpoint.size == 9
    assert witness.asked == [(0, 7), (8, 9)]


def test_a_witness_at_our_very_size_is_asked_for_that_and_no_more(ours: Committed) -> None:
    """What it has cosigned already is cosigned again: that is no contradiction."""
    witness = Scripted(7, "ok")
    assert got(witness, ours, 7).signed.checkpoint.size == 7
    assert witness.asked == [(0, 7), (7, 7)]
    believed = Scripted("ok")
    assert got(believed, ours, 7, known=7).signed.checkpoint.size == 7
    assert believed.asked == [(7, 7)]
    newest = Scripted(9, "ok")
    assert got(newest, ours, 9).signed.checkpoint.size == 9
    assert newest.asked == [(0, 9), (9, 9)]


def test_what_is_believed_beyond_the_database_is_asked_and_not_held_against_it(
    ours: Committed,
) -> None:
    """Only the witness's own word counts: what we remember of it may be another ledger's."""
    witness = Scripted(8, "ok")
    assert got(witness, ours, 7, known=12).signed.checkpoint.size == 9
    assert witness.asked == [(0, 9), (8, 9)]


def test_more_than_the_database_has_is_a_contradiction(ours: Committed) -> None:
    witness = Scripted(10)
    with pytest.raises(ContradictionError) as caught:
        got(witness, ours, 7)
    assert str(caught.value) == (
        f"{witness.key.name} has cosigned 10 entries and the database has 9: it has been "
        "rolled back"
    )


@pytest.mark.parametrize("second", ["422", 5])
def test_another_tree_is_a_contradiction_once_it_was_said_twice(
    ours: Committed, second: int | str
) -> None:
    """By the text of July 2026 another root of the same size is a 422; by tag v1.0.0 a 409."""
    witness = Scripted("422", 5, second)
    with pytest.raises(ContradictionError) as caught:
        got(witness, ours, 7, known=4)
    assert str(caught.value) == (
        f"{witness.key.name} has cosigned 5 entries that are not the first 5 of the database"
    )
    assert witness.asked == [(4, 7), (0, 7), (5, 7)]


def test_a_refusal_that_does_not_hold_stops_nothing(ours: Committed) -> None:
    """What we remembered was wrong, as where the witness was restored."""
    witness = Scripted("422", 2, "ok")
    assert got(witness, ours, 7, known=4).signed.checkpoint.size == 7


def test_a_witness_that_knows_nothing_contradicts_nothing(ours: Committed) -> None:
    witness = Scripted(*["422"] * MAX_ROUNDS)
    with pytest.raises(WitnessAwayError) as caught:
        got(witness, ours, 7)
    assert str(caught.value) == f"{witness.key.name} does not say twice the same"


def test_one_that_never_agrees_with_itself_is_given_up(ours: Committed) -> None:
    witness = Scripted(1, 2, 3, 4, 5, 6)
    with pytest.raises(WitnessAwayError):
        got(witness, ours, 7)
    assert len(witness.asked) == MAX_ROUNDS


def test_a_smaller_size_than_it_had_cosigned_is_told(ours: Committed) -> None:
    told: list[int] = []
    witness = Scripted(3, "ok")
    got(witness, ours, 9, known=7, forgot=told.append)
    assert told == [3]
    got(Scripted(3, "ok"), ours, 9, known=2, forgot=told.append)
    assert told == [3]
    # After a restart it is asked, and what we have its signature on is remembered all the same.
    got(Scripted(5, "ok"), ours, 9, promised=7, forgot=told.append)
    got(Scripted("ok"), ours, 9, promised=7, forgot=told.append)
    got(Scripted(7, "ok"), ours, 9, promised=7, forgot=told.append)
    assert told == [3, 5, 0]


KEY = new_signer().verifier
_LOG = NoteSigner.generate(ORIGIN).verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.text,
        f"{KEY.text} witness.example",
        f"{KEY.text} ftp://witness.example",
        f"{KEY.text} http://",
        f"{KEY.text} http://me:secret@witness.example",
        f"{KEY.text} http://witness.example/?x",
        f"{KEY.text} http://witness.example/#x",
        f"{KEY.text} //witness.example",
        f"{_LOG.text} http://witness.example",
        "http://witness.example",
    ],
    ids=itertools.count(),  # keys are fresh, names of tests are not
)
def test_what_is_no_address_of_a_witness(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|address"):
        WitnessAddress.parse(text)


def test_addresses_and_quorums() -> None:
    one = WitnessAddress.parse(f" {KEY.text}  https://witness.example/prefix/ ")
    assert one == WitnessAddress(KEY, "https://witness.example/prefix")
    assert WitnessAddress.parse(str(one)) == one
    for url in ("http://127.0.0.1:8080", "https://witness.example/X", "HTTP://witness.example"):
        assert WitnessAddress.parse(f"{KEY.text} {url}/") == WitnessAddress(KEY, url)
    assert Witnessing((one,), 1).quorum.needed == 1
    with pytest.raises(ValueError, match="quorum"):
        Witnessing((one,), 2)
    with pytest.raises(ValueError, match="once"):
        Witnessing((one, one), 2)
