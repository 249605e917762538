"""R-24: the witness cosigns one history of a log, and answers with the specification's codes."""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.proof.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from onrecord.proof.cosignatures import read_cosignatures
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.proof.notes import NoteSigner, parse_note
from onrecord.proof.submission import SIZE_TYPE, Submission, parse_submission
from onrecord.witness.book import MAX_REFUSED, Book, Refused
from onrecord.witness.core import NOTHING, Answer, Known
from onrecord.witness.service import Witness
from tests.builders.audit import SetClock
from tests.builders.ledger import ORIGIN, MemoryLedger
from tests.builders.witnessing import forked, grown, new_signer, submission

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
_CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture
def log() -> MemoryLedger:
    return grown(MemoryLedger(), 9)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = Book(tmp_path / "witness.db")
    yield opened
    opened.close()


def witness_of(log: MemoryLedger, book: Book, clock: Clock | None = None) -> Witness:
    return Witness(new_signer(), [log.key], book, clock or SetClock())


def test_what_extends_is_cosigned_and_remembered(log: MemoryLedger, book: Book) -> None:
    signer = new_signer()
    witness = Witness(signer, [log.key], book, SetClock())
    for old, size in ((0, 3), (3, 3), (3, 9)):
        answer = witness.add_checkpoint(submission(log, old, size).encode())
        assert answer.status == 200, answer
        note = log.checkpoint(size)
        opened = open_checkpoint(note + answer.body, log.key, [signer.verifier])
        assert opened.witnessed_by == (signer.name,)
        assert book.known(ORIGIN).size == size
    (cosignature,) = read_cosignatures(parse_note(note)[0], answer.body, [signer.verifier])
    assert cosignature.time == int(NOW.timestamp())


@pytest.mark.parametrize(
    ("old", "size", "status"), [(0, 9, 409), (4, 9, 409), (9, 9, 409), (10, 9, 400), (6, 5, 400)]
)
def test_a_wrong_old_size_is_answered_with_the_size_it_knows(
    log: MemoryLedger, book: Book, old: int, size: int, status: int
) -> None:
    witness = witness_of(log, book)
    assert witness.add_checkpoint(submission(log, 0, 5).encode()).cosigned
    answer = witness.add_checkpoint(submission(log, old, size).encode())
    assert answer.status == status
    if status == 409:
        assert answer == Answer(409, "5\n", SIZE_TYPE)
    assert book.known(ORIGIN).size == 5


@pytest.mark.parametrize("size", [5, 6, 8, 9])
def test_another_history_is_never_cosigned_and_is_kept_as_evidence(
    log: MemoryLedger, book: Book, size: int
) -> None:
    """A split view: the same key signs two trees, of the same size or of another."""
    witness = witness_of(log, book)
    assert witness.add_checkpoint(submission(log, 0, 5).encode()).cosigned
    before = book.known(ORIGIN)
    fork = grown(forked(log, 4), 5, "two")
    for proof in (fork.consistency(5, size), log.consistency(5, size), ()):
        told = Submission(5, proof, fork.checkpoint(size))
        assert witness.add_checkpoint(told.encode()).status == 422
    assert book.known(ORIGIN) == before
    (evidence,) = book.refused()
    # Whoever holds the log's key alone can tell: it signed this, and what was cosigned.
    signed = open_checkpoint(evidence.note, log.key).checkpoint
    assert (signed.size, evidence.origin) == (size, ORIGIN)
    assert open_checkpoint(before.note, log.key).checkpoint.root != signed.root


def test_a_tree_of_nothing_has_one_root(log: MemoryLedger, book: Book) -> None:
    witness = witness_of(log, book)
    for root, status in ((b"\x01" * 32, 422), (EMPTY_ROOT, 200)):
        note = sign_checkpoint(Checkpoint(ORIGIN, 0, root), log.signer)
        assert witness.add_checkpoint(Submission(0, (), note).encode()).status == status
    told = Submission(0, (b"\x00" * 32,), log.checkpoint(3))
    assert witness.add_checkpoint(told.encode()).status == 422


