"""Law 6, R-14, R-15: who may look, what a decision must be, what follows from two."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from onrecord.contracts.audit import CandidateDecision
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Conclusion, Role
from onrecord.proof.casework import NOTHING_FOUND
from onrecord.proof.entry import parse_body
from tests.builders.audit import AuditForTest, soon
from tests.unit.audit.test_one_search import verify

SAME, DIFFERENT = Conclusion.SUPPORTS_SAME, Conclusion.SUPPORTS_DIFFERENT
UNSURE = Conclusion.INCONCLUSIVE


def code_of(act: Callable[[], Any]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def examiner(audit: AuditForTest, person: str, **changes: Any) -> str:
    return audit.token(person, Role.EXAMINER, agency="us-ut-dps", **changes)


def test_a_look_names_its_target_and_ends_soon(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    probe = parse_body(audit.look("berg", search_id).body)[0]
    assert probe["target"] == {"what": "probe"}
    body = parse_body(audit.look("berg", search_id, "c-2").body)[0]
    assert body["target"] == {"what": "candidate", "gallery": "US-UT", "candidate_ref": "c-2"}
    assert body["task_id"] == "task-berg"
    assert body["time"] < body["expires_at"] < "2026-11-23T06:32:00.01Z"


def test_every_look_is_an_entry_of_its_own(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    first, again = audit.look("berg", search_id, "c-1"), audit.look("berg", search_id, "c-1")
    assert again.index == first.index + 1


def test_the_requester_examines_nothing_of_their_own(audit: AuditForTest) -> None:
    """R-15."""
    search_id = audit.executed().search_id
    for act in (audit.look, audit.decide):
        assert code_of(lambda act=act: act("olsen", search_id)) is ErrorCode.EXAMINER_CONFLICT  # type: ignore[misc]


def test_a_third_person_is_refused(audit: AuditForTest) -> None:
    """R-15: at most two people see a search's faces."""
    search_id = audit.executed().search_id
    audit.look("berg", search_id)
    audit.look("cole", search_id)
    assert code_of(lambda: audit.look("dahl", search_id)) is ErrorCode.EXAMINER_CONFLICT
    assert code_of(lambda: audit.decide("dahl", search_id)) is ErrorCode.EXAMINER_CONFLICT


def test_of_many_at_once_two_get_in(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    start = threading.Barrier(12)

    def try_to_look(number: int) -> bool:
        start.wait()
        try:
            audit.look(f"person-{number}", search_id)
        except OnRecordError as error:
            assert error.code is ErrorCode.EXAMINER_CONFLICT
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(try_to_look, range(12))) == 2


