"""R-20, R-24: what a verification says, in which order, and what it gives to be examined."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.bodies import BODIES
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, cosign, sign_checkpoint
from onrecord.proof.checks import BodyCheck, Check, LedgerFault, base_checks
from onrecord.proof.cosignatures import cosignatures_on
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from onrecord.proof.rebuild import TILES_AGREE
from onrecord.proof.spans import COMMITMENTS, ENTRIES, Examined, Span, one_by_one
from onrecord.proof.verify import EXTENDS, ROOT, SIGNED, WITNESSED, LedgerReport, verify_ledger
from tests.unit.proof.ledgers import PublishedLedger, fetch_from, make_body, published_ledger

ONE, TWO, THREE = (NoteSigner.generate(f"w.example/{n}", COSIGNATURE_V1) for n in (1, 2, 3))
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
LEDGER = published_ledger(600)
SMALL = published_ledger(5)
FETCH = fetch_from(LEDGER.objects)
KEY = LEDGER.signer.verifier


def cosigned(made: PublishedLedger, *signers: NoteSigner) -> PublishedLedger:
    note = made.objects["checkpoint"].decode()
    for signer in signers:
        note = cosign(note, signer, NOW)
    return replace(made, objects=made.objects | {"checkpoint": note.encode()})


def kept(size: int, made: PublishedLedger = LEDGER) -> SignedCheckpoint:
    """What somebody kept who saw the log of `made` when it had `size` entries."""
    earlier = PublishedLedger(made.signer)
    earlier.append([body for _, body in made.entries[:size]])
    return earlier.publish()


def fault_of(act: Callable[[], object]) -> LedgerFault:
    with pytest.raises(LedgerFault) as found:
        act()
    return found.value


def test_the_report_names_everything_that_was_checked_in_order() -> None:
    made = cosigned(LEDGER, ONE, THREE)
    told: list[tuple[int, int]] = []
    report = verify_ledger(
        fetch_from(made.objects),
        KEY,
        witnesses=[ONE.verifier],
        bodies=made.bodies(),
        previous=kept(300),
        progress=lambda done, of: told.append((done, of)),
    )
    note = made.objects["checkpoint"].decode()
    size = 600
    assert report == LedgerReport(
        kept(size).checkpoint,
        cosignatures_on(note, [ONE.verifier]),
        (
            Check(SIGNED, 1),
            Check(WITNESSED, 1),
            Check(EXTENDS, 1),
            Check(ENTRIES, size),
            Check(COMMITMENTS, size),
            Check(TILES_AGREE, 4),
            Check(ROOT, 1),
            Check(BODIES, size),
            *(Check(law().name, size) for law in base_checks()),
        ),
        size,
    )
    assert report.witnessed_by == (ONE.name,)
    assert told == [(512, 600), (600, 600)]


def never() -> BodyCheck:
    raise AssertionError("no law is asked where there are no bodies")


def test_without_bodies_no_law_is_asked_and_none_is_named() -> None:
    """R-26: who has no bodies verifies the log, and claims nothing about what was logged."""
    fetch = fetch_from(SMALL.objects)
    report = verify_ledger(fetch, SMALL.signer.verifier, body_checks=[never])
    assert report.checks == (
        Check(SIGNED, 1),
        Check(ENTRIES, 5),
        Check(COMMITMENTS, 5),
        Check(TILES_AGREE, 1),
        Check(ROOT, 1),
    )
    assert (report.bodies, report.cosignatures) == (None, ())


def test_bodies_are_wanted_without_gaps_unless_said_otherwise() -> None:
    """R-20: a body left out is found by who asks for no exception."""
    fetch, rows = fetch_from(SMALL.objects), list(SMALL.bodies())
    fault = fault_of(lambda: verify_ledger(fetch, SMALL.signer.verifier, bodies=rows[:3]))
    assert (fault.check, fault.index) == (BODIES, 3)
    report = verify_ledger(fetch, SMALL.signer.verifier, bodies=rows[:3], all_bodies=False)
    assert report.bodies == 3


@pytest.mark.parametrize(
    ("signed_by", "needed", "count"),
    [((ONE, TWO), None, 2), ((ONE,), 1, 1), ((TWO,), 1, 1), ((ONE, TWO), 1, 2), ((ONE, TWO), 2, 2)],
)
def test_as_many_witnesses_as_are_needed_are_enough(
    signed_by: tuple[NoteSigner, ...], needed: int | None, count: int
) -> None:
    """R-24: who trusts one of two need not have both."""
    made = cosigned(SMALL, *signed_by)
    witnesses = [ONE.verifier, TWO.verifier]
    report = verify_ledger(
        fetch_from(made.objects), made.signer.verifier, witnesses=witnesses, needed=needed
    )
    assert report.witnessed_by == tuple(one.name for one in signed_by)
    assert report.checks[1] == Check(WITNESSED, count)


@pytest.mark.parametrize(
    ("signed_by", "needed", "why"),
    [
        ((ONE,), None, "1 of 2 witnesses: w.example/2 has not cosigned"),
        ((ONE,), 2, "1 of 2 witnesses: w.example/2 has not cosigned"),
        ((), 1, "0 of 1 witnesses: w.example/1 has not cosigned, w.example/2 has not cosigned"),
        (
            (THREE,),
            None,
            "0 of 2 witnesses: w.example/1 has not cosigned, w.example/2 has not cosigned",
        ),
    ],
)
def test_too_few_witnesses_are_found_and_who_is_missing_is_named(
    signed_by: tuple[NoteSigner, ...], needed: int | None, why: str
) -> None:
    """R-24."""
    made = cosigned(SMALL, *signed_by)
    witnesses = [ONE.verifier, TWO.verifier]
    fault = fault_of(
        lambda: verify_ledger(
            fetch_from(made.objects), made.signer.verifier, witnesses=witnesses, needed=needed
        )
    )
    assert (fault.check, fault.index, fault.reason) == (WITNESSED, None, why)


@pytest.mark.parametrize("needed", [0, 3, -1])
def test_a_quorum_that_cannot_be_is_a_mistake_of_the_caller(needed: int) -> None:
    made = cosigned(SMALL, ONE, TWO)
    with pytest.raises(ValueError, match="quorum"):
        verify_ledger(
            fetch_from(made.objects),
            made.signer.verifier,
            witnesses=[ONE.verifier, TWO.verifier],
            needed=needed,
        )


class Recorded:
    """Examines as `one_by_one` does, and keeps what it was given."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self.spans: list[Span] = []
        self._fetch = fetch

    def __call__(self, spans: Iterable[Span]) -> Iterator[Examined]:
        return one_by_one(self._fetch)(self._kept(spans))

    def _kept(self, spans: Iterable[Span]) -> Iterator[Span]:
        for span in spans:
            self.spans.append(span)
            yield span


