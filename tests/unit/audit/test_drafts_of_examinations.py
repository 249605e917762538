"""Law 6, R-14, R-15, R-21: what looks, decisions and outcomes say, to the last field."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onrecord.audit.core import examining
from onrecord.audit.core.draft import (
    AddExaminer,
    Concluded,
    Decided,
    Draft,
    Examiner,
    Existing,
    Reach,
    Remember,
    SearchRecord,
)
from onrecord.audit.core.searching import OutstandingError, OverdueError
from onrecord.contracts.audit import CandidateDecision, DecideCall, LookCall
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Conclusion, EntryKind, Role
from onrecord.proof import canonical
from tests.builders.audit import START
from tests.builders.books import WrittenBooks

GRANT = {
    "by": {"person": "olsen"},
    "expires_at": format_time(START + timedelta(minutes=5)),
    "list_size": 2,
    "galleries": {"US-UT": {"decision": "granted"}, "US-VT": {"decision": "refused"}},
}
RECEIPT = {
    "gallery": "US-UT",
    "model_id": "m",
    "candidates": [
        {"ref": "a", "similarity": 3},
        {"ref": "b", "similarity": 2},
        {"ref": "c", "similarity": 1},
    ],
}
SAME, OTHER = Conclusion.SUPPORTS_SAME, Conclusion.SUPPORTS_DIFFERENT
BERG, LIND = Examiner("berg", "t-1", None), Examiner("lind", "t-2", None)
PROBE = {"what": "probe"}


def candidate(ref: str) -> dict[str, str]:
    return {"what": "candidate", "gallery": "US-UT", "candidate_ref": ref}


def looked(target: dict[str, str], person: str = "berg", search_id: str = "s-1") -> str:
    return "look:" + canonical.digest([search_id, person, target]).hex()


SEEN = {looked(one): 20 for one in (PROBE, candidate("a"), candidate("b"))}


def claims(person: str = "berg") -> Claims:
    return Claims("account", person, "us-ut-dps", frozenset({Role.EXAMINER}), START, "t-9")


BY = {"person": "berg", "agency": "us-ut-dps", "subject": "account", "token_id": "t-9"}


def books(
    *examiners: Examiner, outcome: int | None = None, ended: bool = True, **changes: Any
) -> WrittenBooks:
    ends = {"US-UT": (EntryKind.SEARCH_EXECUTED, 5)} if ended else {}
    record = SearchRecord("s-1", 3, "grant:m", ends, examiners, outcome)
    bodies = {3: GRANT, 5: {"receipt": RECEIPT}, **changes.pop("bodies", {})}
    return WrittenBooks(searches={"s-1": record}, bodies=bodies, **changes)


def look(
    at: WrittenBooks,
    gallery: str | None = None,
    ref: str | None = None,
    task: str = "t-1",
    person: str = "berg",
) -> Draft | Existing:
    call = LookCall("s-1", task, gallery, ref, "token", "req-1")
    return examining.look(call, claims(person), at)


def verdict(ref: str, conclusion: Conclusion = OTHER, **changes: Any) -> CandidateDecision:
    settings: dict[str, Any] = {"reasons": ("the ears",), "seconds": 30, **changes}
    return CandidateDecision(ref, conclusion, **settings)


BOTH = (verdict("a", SAME), verdict("b", reasons=("nose", "chin"), seconds=0))


def decide(
    at: WrittenBooks,
    *decisions: CandidateDecision,
    task: str = "t-1",
    person: str = "berg",
    method: str = "ACE-V",
) -> Draft | Existing:
    call = DecideCall("s-1", task, method, decisions, "token", "req-2")
    return examining.decide(call, claims(person), at)


def refused(act: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value


def test_a_first_look_is_an_entry_a_place_and_a_memory() -> None:
    assert look(books(), "US-UT", "a") == Draft(
        EntryKind.LOOK_GRANTED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "by": BY,
            "source": "req-1",
            "task_id": "t-1",
            "target": candidate("a"),
            "expires_at": "2026-11-23T06:32:00.00Z",
        },
        (AddExaminer("s-1", "berg", "t-1"), Remember(looked(candidate("a")))),
    )


def test_a_look_at_the_probe_and_a_second_one() -> None:
    first = look(books(BERG, LIND))
    assert isinstance(first, Draft)
    assert first.body["target"] == PROBE
    assert first.marks == (Remember(looked(PROBE)),)
    again = look(books(LIND, BERG, markers={looked(PROBE): 9}))
    assert isinstance(again, Draft)
    assert again.marks == ()


@pytest.mark.parametrize(
    ("gallery", "ref"),
    [("US-UT", "c"), ("US-VT", "a"), ("US-UT", None), (None, "a"), ("US-UT", "nobody")],
)
def test_nobody_looks_at_what_is_not_in_the_merged_list(
    gallery: str | None, ref: str | None
) -> None:
    assert refused(lambda: look(books(), gallery, ref)).code is ErrorCode.NOT_FOUND


def test_who_may_take_up_a_task() -> None:
    """R-15."""
    for act in (look, decide):
        assert refused(lambda act=act: act(books(), person="olsen")).code is (  # type: ignore[misc]
            ErrorCode.EXAMINER_CONFLICT
        )
        third = refused(lambda act=act: act(books(BERG, LIND), person="eve", task="t-3"))  # type: ignore[misc]
        assert third.code is ErrorCode.EXAMINER_CONFLICT
        own = refused(lambda act=act: act(books(BERG), task="t-2"))  # type: ignore[misc]
        assert own.code is ErrorCode.TASK_NOT_YOURS
        other = refused(lambda act=act: act(books(BERG), person="lind", task="t-1"))  # type: ignore[misc]
        assert other.code is ErrorCode.TASK_NOT_YOURS
    # That a task is somebody else's is said before that there is no place.
    assert refused(lambda: look(books(BERG, LIND), person="eve", task="t-2")).code is (
        ErrorCode.TASK_NOT_YOURS
    )
    second = look(books(BERG), task="t-2", person="lind")
    assert isinstance(second, Draft)
    assert second.marks[0] == AddExaminer("s-1", "lind", "t-2")


def test_when_nobody_looks() -> None:
    decided = replace(BERG, decided=8)
    error = refused(lambda: look(books(decided)))
    assert (error.code, error.details) == (ErrorCode.TASK_DECIDED, {"entry": 8})
    assert refused(lambda: look(books(BERG, outcome=9))).code is ErrorCode.SEARCH_STATE
    with pytest.raises(OutstandingError):
        look(books(ended=False))
    with pytest.raises(OverdueError):
        look(books(ended=False, now=START + timedelta(minutes=6)))
    with pytest.raises(OverdueError):
        look(books(ended=False, reaches={"US-UT": Reach(START + timedelta(minutes=6), -1)}))


DECISIONS = [
    {
        "candidate_ref": "a",
        "conclusion": "supports_same",
        "reasons": ["the ears"],
        "seconds": 30,
    },
    {
        "candidate_ref": "b",
        "conclusion": "supports_different",
        "reasons": ["nose", "chin"],
        "seconds": 0,
    },
]


def test_a_decision_says_all_of_it() -> None:
    body = {
        "search_id": "s-1",
        "grant_index": 3,
        "by": BY,
        "source": "req-2",
        "task_id": "t-1",
        "method": "ACE-V",
        "decisions": DECISIONS,
    }
    expected = Draft(EntryKind.EXAMINATION_DECIDED, body, (Decided("s-1", "berg"),))
    assert decide(books(BERG, markers=SEEN), *BOTH) == expected
    new = decide(books(LIND, markers=SEEN), *BOTH)
    assert isinstance(new, Draft)
    assert new.marks == (AddExaminer("s-1", "berg", "t-1"), Decided("s-1", "berg"))


def test_the_very_same_decision_is_the_entry_that_stands() -> None:
    done = replace(BERG, decided=8)
    stands = {"task_id": "t-1", "method": "ACE-V", "decisions": DECISIONS, "source": "before"}
    for outcome in (None, 9):
        at = books(done, bodies={8: stands}, outcome=outcome)
        assert decide(at, *BOTH) == Existing(8)
        for changed in (
            lambda at=at: decide(at, *BOTH[::-1]),
            lambda at=at: decide(at, *BOTH, method="another"),
            lambda at=at: decide(at, verdict("a", OTHER), BOTH[1]),
        ):
            error = refused(changed)
            assert (error.code, error.details) == (ErrorCode.TASK_DECIDED, {"entry": 8})


def test_after_the_outcome_nobody_decides() -> None:
    at = books(BERG, markers=SEEN, outcome=9)
    assert refused(lambda: decide(at, *BOTH)).code is ErrorCode.SEARCH_STATE


@pytest.mark.parametrize(
    ("decisions", "code", "field", "details"),
    [
        ((), ErrorCode.DECISION_INCOMPLETE, "decisions", {"missing": 2}),
        ((verdict("b"),), ErrorCode.DECISION_INCOMPLETE, "decisions", {"missing": 1}),
        (
            (verdict("a"), verdict("c")),
            ErrorCode.DECISION_UNKNOWN_CANDIDATE,
            "decisions[1].candidate_ref",
            None,
        ),
        (
            (verdict("a"), verdict("b"), verdict("a")),
            ErrorCode.FIELD_INVALID,
            "decisions",
            None,
        ),
    ],
)
def test_a_decision_is_on_each_candidate_once(
    decisions: tuple[CandidateDecision, ...],
    code: ErrorCode,
    field: str,
    details: dict[str, int] | None,
) -> None:
    error = refused(lambda: decide(books(BERG, markers=SEEN), *decisions))
    assert (error.code, error.field) == (code, field)
    assert error.details == (details or {})
    if field == "decisions" and not details:
        assert error.message == "decisions decides on one candidate twice"
    if details:
        assert error.message.startswith(f"{details['missing']} of 2 candidates")


@pytest.mark.parametrize(
    ("unseen", "field", "said"),
    [
        ([PROBE], "probe", "the probe"),
        ([candidate("a")], "decisions[1].candidate_ref", "candidate a"),
        ([candidate("b")], "decisions[0].candidate_ref", "candidate b"),
        ([candidate("a"), candidate("b")], "decisions[0].candidate_ref", "candidate b"),
    ],
)
def test_nobody_decides_on_what_they_have_not_seen(
    unseen: list[dict[str, str]], field: str, said: str
) -> None:
    """R-14: the field is that of the person's own list, whatever the order of the merged one."""
    gone = {looked(one) for one in unseen}
    seen = {marker: index for marker, index in SEEN.items() if marker not in gone}
    error = refused(lambda: decide(books(BERG, markers=seen), *BOTH[::-1]))
    assert (error.code, error.field) == (ErrorCode.DECISION_INCOMPLETE, field)
    assert said in error.message