def test_only_known_logs_and_only_their_own_keys(log: MemoryLedger, book: Book) -> None:
    witness = witness_of(log, book)
    stranger = NoteSigner.generate("other.example/onrecord")
    note = sign_checkpoint(Checkpoint(stranger.name, 1, b"\x01" * 32), stranger)
    assert witness.add_checkpoint(Submission(0, (), note).encode()).status == 404
    impostor = NoteSigner.generate(ORIGIN)
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, b"\x01" * 32), impostor)
    assert witness.add_checkpoint(Submission(0, (), note).encode()).status == 403
    good = log.checkpoint(3)
    broken = good[:-6] + ("AAAA" if good[-6:-2] != "AAAA" else "BBBB") + good[-2:]
    assert witness.add_checkpoint(Submission(0, (), broken).encode()).status == 403
    assert book.known(ORIGIN) == NOTHING
    # A line of a key that nobody knows changes nothing.
    more = good + impostor.sign(parse_note(good)[0])
    assert witness.add_checkpoint(Submission(0, (), more).encode()).cosigned
    assert "impostor" not in book.known(ORIGIN).note
    assert book.known(ORIGIN).note.count("\n— ") == 2  # the log's and the witness's


def test_a_log_may_have_a_second_key(log: MemoryLedger, book: Book) -> None:
    later = NoteSigner.generate(ORIGIN)
    witness = Witness(new_signer(), [log.key, later.verifier], book, SetClock())
    assert witness.add_checkpoint(submission(log, 0, 3).encode()).cosigned
    log.signer = later
    assert witness.add_checkpoint(submission(log, 3).encode()).cosigned


GOOD = submission(grown(MemoryLedger(), 9), 5)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"old 5\n", b"old 05\n"),
        lambda body: body.replace(b"old 5\n", b"old -5\n"),
        lambda body: body.replace(b"old 5\n", b"old +5\n"),
        lambda body: body.replace(b"old 5\n", b"old  5\n"),
        lambda body: body.replace(b"old 5\n", b"Old 5\n"),
        lambda body: body.replace(b"old 5\n", b"old 5\r\n"),
        lambda body: body.replace(b"old 5\n", b"old 9223372036854775808\n"),
        lambda body: body.replace(b"old 5\n", "old ٥\n".encode()),
        lambda body: body.replace(b"old 5\n", b""),
        lambda body: body.replace(b"old 5\n", b"old 5\n\n"),
        lambda body: body.replace(b"old 5\n", b"old 5\n" + b"A" * 43 + b"\n"),
        lambda body: body.replace(b"old 5\n", b"old 5\n" + b"A" * 40 + b"\n"),
        lambda body: body.replace(b"old 5\n", b"old 5\n" + (b"A" * 43 + b"=\n") * 64),
        lambda body: body.replace(b"\n9\n", b"\n09\n"),
        lambda body: body.replace(b"\n9\n", b"\n9\nextension\n"),
        lambda body: body[:-1],
        lambda body: body + b"\xff\n",
        lambda body: body + b"x" * 70_000,
        lambda body: body[:0],
    ],
)
def test_what_is_spelt_another_way_is_refused(book: Book, change: Callable[[bytes], bytes]) -> None:
    log = grown(MemoryLedger(), 9)
    witness = witness_of(log, book)
    assert witness.add_checkpoint(submission(log, 0, 5).encode()).cosigned
    body = submission(log, 5).encode()
    assert change(body) != body
    assert witness.add_checkpoint(change(body)).status == 400
    assert book.known(ORIGIN).size == 5
    assert witness.add_checkpoint(body).cosigned


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_submission_has_one_spelling(data: st.DataObject) -> None:
    """Whatever parses, encodes to the very bytes it was parsed from."""
    body = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    try:
        parsed = parse_submission(bytes(body))
    except OnRecordError as error:
        assert error.code in (ErrorCode.PROOF_INVALID, ErrorCode.SIGNATURE_INVALID)
    else:
        assert parsed.encode() == bytes(body)