@pytest.mark.parametrize(
    ("cut", "cuts"),
    [
        (None, [None, None]),
        (1, [1, None]),
        (512, [512, None]),
        (513, [None, 513]),
        (600, [None, 600]),
    ],
)
def test_the_ledger_is_examined_span_by_span(cut: int | None, cuts: Sequence[int | None]) -> None:
    """R-24: each with its bodies, and with the end of the earlier ledger where it is in it."""
    examine = Recorded(FETCH)
    rows = tuple(LEDGER.bodies())
    report = verify_ledger(
        FETCH, KEY, bodies=rows, previous=None if cut is None else kept(cut), examine=examine
    )
    assert examine.spans == [
        Span(0, 512, 600, rows[:512], None, cuts[0]),
        Span(512, 88, 600, rows[512:], None, cuts[1]),
    ]
    assert (Check(EXTENDS, 1) in report.checks) is (cut is not None)


def test_without_bodies_spans_are_longer() -> None:
    """R-26: more bundles at once, since no bodies are held with them."""
    made = published_ledger(4100)
    fetch = fetch_from(made.objects)
    examine = Recorded(fetch)
    before = kept(4097, made)
    report = verify_ledger(fetch, made.signer.verifier, examine=examine, previous=before)
    assert examine.spans == [Span(0, 4096, 4100), Span(4096, 4, 4100, cut=4097)]
    assert Check(TILES_AGREE, 17 + 1) in report.checks