def test_another_persons_look_or_in_another_search_is_none() -> None:
    """R-14."""
    for strange in (
        {looked(PROBE, person="lind"): 1},
        {looked(PROBE, search_id="s-2"): 1},
    ):
        seen = {marker: 1 for marker in SEEN if marker != looked(PROBE)} | strange
        error = refused(lambda seen=seen: decide(books(BERG, markers=seen), *BOTH))  # type: ignore[misc]
        assert error.field == "probe"


def decided(person: str, *conclusions: Conclusion) -> dict[str, Any]:
    pairs = zip(("a", "b"), conclusions, strict=True)
    listed = [{"candidate_ref": ref, "conclusion": one.value} for ref, one in pairs]
    return {"by": {"person": person}, "decisions": listed}


DONE = (replace(BERG, decided=12), replace(LIND, decided=11))
OUTCOME = {
    "search_id": "s-1",
    "grant_index": 3,
    "by": {"service": "audit"},
    "executed": [5],
    "decided": [11, 12],
}


def test_a_lead_says_what_it_follows_from() -> None:
    bodies = {11: decided("lind", SAME, OTHER), 12: decided("berg", SAME, OTHER)}
    assert examining.conclude("s-1", books(*DONE, bodies=bodies)) == Draft(
        EntryKind.LEAD_RELEASED,
        {
            **OUTCOME,
            "reason": "both examiners support the same candidate",
            "leads": [{"gallery": "US-UT", "candidate_ref": "a"}],
            "stamps": ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"],
        },
        (Concluded("s-1"),),
    )


