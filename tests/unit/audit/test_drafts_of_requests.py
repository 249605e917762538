"""Law 1, R-9, R-10, R-21: what a request's entry says and marks, to the last field."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from onrecord.audit.core.authority import Quotas
from onrecord.audit.core.draft import (
    Count,
    Counter,
    Draft,
    Existing,
    Idempotent,
    OpenSearch,
    StaleEvaluationError,
)
from onrecord.audit.core.emergency_books import OpenedEmergency, OpenEmergency
from onrecord.audit.core.evaluation import EmergencyTerms, Verdict
from onrecord.audit.core.reasons import Reason
from onrecord.audit.core.requesting import Submission, propose, read_decisions
from onrecord.contracts.audit import GalleryDecision
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import EntryKind, InstrumentType, Role
from onrecord.proof import canonical
from tests.builders.audit import PROBE, REQUEST, START
from tests.builders.books import WrittenBooks

SENT = {**REQUEST, "galleries": ["US-UT", "US-VT"]}
CLAIMS = Claims(
    subject="account",
    person="olsen",
    agency="us-ut-slcpd",
    roles=frozenset({Role.REQUESTER}),
    expires_at=START,
    token_id="t-1",
    training_completed=date(2026, 6, 1),
)
ASKED = Submission("s-1", SENT, parse_request(SENT), CLAIMS, PROBE, "key-1", "req-1")
QUOTAS = Quotas(
    per_person_per_day=11,
    per_agency_per_day=22,
    per_gallery_per_day=33,
    per_case=4,
    per_probe=5,
)
GRANTED = Verdict(
    gallery="US-UT",
    policy="digest-ut",
    model_id="model-ut",
    list_size=5,
    grant_minutes=5,
    quotas=QUOTAS,
    until=START + timedelta(days=1),
    reasons=(),
)
FORBIDDEN = Reason(ErrorCode.POLICY_FORBIDDEN, "Vermont law forbids it.")
REFUSED = replace(
    GRANTED,
    gallery="US-VT",
    policy="digest-vt",
    model_id="model-vt",
    until=START,
    reasons=(FORBIDDEN,),
)
TERMS = EmergencyTerms(
    48,
    frozenset({InstrumentType.SEARCH_WARRANT, InstrumentType.COURT_ORDER}),
    (ErrorCode.INSTRUMENT_REQUIRED, ErrorCode.SUSPICION_TOO_LOW),
)


def digest(value: object) -> str:
    return canonical.digest(value).hex()


KEY = digest(["us-ut-slcpd", "olsen", "key-1"])
OVER = digest([SENT, PROBE])


def write(*verdicts: Verdict, books: WrittenBooks | None = None, epoch: int = 1) -> Any:
    return propose(ASKED, verdicts, epoch)(books or WrittenBooks())


def counters(gallery: str = "US-UT", day: str = "2026-11-23") -> tuple[Counter, ...]:
    return (
        Counter(gallery, "per_person_per_day", "olsen", day),
        Counter(gallery, "per_agency_per_day", "us-ut-slcpd", day),
        Counter(gallery, "per_gallery_per_day", gallery, day),
        Counter(gallery, "per_case", "us-ut-slcpd\nSLC-2026-004182", ""),
        Counter(gallery, "per_probe", PROBE, ""),
    )


BODY = {
    "search_id": "s-1",
    "by": {"person": "olsen", "agency": "us-ut-slcpd", "subject": "account", "token_id": "t-1"},
    "source": "req-1",
    "request": SENT,
    "request_digest": digest(SENT),
    "probe_sha256": PROBE,
    "idempotency": KEY,
    "list_size": 5,
}
SAID_GRANTED = {
    "decision": "granted",
    "policy": "digest-ut",
    "model_id": "model-ut",
    "list_size": 5,
}
SAID_REFUSED = {
    "decision": "refused",
    "policy": "digest-vt",
    "reasons": [{"code": "policy_forbidden", "message": "Vermont law forbids it."}],
}


def test_a_grant_says_and_counts_all_of_it() -> None:
    expires = START + timedelta(minutes=5)
    assert write(GRANTED, REFUSED) == Draft(
        EntryKind.REQUEST_GRANTED,
        {
            **BODY,
            "galleries": {"US-UT": SAID_GRANTED, "US-VT": SAID_REFUSED},
            "expires_at": "2026-11-23T06:35:00.00Z",
        },
        (
            Idempotent(KEY, OVER),
            OpenSearch("s-1", ("US-UT",), expires + timedelta(seconds=60)),
            Count(counters()),
        ),
    )


def test_a_refusal_says_it_and_counts_nothing() -> None:
    assert write(REFUSED) == Draft(
        EntryKind.REQUEST_REFUSED,
        {**BODY, "galleries": {"US-VT": SAID_REFUSED}},
        (Idempotent(KEY, OVER),),
    )


def test_a_grant_lives_as_long_as_its_shortest_gallery() -> None:
    shorter = replace(GRANTED, gallery="US-CA", grant_minutes=3)
    never = replace(REFUSED, grant_minutes=1)
    draft = write(GRANTED, shorter, never)
    assert draft.body["expires_at"] == "2026-11-23T06:33:00.00Z"
    _, opened, counted = draft.marks
    assert opened == OpenSearch("s-1", ("US-UT", "US-CA"), START + timedelta(minutes=4))
    assert counted == Count((*counters(), *counters("US-CA")))


def test_days_are_the_ledgers_utc_days() -> None:
    late = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    always = replace(GRANTED, until=None)
    assert write(always, books=WrittenBooks(now=late)).marks[2] == Count(counters())
    next_day = late + timedelta(seconds=1)
    counted = write(always, books=WrittenBooks(now=next_day)).marks[2]
    assert counted == Count(counters(day="2026-11-24"))


def test_a_repeat_is_the_entry_that_stands() -> None:
    books = WrittenBooks(epoch=9, keys={KEY: (OVER, 7)})
    assert write(GRANTED, books=books) == Existing(7)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ASKED, probe_sha256="ab" * 32),
        replace(ASKED, sent={**SENT, "narrative": "another"}),
    ],
)
def test_the_same_key_for_another_request_or_probe_is_a_conflict(changed: Submission) -> None:
    books = WrittenBooks(keys={KEY: (OVER, 7)})
    with pytest.raises(OnRecordError) as caught:
        propose(changed, [GRANTED], 1)(books)
    assert caught.value.code is ErrorCode.IDEMPOTENCY_CONFLICT


@pytest.mark.parametrize(
    "claims", [replace(CLAIMS, agency="another"), replace(CLAIMS, person="another")]
)
def test_a_key_is_its_persons_within_their_agency(claims: Claims) -> None:
    books = WrittenBooks(keys={KEY: (OVER, 7)})
    another = replace(ASKED, claims=claims)
    assert isinstance(propose(another, [GRANTED], 1)(books), Draft)


@pytest.mark.parametrize("epoch", [0, 2])
def test_under_other_policies_it_is_evaluated_again(epoch: int) -> None:
    with pytest.raises(StaleEvaluationError) as caught:
        write(GRANTED, epoch=epoch)
    assert caught.value.now == START
    assert str(caught.value)


@pytest.mark.parametrize(
    ("verdict", "stale"),
    [
        (replace(GRANTED, until=START), True),
        (replace(GRANTED, until=START - timedelta(seconds=1)), True),
        (replace(GRANTED, until=START + timedelta(seconds=0.01)), False),
        (replace(GRANTED, until=None), False),
        (replace(REFUSED, until=START), False),
    ],
)
def test_a_grant_under_a_policy_that_has_run_out_is_none(verdict: Verdict, stale: bool) -> None:
    """R-1: also where another gallery's has not."""
    if not stale:
        assert isinstance(write(GRANTED, verdict), Draft)
        return
    with pytest.raises(StaleEvaluationError):
        write(GRANTED, verdict)


