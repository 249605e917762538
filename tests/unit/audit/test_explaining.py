"""Why a request was decided as it was, and how another policy would have decided it."""

import json
from datetime import datetime, timedelta
from typing import Any

from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, evaluate
from onrecord.audit.core.explaining import explain
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.replaying import Replay, Replayed, summarise
from onrecord.audit.core.shortcomings import shortcomings
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role
from tests.builders.audit import MODEL, REQUEST, START, STATES, AuditForTest, soon
from tests.builders.policies import UTAH_CEDAR, UTAH_YAML, example, replaced, utah


def asked(trained: bool = True, **changes: Any) -> Asked:
    claims = Claims(
        "s",
        "p",
        "us-ut-slcpd",
        frozenset({Role.REQUESTER}),
        START,
        "t",
        training_completed=START.date() if trained else None,
    )
    request = parse_request({**REQUEST, "galleries": list(STATES), **changes})
    return Asked(request, claims, START)


def shelf() -> PolicyShelf:
    policies = {state: PolicyInForce(state, 1, state, example(state)) for state in STATES}
    return PolicyShelf(1, policies, dict.fromkeys(STATES, MODEL))


def test_an_explanation_has_the_evaluations_verdicts_and_every_reason_once() -> None:
    for request in (
        asked(),
        asked(trained=False),
        asked(suspicion="none", trained=False),
        asked(purpose="immigration_enforcement"),
        asked(offence={"statute": "Utah Code 76-6-206", "tier": "felony"}),
        asked(galleries=["US-UT", "US-NV"]),
    ):
        verdicts = evaluate(request, shelf())
        explained = explain(request, shelf())
        assert [one.verdict for one in explained] == list(verdicts)
        for one in explained:
            assert sorted(one.above + one.own, key=str) == sorted(one.verdict.reasons, key=str)


def test_what_stands_above_the_states_is_told_apart_from_their_own_law() -> None:
    utahs, vermonts, _ = explain(asked(trained=False, suspicion="none"), shelf())
    for one in (utahs, vermonts):
        assert [reason.code for reason in one.above] == [ErrorCode.TRAINING_MISSING]
    assert [reason.code for reason in utahs.own] == [ErrorCode.SUSPICION_TOO_LOW]
    assert [reason.code for reason in vermonts.own] == [ErrorCode.POLICY_FORBIDDEN]


def test_a_missing_policy_is_the_states_own_affair() -> None:
    (nevada,) = explain(asked(galleries=["US-NV"]), shelf())
    assert nevada.above == ()
    assert [reason.code for reason in nevada.own] == [ErrorCode.POLICY_MISSING]
    assert nevada.reading is None


def test_each_permit_says_what_it_would_have_taken() -> None:
    listed = {"statute": "Utah Code 76-6-206", "tier": "violent_felony"}
    one = explain(asked(offence=listed), shelf())[0]
    assert not one.verdict.granted
    assert one.reading is not None
    first, danger, fraud = one.reading.permits
    assert [(miss.attribute, miss.given) for miss in first.misses] == [
        ("offence_tier", "misdemeanor")
    ]
    assert first.names_agency
    assert danger.misses[0].attribute == "purpose"
    assert not fraud.names_agency


def test_the_permit_that_decided_is_named() -> None:
    one = explain(asked(), shelf())[0]
    assert one.verdict.granted
    assert one.reading is not None
    assert [permit.permit.label for permit in one.reading.permits if permit.decided] == [
        "utah-felony-investigations"
    ]
    assert all(permit.applies == permit.decided for permit in one.reading.permits)


def bodies(audit: AuditForTest) -> list[tuple[int, dict[str, Any]]]:
    token = audit.token("auditor", Role.AUDITOR)
    found = audit.service.bodies(0, 1000, token, soon())
    return [(one.index, json.loads(one.body)) for one in found]


def replay(audit: AuditForTest, proposed: StatePolicy) -> list[Replayed]:
    replaying = Replay(proposed)
    found = [replaying.put(index, body) for index, body in bodies(audit)]
    return [one for one in found if one is not None]