def test_no_lead_says_so_as_easily() -> None:
    bodies = {11: decided("lind", OTHER, OTHER), 12: decided("berg", OTHER, OTHER)}
    assert examining.conclude("s-1", books(*DONE, bodies=bodies)) == Draft(
        EntryKind.SEARCH_CLOSED,
        {
            **OUTCOME,
            "reason": "no candidate is supported by both examiners",
            "outcome": "no_lead",
        },
        (Concluded("s-1"),),
    )


def test_an_outcome_takes_two_decisions_and_is_one() -> None:
    assert examining.conclude("s-1", books(*DONE, outcome=9)) == Existing(9)
    assert examining.conclude("s-1", books(outcome=9, ended=False)) == Existing(9)
    for examiners in ((), (DONE[0],), (DONE[0], LIND)):
        error = refused(lambda some=examiners: examining.conclude("s-1", books(*some)))  # type: ignore[misc]
        assert error.code is ErrorCode.SEARCH_STATE
        assert f"{min(len(examiners), 1)} of 2" in error.message
    requester = {11: decided("olsen", SAME, SAME), 12: decided("berg", SAME, SAME)}
    error = refused(lambda: examining.conclude("s-1", books(*DONE, bodies=requester)))
    assert error.code is ErrorCode.RELEASE_NOT_SUPPORTED