@pytest.mark.parametrize("number", range(5))
def test_the_unit_after_the_last_is_refused_and_says_which(number: int) -> None:
    counter = counters()[number]
    limit = getattr(QUOTAS, counter.scope)
    last = write(GRANTED, books=WrittenBooks(counts={counter: limit - 1}))
    assert last.kind is EntryKind.REQUEST_GRANTED
    for used in (limit, limit + 1):
        over = write(GRANTED, books=WrittenBooks(counts={counter: used}))
        assert over.kind is EntryKind.REQUEST_REFUSED
        (reason,) = over.body["galleries"]["US-UT"]["reasons"]
        assert reason["code"] == "quota_exhausted"
        what = ("person per day", "agency per day", "gallery per day", "case", "probe")[number]
        assert reason["message"] == (
            f"US-UT allows {limit} searches per {what}; {used} have been made."
        )


def test_one_gallerys_quota_closes_no_other() -> None:
    other = replace(GRANTED, gallery="US-CA")
    books = WrittenBooks(counts={counters()[0]: 11})
    draft = write(GRANTED, other, books=books)
    said = {name: one["decision"] for name, one in draft.body["galleries"].items()}
    assert said == {"US-UT": "refused", "US-CA": "granted"}
    assert draft.marks[2] == Count(counters("US-CA"))