def test_nothing_is_examined_behind_a_fault_in_the_bodies() -> None:
    """R-24: the first false thing is told; the reader of bodies is not asked again."""
    examine = Recorded(FETCH)
    rows = list(LEDGER.bodies())
    del rows[300]
    fault = fault_of(lambda: verify_ledger(FETCH, KEY, bodies=rows, examine=examine))
    assert (fault.check, fault.index) == (BODIES, 300)
    assert [(span.first, span.broken) for span in examine.spans] == [(0, fault)]


@pytest.mark.parametrize("cut", [1, 255, 256, 257, 511, 512, 513, 600])
def test_another_beginning_is_found_wherever_the_earlier_ledger_ends(cut: int) -> None:
    """R-24: the log signed another history of that length before."""
    other = PublishedLedger(LEDGER.signer)
    other.append([make_body(0, rewritten=True), *(body for _, body in LEDGER.entries[1:cut])])
    previous = other.publish()
    fault = fault_of(lambda: verify_ledger(FETCH, KEY, previous=previous))
    assert (fault.check, fault.index) == (EXTENDS, None)
    assert fault.reason == f"the first {cut} entries do not lead to the root it signs"
    verify_ledger(FETCH, KEY, previous=kept(cut))


def test_why_a_checkpoint_from_before_cannot_be_held_against_is_told() -> None:
    """R-24."""
    fetch, key = fetch_from(SMALL.objects), SMALL.signer.verifier
    own = SMALL.publish()
    stranger = published_ledger(3).publish()
    fault = fault_of(lambda: verify_ledger(fetch, key, previous=stranger))
    assert (fault.check, fault.index) == (EXTENDS, None)
    assert fault.reason.startswith("the one seen before: ")
    lying = SignedCheckpoint(own.note, replace(own.checkpoint, size=1))
    fault = fault_of(lambda: verify_ledger(fetch, key, previous=lying))
    assert (fault.check, fault.index) == (EXTENDS, None)
    longer = Checkpoint(SMALL.signer.name, 6, EMPTY_ROOT)
    newer = SignedCheckpoint(sign_checkpoint(longer, SMALL.signer), longer)
    fault = fault_of(lambda: verify_ledger(fetch, key, previous=newer))
    assert (fault.check, fault.index) == (EXTENDS, 5)
    assert fault.reason == "it had 6 entries and has 5: the ledger was cut"


def test_a_checkpoint_that_cannot_be_opened_breaks_the_first_check() -> None:
    """R-24: missing, not text, or not by the log; none of it is at one entry."""
    key = SMALL.signer.verifier
    for objects in ({}, {"checkpoint": b"\xff"}, {"checkpoint": b"hello\n"}):
        fault = fault_of(lambda objects=objects: verify_ledger(fetch_from(objects), key))  # type: ignore[misc]
        assert (fault.check, fault.index) == (SIGNED, None)
    fault = fault_of(lambda: verify_ledger(fetch_from({"checkpoint": b"\xff"}), key))
    assert isinstance(fault.__cause__, OnRecordError)
    assert fault.__cause__.code is ErrorCode.SIGNATURE_INVALID


def test_a_root_that_the_entries_do_not_lead_to_is_at_no_one_entry() -> None:
    """R-24."""
    checkpoint = Checkpoint(SMALL.signer.name, 5, bytes(32))
    note = sign_checkpoint(checkpoint, SMALL.signer)
    fetch = fetch_from(SMALL.objects | {"checkpoint": note.encode()})
    fault = fault_of(lambda: verify_ledger(fetch, SMALL.signer.verifier))
    assert (fault.check, fault.index) == (ROOT, None)
    assert fault.reason == "the first 5 entries do not lead to the root it signs"


def test_a_fault_says_which_check_it_broke_and_at_which_entry() -> None:
    """R-24: the same words whether it was found here or by another process."""
    for fault, words in (
        (LedgerFault("the law", None, "broken"), "the law: broken"),
        (LedgerFault("the law", 0, "broken"), "the law: entry 0: broken"),
        (LedgerFault("the law", 12, "broken"), "the law: entry 12: broken"),
    ):
        again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - it was made a moment ago
        for one in (fault, again):
            assert (one.code, one.message) == (ErrorCode.LEDGER_INCONSISTENT, words)
            assert (one.check, one.index, one.reason) == ("the law", fault.index, "broken")