def test_a_task_is_one_persons(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    audit.look("berg", search_id)
    taken = lambda: audit.look("cole", search_id, task_id="task-berg")  # noqa: E731
    assert code_of(taken) is ErrorCode.TASK_NOT_YOURS
    other = lambda: audit.look("berg", search_id, task_id="task-2")  # noqa: E731
    assert code_of(other) is ErrorCode.TASK_NOT_YOURS


def test_looking_takes_the_role_and_the_training(audit: AuditForTest) -> None:
    """R-12."""
    search_id = audit.executed().search_id
    for token, code in (
        (audit.token("berg", Role.REQUESTER), ErrorCode.ROLE_MISSING),
        (examiner(audit, "berg", training_completed=None), ErrorCode.TRAINING_MISSING),
        (examiner(audit, "berg", training_completed=date(2025, 1, 1)), ErrorCode.TRAINING_EXPIRED),
        ("", ErrorCode.TOKEN_MISSING),
    ):
        assert code_of(lambda token=token: audit.look("berg", search_id, user_token=token)) is code  # type: ignore[misc]
        assert (
            code_of(lambda token=token: audit.decide("berg", search_id, user_token=token)) is code  # type: ignore[misc]
        )


def test_only_candidates_of_the_merged_list_are_looked_at(audit: AuditForTest) -> None:
    """R-13."""
    listed = {f"c-{n}": 900_000 - n for n in range(1, 6)}
    search_id = audit.executed(listed).search_id
    audit.look("berg", search_id, "c-5")
    assert code_of(lambda: audit.look("berg", search_id, "c-6")) is ErrorCode.NOT_FOUND
    assert code_of(lambda: audit.look("berg", search_id, "c-1", "US-VT")) is ErrorCode.NOT_FOUND


def test_nothing_is_looked_at_before_the_search_was_executed(audit: AuditForTest) -> None:
    search_id = audit.authorize().search_id
    assert code_of(lambda: audit.look("berg", search_id)) is ErrorCode.SEARCH_STATE
    assert code_of(lambda: audit.decide("berg", search_id)) is ErrorCode.SEARCH_STATE
    assert code_of(lambda: audit.service.release(search_id, soon())) is ErrorCode.SEARCH_STATE
    assert code_of(lambda: audit.look("berg", "unheard-of")) is ErrorCode.NOT_FOUND


def test_where_no_gallery_was_searched_there_is_nothing_to_examine(audit: AuditForTest) -> None:
    authorization = audit.authorize()
    refusal = audit.refusal(authorization.entry)
    audit.service.record_quality_refusal(authorization.search_id, refusal, soon())
    look = lambda: audit.look("berg", authorization.search_id)  # noqa: E731
    assert code_of(look) is ErrorCode.SEARCH_STATE


@pytest.mark.parametrize(
    ("decisions", "code"),
    [
        ((), ErrorCode.DECISION_INCOMPLETE),
        ((("c-1", ("ears",), 1),), ErrorCode.DECISION_INCOMPLETE),
        ((("c-1", (), 1), ("c-2", ("x",), 1)), ErrorCode.DECISION_INCOMPLETE),
        (
            (("c-1", ("x",), 1), ("c-2", ("x",), 1), ("c-3", ("x",), 1)),
            ErrorCode.DECISION_UNKNOWN_CANDIDATE,
        ),
        (
            (("c-1", ("x",), 1), ("c-2", ("x",), 1), ("c-2", ("x",), 1)),
            ErrorCode.FIELD_INVALID,
        ),
        ((("c-1", ("a\x07b",), 1), ("c-2", ("x",), 1)), ErrorCode.FIELD_INVALID),
        ((("c-1", ("  ",), 1), ("c-2", ("x",), 1)), ErrorCode.FIELD_INVALID),
        ((("c-1", ("x" * 1001,), 1), ("c-2", ("x",), 1)), ErrorCode.FIELD_TOO_LONG),
        ((("c-1", ("x",) * 21, 1), ("c-2", ("x",), 1)), ErrorCode.FIELD_INVALID),
        ((("c-1", ("x",), -1), ("c-2", ("x",), 1)), ErrorCode.FIELD_INVALID),
    ],
)
def test_a_decision_covers_every_candidate_with_reasons(
    audit: AuditForTest, decisions: tuple[tuple[str, tuple[str, ...], int], ...], code: ErrorCode
) -> None:
    """R-14."""
    search_id = audit.executed().search_id
    said = tuple(CandidateDecision(ref, UNSURE, why, time) for ref, why, time in decisions)
    assert code_of(lambda: audit.decide("berg", search_id, decisions=said)) is code


@pytest.mark.parametrize(
    ("seen", "field"),
    [
        ((), "probe"),
        (("c-1", "c-2"), "probe"),
        ((None, "c-2"), "decisions[0].candidate_ref"),
        ((None, "c-1", "c-1"), "decisions[1].candidate_ref"),
    ],
)
def test_nobody_decides_on_what_they_have_not_looked_at(
    audit: AuditForTest, seen: tuple[str | None, ...], field: str
) -> None:
    """Law 6, R-14: the ledger holds a look at the probe and at each candidate, by that person."""
    search_id = audit.executed().search_id
    for person, faces in (("cole", (None, "c-1", "c-2")), ("berg", seen)):
        for face in faces:
            audit.look(person, search_id, face)
    with pytest.raises(OnRecordError) as caught:
        audit.decide("berg", search_id, looks=False)
    assert caught.value.code is ErrorCode.DECISION_INCOMPLETE
    assert caught.value.field == field
    unseen = "the probe" if field == "probe" else {"0": "c-1", "1": "c-2"}[field[10]]
    assert unseen in caught.value.message
    for face in {None, "c-1", "c-2"} - set(seen):
        audit.look("berg", search_id, face)
    decided = audit.decide("berg", search_id, looks=False)
    assert audit.decide("berg", search_id, looks=False).index == decided.index
    verify(audit)


def test_a_look_in_another_search_is_none_in_this_one(audit: AuditForTest) -> None:
    """R-14, R-22: even where references are the same; and a look counts after a restart."""
    looked_at, other = (audit.executed().search_id for _ in range(2))
    for face in (None, "c-1", "c-2"):
        audit.look("berg", looked_at, face)
    again = audit.reopen()
    undecided = lambda: again.decide("berg", other, looks=False)  # noqa: E731
    assert code_of(undecided) is ErrorCode.DECISION_INCOMPLETE
    assert again.decide("berg", looked_at, looks=False)
    again.close()


def test_an_empty_list_is_decided_by_who_looked_at_the_probe(audit: AuditForTest) -> None:
    """R-14, R-15: nor is it closed before two have done so."""
    search_id = audit.executed({}).search_id
    blind = lambda: audit.decide("berg", search_id, decisions=(), looks=False)  # noqa: E731
    assert code_of(blind) is ErrorCode.DECISION_INCOMPLETE
    audit.decide("berg", search_id, decisions=())
    assert code_of(lambda: audit.service.release(search_id, soon())) is ErrorCode.SEARCH_STATE


def test_a_method_is_named(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    assert code_of(lambda: audit.decide("berg", search_id, method="")) is ErrorCode.FIELD_INVALID


def test_a_decision_stands(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    entry = audit.decide("berg", search_id)
    assert audit.decide("berg", search_id).index == entry.index
    with pytest.raises(OnRecordError) as caught:
        audit.decide("berg", search_id, {"c-1": UNSURE, "c-2": DIFFERENT})
    assert caught.value.code is ErrorCode.TASK_DECIDED
    assert caught.value.details == {"entry": entry.index}
    assert code_of(lambda: audit.look("berg", search_id)) is ErrorCode.TASK_DECIDED
    assert code_of(lambda: audit.service.release(search_id, soon())) is ErrorCode.SEARCH_STATE


OUTCOMES = [
    ({"c-1": SAME, "c-2": DIFFERENT}, {"c-1": SAME, "c-2": UNSURE}, ["c-1"]),
    ({"c-1": SAME, "c-2": SAME}, {"c-1": SAME, "c-2": SAME}, ["c-1", "c-2"]),
    ({"c-1": SAME, "c-2": DIFFERENT}, {"c-1": UNSURE, "c-2": DIFFERENT}, []),
    ({"c-1": SAME, "c-2": DIFFERENT}, {"c-1": DIFFERENT, "c-2": DIFFERENT}, []),
    ({"c-1": SAME, "c-2": DIFFERENT}, {"c-1": SAME, "c-2": SAME}, []),
    ({"c-1": DIFFERENT, "c-2": DIFFERENT}, {"c-1": DIFFERENT, "c-2": UNSURE}, []),
]


@pytest.mark.parametrize(("first", "second", "leads"), OUTCOMES)
def test_the_outcome_follows_from_two_decisions(
    audit: AuditForTest,
    first: dict[str, Conclusion],
    second: dict[str, Conclusion],
    leads: list[str],
) -> None:
    """R-15, R-16."""
    search_id = audit.executed().search_id
    audit.decide("berg", search_id, first)
    audit.decide("cole", search_id, second)
    outcome = audit.service.release(search_id, soon())
    body, _, kind = parse_body(outcome.entry.body)
    assert kind == ("lead.released" if leads else "search.closed")
    assert [one["candidate_ref"] for one in body.get("leads", [])] == leads
    assert (outcome.proof is not None) == bool(leads)
    assert outcome.reason == body["reason"]
    if leads:
        assert body["stamps"] == ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"]
    else:
        assert body["outcome"] == "no_lead"
    assert audit.service.release(search_id, soon()).entry.index == outcome.entry.index
    verify(audit)


def test_three_supported_candidates_are_no_lead(audit: AuditForTest) -> None:
    """R-15."""
    listed = {"c-1": 900_000, "c-2": 800_000, "c-3": 700_000}
    search_id = audit.executed(listed).search_id
    for person in ("berg", "cole"):
        audit.decide(person, search_id, dict.fromkeys(listed, SAME))
    assert audit.service.release(search_id, soon()).proof is None


def test_releases_that_arrive_together_are_one_entry(audit: AuditForTest) -> None:
    """R-22."""
    search_id = audit.executed().search_id
    audit.decide("berg", search_id)
    audit.decide("cole", search_id)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: audit.service.release(search_id, soon()), range(8)))
    assert len({one.entry.index for one in found}) == 1


def test_after_the_outcome_nobody_looks(audit: AuditForTest) -> None:
    search_id = audit.executed().search_id
    audit.decide("berg", search_id)
    audit.decide("cole", search_id)
    audit.service.release(search_id, soon())
    for person in ("berg", "cole", "dahl"):
        look = lambda person=person: audit.look(person, search_id)  # noqa: E731
        assert code_of(look) is ErrorCode.SEARCH_STATE


def test_a_gallery_without_anybody_like_the_probe_ends_in_no_lead(audit: AuditForTest) -> None:
    search_id = audit.executed({}).search_id
    for person in ("berg", "cole"):
        audit.decide(person, search_id, decisions=())
    outcome = audit.service.release(search_id, soon())
    assert outcome.proof is None
    assert outcome.reason == NOTHING_FOUND
    verify(audit)