def test_a_refusal_is_not_refused_again_for_its_quota() -> None:
    books = WrittenBooks(counts=dict.fromkeys(counters("US-VT"), 99))
    assert write(REFUSED, books=books).body["galleries"]["US-VT"] == SAID_REFUSED


def owed(person: str = "olsen", due: datetime = START, search_id: str = "s-0") -> OpenedEmergency:
    return OpenedEmergency(search_id, "US-UT", person, due, 3, None, None, None)


def test_an_emergency_is_opened_with_what_is_due_and_when() -> None:
    """R-10."""
    ordinary = replace(GRANTED, gallery="US-CA")
    hasty = replace(GRANTED, emergency=TERMS)
    refused = replace(REFUSED, emergency=TERMS)
    draft = write(ordinary, hasty, refused)
    assert draft.body["galleries"]["US-UT"] == {
        **SAID_GRANTED,
        "emergency": {
            "due": "2026-11-25T06:30:00.00Z",
            "instruments": ["court_order", "search_warrant"],
            "waived": ["instrument_required", "suspicion_too_low"],
        },
    }
    assert draft.body["galleries"]["US-CA"] == SAID_GRANTED
    assert draft.body["galleries"]["US-VT"] == SAID_REFUSED
    due = START + timedelta(hours=48)
    assert draft.marks[3:] == (OpenEmergency("s-1", "olsen", (("US-UT", due),)),)


def test_who_owes_a_follow_up_gets_no_other_emergency() -> None:
    """R-10: and keeps what is none."""
    ordinary = replace(GRANTED, gallery="US-CA")
    hasty = replace(GRANTED, emergency=TERMS)
    refused = replace(REFUSED, emergency=TERMS)
    draft = write(ordinary, hasty, refused, books=WrittenBooks(opened=(owed(),)))
    reasons = {
        name: [one["code"] for one in said.get("reasons", ())]
        for name, said in draft.body["galleries"].items()
    }
    assert reasons == {
        "US-CA": [],
        "US-UT": ["emergency_suspended"],
        "US-VT": ["policy_forbidden"],
    }
    assert draft.body["galleries"]["US-UT"]["reasons"][0]["message"] == (
        "The person asking searched US-UT in an emergency whose follow-up was due on "
        "23 November 2026 and has not been filed (search s-0)."
    )


@pytest.mark.parametrize(
    "opened",
    [
        (owed("another"),),
        (owed(due=START + timedelta(seconds=0.01)),),
        (replace(owed(), followed=4),),
        (replace(owed(), lifted=4),),
    ],
)
def test_nobody_else_is_suspended(opened: tuple[OpenedEmergency, ...]) -> None:
    """R-10."""
    hasty = replace(GRANTED, emergency=TERMS)
    assert write(hasty, books=WrittenBooks(opened=opened)).kind is EntryKind.REQUEST_GRANTED


def test_a_later_debt_suspends_as_the_first_would() -> None:
    """R-10."""
    in_time = owed(due=START + timedelta(hours=1), search_id="s-00")
    books = WrittenBooks(opened=(in_time, owed()))
    assert write(replace(GRANTED, emergency=TERMS), books=books).kind is EntryKind.REQUEST_REFUSED


def test_what_an_entry_says_is_read_back_as_it_was_decided() -> None:
    sent = {"galleries": ["US-VT", "US-UT"]}
    body = {
        "request": sent,
        "list_size": 20,
        "galleries": {"US-UT": SAID_GRANTED, "US-VT": SAID_REFUSED},
    }
    assert read_decisions(body) == (
        GalleryDecision(
            "US-VT",
            False,
            "digest-vt",
            None,
            20,
            (("policy_forbidden", "Vermont law forbids it."),),
        ),
        GalleryDecision("US-UT", True, "digest-ut", "model-ut", 5, ()),
    )


def test_a_submission_is_known_by_its_digests() -> None:
    """R-9: the key under its person, what must be the same in a repeat, the request itself."""
    one = Submission("s-1", SENT, parse_request(SENT), CLAIMS, PROBE, "key-1", "req-1")
    assert (one.idempotency, one.digest, one.request_digest) == (KEY, OVER, digest(SENT))
    assert digest(SENT) == canonical.digest(SENT).hex() != OVER


def test_a_count_that_is_missing_is_not_taken_for_nothing() -> None:
    """R-9, law 4."""

    class Forgetful(WrittenBooks):
        def used(self, counters: Sequence[Counter]) -> tuple[int, ...]:
            return WrittenBooks.used(self, counters[:-1])

    with pytest.raises(ValueError, match="shorter"):
        write(GRANTED, books=Forgetful())