def written(*decisions: CandidateDecision, method: str = "ACE-V") -> None:
    examining.check_written(DecideCall("s-1", "t-1", method, decisions, "token", "req-2"))


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"reasons": ()}, ErrorCode.DECISION_INCOMPLETE, "reasons"),
        ({"reasons": ("x",) * 21}, ErrorCode.FIELD_INVALID, "reasons"),
        ({"reasons": ("ok", "x" * 1001)}, ErrorCode.FIELD_TOO_LONG, "reasons[1]"),
        ({"reasons": ("",)}, ErrorCode.FIELD_INVALID, "reasons[0]"),
        ({"seconds": -1}, ErrorCode.FIELD_INVALID, "seconds"),
        ({"seconds": 86_401}, ErrorCode.FIELD_INVALID, "seconds"),
        ({"seconds": True}, ErrorCode.FIELD_INVALID, "seconds"),
        ({"seconds": 1.5}, ErrorCode.FIELD_INVALID, "seconds"),
        ({"candidate_ref": "x" * 129}, ErrorCode.FIELD_TOO_LONG, "candidate_ref"),
        ({"candidate_ref": ""}, ErrorCode.FIELD_INVALID, "candidate_ref"),
    ],
)
def test_a_decision_that_is_badly_written_names_the_place(
    changes: dict[str, Any], code: ErrorCode, at: str
) -> None:
    bad = replace(verdict("b"), **changes)
    error = refused(lambda: written(verdict("a"), bad))
    assert (error.code, error.field) == (code, f"decisions[1].{at}")
    if at == "seconds":
        assert error.message == "decisions[1].seconds must be a whole number from 0 to 86400"
    if len(changes.get("reasons", ())) > 2:
        assert error.message == "decisions[1].reasons holds more than 20 reasons"


@pytest.mark.parametrize("method", ["", "x" * 201, "two\nlines"])
def test_a_method_is_one_short_line(method: str) -> None:
    error = refused(lambda: written(verdict("a"), method=method))
    expected = ErrorCode.FIELD_TOO_LONG if len(method) > 200 else ErrorCode.FIELD_INVALID
    assert (error.code, error.field) == (expected, "method")


def test_a_decision_at_its_bounds_is_written() -> None:
    long = verdict("x" * 128, reasons=("x" * 1000, "two\nlines", *("r",) * 18), seconds=86_400)
    written(long, verdict("b", seconds=0), method="x" * 200)