def some_requests(audit: AuditForTest) -> None:
    audit.authorize()
    audit.authorize(offence={"statute": "Utah Code 76-6-206", "tier": "felony"})
    audit.authorize(purpose="missing_person", role_sought="missing", galleries=["US-UT", "US-VT"])
    audit.authorize(galleries=["US-VT"])
    audit.authorize(suspicion="none")
    untrained = audit.token("new", Role.REQUESTER, training_completed=None)
    audit.authorize(token=untrained)


def test_the_policy_in_force_decides_the_past_as_it_was_decided(audit: AuditForTest) -> None:
    some_requests(audit)
    found = replay(audit, utah())
    assert [one.was.granted for one in found] == [True, False, True, False, False]
    assert [one.would_be for one in found] == [one.was for one in found]


def test_a_policy_that_begins_tomorrow_is_tried_on_yesterday(audit: AuditForTest) -> None:
    some_requests(audit)
    later = replaced(UTAH_YAML, "effective: 2026-01-01", "effective: 2027-06-01")
    found = replay(audit, utah(yaml=later))
    assert [one.would_be for one in found] == [one.was for one in found]


def test_another_policy_tells_what_would_have_changed(audit: AuditForTest) -> None:
    some_requests(audit)
    wider = replaced(UTAH_CEDAR, '["violent_felony", "felony"]', '["misdemeanor"]')
    summary = summarise(iter(replay(audit, utah(cedar=wider))))
    assert (summary.all.asked, summary.all.gained, summary.all.lost) == (5, 1, 1)
    assert summary.by_purpose["missing_person"].gained == 0
    assert summary.by_agency["us-ut-slcpd"] == summary.all
    lost, gained = summary.changed
    assert lost.would_be.codes == (ErrorCode.POLICY_NOT_PERMITTED.value,)
    assert gained.was.codes == (ErrorCode.POLICY_NOT_PERMITTED.value,)


def test_a_proposed_quota_is_counted_through_the_past(audit: AuditForTest) -> None:
    """R-9: what a lower quota would have refused is the searches after it was used up."""
    for number in range(3):
        audit.authorize(probe=f"{number:064x}", case_number=f"C-{number}")
    tighter = replaced(UTAH_YAML, "per_person_per_day: 20", "per_person_per_day: 2")
    found = replay(audit, utah(yaml=tighter))
    assert [one.would_be.granted for one in found] == [True, True, False]
    assert found[-1].would_be.codes == (ErrorCode.QUOTA_EXHAUSTED.value,)


def test_a_state_that_refuses_everything_would_have_refused_everything(
    audit: AuditForTest,
) -> None:
    some_requests(audit)
    assert [one.would_be.granted for one in replay(audit, example("US-VT"))] == [False, False]


def lacking(state: StatePolicy, now: datetime = START) -> set[str]:
    return {one.what for one in shortcomings(state, now)}


def test_what_a_policy_lacks_is_said() -> None:
    whole = replaced(UTAH_YAML, "legal_review: required", "legal_review: done by counsel")
    assert lacking(utah(yaml=whole)) == set()
    assert "legal_review" in lacking(utah())
    end = utah().authority.expires
    assert "expiry_near" in lacking(utah(), end - timedelta(days=90))
    assert "expiry_near" not in lacking(utah(), end - timedelta(days=91))
    assert "expired" in lacking(utah(), end)
    assert "not_yet" in lacking(utah(), utah().authority.effective - timedelta(days=1))
    silent = replaced(UTAH_YAML, "A notice is given at every licence", "None is given at a licence")
    assert "notice" in lacking(utah(yaml=silent))
    unseen = replaced(
        UTAH_YAML, "roles_sought: [suspect, victim, missing,", "roles_sought: [suspect,"
    )
    assert "roles_sought" in lacking(utah(yaml=unseen))
    assert "vote" in lacking(utah(yaml=replaced(UTAH_YAML, "voted: true", "voted: false")))
    assert "quotas" in lacking(utah(yaml=replaced(UTAH_YAML, "per_case: 10", "per_case: 0")))