def test_of_two_histories_that_race_one_is_cosigned(tmp_path: Path) -> None:
    """Two forks of one size, submitted at once, again and again, through two open books."""
    log = MemoryLedger()
    databases = [Book(tmp_path / "witness.db") for _ in range(2)]
    witnesses = [witness_of(log, book) for book in databases]
    grown(log, 2)
    assert witnesses[0].add_checkpoint(submission(log, 0).encode()).cosigned
    with ThreadPoolExecutor(8) as pool:
        for _ in range(25):
            size = log.size
            forks = [grown(forked(log, size), 3, history) for history in ("one", "two")]
            bodies = [submission(fork, size).encode() for fork in forks]
            start = threading.Barrier(8)
            tried = [
                pool.submit(_at_once, start, witnesses[n // 4], bodies[n % 2]) for n in range(8)
            ]
            answers = [one.result() for one in tried]
            winners = {n % 2 for n, answer in enumerate(answers) if answer.cosigned}
            assert len(winners) == 1, answers
            assert {answer.status for answer in answers} <= {200, 409}
            log = forks[winners.pop()]
    for book in databases:
        assert book.known(ORIGIN).size == log.size
        book.close()


def _at_once(start: threading.Barrier, witness: Witness, body: bytes) -> Answer:
    start.wait(30)
    return witness.add_checkpoint(body)


def test_it_remembers_before_it_answers(tmp_path: Path, log: MemoryLedger) -> None:
    """R-22: killed the moment the answer is there, it still knows what it has cosigned."""
    child = _CONTEXT.Process(target=_cosign_and_die, args=(str(tmp_path / "witness.db"),))
    child.start()
    child.join(60)
    assert child.exitcode == 77
    book = Book(tmp_path / "witness.db")
    assert book.known(ORIGIN).size == 9
    book.close()


def _cosign_and_die(path: str) -> None:
    log = grown(MemoryLedger(), 9)
    answer = witness_of(log, Book(Path(path))).add_checkpoint(submission(log, 0).encode())
    os._exit(77 if answer.cosigned else 1)


def test_a_clock_that_goes_back_makes_no_later_statement_about_less(
    log: MemoryLedger, book: Book
) -> None:
    clock = SetClock(NOW)
    witness = witness_of(log, book, clock)
    assert witness.add_checkpoint(submission(log, 0, 5).encode()).cosigned
    clock.at = NOW - timedelta(hours=1)
    assert witness.add_checkpoint(submission(log, 5).encode()).cosigned
    assert book.known(ORIGIN).time == int(NOW.timestamp())


def test_the_book_itself_does_not_go_back(book: Book) -> None:
    book.move(ORIGIN, lambda _: Known(5, b"\x01" * 32, 1, "note"))
    with pytest.raises(OnRecordError, match="does not go back"):
        book.move(ORIGIN, lambda _: Known(4, b"\x01" * 32, 1, "note"))
    assert book.known(ORIGIN).size == 5


def test_evidence_is_bounded(book: Book) -> None:
    for number in range(MAX_REFUSED + 5):
        book.keep_refused(Refused(ORIGIN, number, "why", f"note {number}"))
    assert len(book.refused()) == MAX_REFUSED


def test_its_newest_checkpoint_is_public(log: MemoryLedger, book: Book) -> None:
    signer = new_signer()
    witness = Witness(signer, [log.key], book, SetClock())
    address = hashlib.sha256(ORIGIN.encode()).hexdigest()
    assert witness.checkpoint(address).status == 404
    assert witness.add_checkpoint(submission(log, 0).encode()).cosigned
    answer = witness.checkpoint(address)
    opened = open_checkpoint(answer.body, log.key, [signer.verifier])
    assert (opened.checkpoint.size, opened.witnessed_by) == (9, (signer.name,))
    assert witness.checkpoint("00").status == 404
