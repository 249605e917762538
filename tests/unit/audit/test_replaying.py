"""R-1, R-9, R-12: requests of the past put to a policy that is only proposed."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.replaying import (
    Counts,
    Decision,
    Replay,
    Replayed,
    Summary,
    summarise,
)
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from tests.builders.audit import REQUEST, START
from tests.builders.laws import (
    EMERGENCY,
    EMERGENCY_PERMITTED,
    NO_INSTRUMENT,
    WARRANT_DEMANDED,
)
from tests.builders.policies import UTAH_CEDAR, UTAH_YAML, utah

BY = {"person": "olsen", "agency": "us-ut-slcpd", "subject": "account", "token_id": "t-1"}
GRANTED = {"decision": "granted", "policy": "p", "model_id": "m", "list_size": 5}
YES, NO = Decision(True, ()), Decision(False, (ErrorCode.POLICY_NOT_PERMITTED.value,))
TRAINING = Decision(False, (ErrorCode.TRAINING_MISSING.value,))
QUOTA = Decision(False, (ErrorCode.QUOTA_EXHAUSTED.value,))
FRAUD: dict[str, Any] = {"purpose": "licence_fraud"}


def refused(*codes: ErrorCode) -> dict[str, Any]:
    reasons = [{"code": code.value, "message": "because"} for code in codes]
    return {"decision": "refused", "policy": "p", "reasons": reasons}


def entry(
    said: dict[str, Any] | None = None,
    *,
    kind: str = "request.granted",
    by: dict[str, str] | None = None,
    probe_sha256: str = "ab" * 32,
    later: timedelta = timedelta(),
    galleries: tuple[str, ...] = ("US-UT", "US-VT"),
    **request: Any,
) -> dict[str, Any]:
    """An entry as it stands in the ledger; `request` replaces fields of what was asked."""
    ended = dict.fromkeys(galleries, said or GRANTED)
    return {
        "kind": kind,
        "time": format_time(START + later),
        "search_id": "s-1",
        "by": {**BY, **(by or {})},
        "request": {**REQUEST, "galleries": list(galleries), **request},
        "probe_sha256": probe_sha256,
        "galleries": ended,
    }


@cache
def law(*changes: tuple[str, str], cedar: str = UTAH_CEDAR) -> StatePolicy:
    yaml = UTAH_YAML
    for old, new in changes:
        assert old in yaml, old
        yaml = yaml.replace(old, new)
    return utah(cedar=cedar, yaml=yaml)


def replayed(*entries: dict[str, Any], state: StatePolicy | None = None) -> list[Replayed | None]:
    replay = Replay(state or law())
    return [replay.put(index, body) for index, body in enumerate(entries, start=7)]


def decided(*entries: dict[str, Any], state: StatePolicy | None = None) -> list[Decision]:
    return [one.would_be for one in replayed(*entries, state=state) if one is not None]


def test_a_replayed_request_is_told_whole() -> None:
    asked = parse_request({**REQUEST, "galleries": ["US-UT"]})
    assert replayed(entry()) == [
        Replayed(7, format_time(START), "us-ut-slcpd", asked, was=YES, would_be=YES)
    ]
    (found,) = replayed(entry(refused(ErrorCode.MODEL_UNKNOWN, ErrorCode.POLICY_EXPIRED)))
    assert found is not None
    assert found.was == Decision(False, ("model_unknown", "policy_expired"))
    assert (found.would_be, found.changes) == (YES, True)
    assert not replace(found, was=YES).changes


def test_what_asks_nothing_of_the_gallery_is_passed_over() -> None:
    assert replayed(entry(galleries=("US-VT",))) == [None]
    assert replayed({"kind": "search.executed", "gallery": "US-UT"}) == [None]
    assert replayed(entry(kind="search.closed")) == [None]
    (found,) = replayed(entry(refused(ErrorCode.POLICY_NOT_PERMITTED), kind="request.refused"))
    assert found is not None
    assert (found.was, found.would_be) == (NO, YES)


def test_it_is_decided_for_what_the_entry_says() -> None:
    """R-1: the agency, what it asked for, and when."""
    assert decided(
        entry(**FRAUD),
        entry(**FRAUD, by={"agency": "us-ut-dld"}),
        entry(by={"agency": "us-ut-dld"}),
        entry(suspicion="none"),
        entry(
            instrument={"type": "court_order", "issuer": "a", "number": "1", "date": "2026-11-25"}
        ),
        entry(
            instrument={"type": "court_order", "issuer": "a", "number": "1", "date": "2026-11-25"},
            later=timedelta(days=2),
        ),
    ) == [
        NO,
        YES,
        NO,
        Decision(False, (ErrorCode.SUSPICION_TOO_LOW.value,)),
        Decision(False, (ErrorCode.INSTRUMENT_REQUIRED.value,)),
        YES,
    ]


def test_the_proposed_policy_was_in_force_all_along() -> None:
    """R-1: years before it takes effect, and years after it runs out."""
    probe = {**REQUEST["probe"], "captured_at": "2000-01-01T00:00:00Z"}
    years = timedelta(days=3650)
    assert decided(entry(probe=probe, later=-years), entry(later=years)) == [YES, YES]


@pytest.mark.parametrize("code", [ErrorCode.TRAINING_MISSING, ErrorCode.TRAINING_EXPIRED])
def test_whoever_was_not_trained_was_not_trained(code: ErrorCode) -> None:
    """R-12: and others are not said to have been untrained."""
    found = replayed(entry(refused(code)), entry(refused(ErrorCode.POLICY_FORBIDDEN)))
    assert [one.would_be for one in found if one is not None] == [TRAINING, YES]
    both = refused(ErrorCode.POLICY_FORBIDDEN, code)
    assert decided(entry(both)) == [TRAINING]


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("quota", "others"),
    [
        (("per_person_per_day: 20", "per_person_per_day: 2"), {"by": {"person": "other"}}),
        (("per_person_per_day: 20", "per_person_per_day: 2"), {"later": DAY}),
        (("per_agency_per_day: 200", "per_agency_per_day: 2"), {"by": {"agency": "us-ut-dps"}}),
        (("per_gallery_per_day: 2000", "per_gallery_per_day: 2"), {"later": DAY}),
        (("per_case: 10", "per_case: 2"), {"case_number": "other"}),
        (("per_probe: 3", "per_probe: 2"), {"probe_sha256": "cd" * 32}),
    ],
)
def test_quotas_are_counted_through_the_past(
    quota: tuple[str, str], others: dict[str, Any]
) -> None:
    """R-9: in the order of the entries, and of what the proposed policy itself would grant."""
    state = law(quota)
    same = entry(refused(ErrorCode.QUOTA_EXHAUSTED))
    not_counted = entry(**FRAUD)
    found = decided(same, not_counted, same, same, entry(**others), same, state=state)
    assert found == [YES, NO, YES, QUOTA, YES, QUOTA]


def test_two_replays_count_apart() -> None:
    """R-9."""
    state = law(("per_case: 10", "per_case: 1"))
    assert decided(entry(), entry(), state=state) == [YES, QUOTA]
    assert decided(entry(), state=state) == [YES]


def test_an_emergency_of_the_past_goes_first_where_the_proposed_policy_lets_it() -> None:
    """R-10: nobody is suspended for follow-ups that never were."""
    emergency = entry(emergency=EMERGENCY)
    assert decided(emergency, emergency, state=law(WARRANT_DEMANDED, EMERGENCY_PERMITTED)) == [
        YES,
        YES,
    ]
    assert decided(entry(), state=law((NO_INSTRUMENT, WARRANT_DEMANDED[1]))) == [
        Decision(False, (ErrorCode.INSTRUMENT_REQUIRED.value,))
    ]


def test_an_entry_whose_request_cannot_be_read_is_no_answer() -> None:
    with pytest.raises(OnRecordError) as caught:
        replayed(entry(purpose="curiosity"))
    assert caught.value.field == "purpose"


# Counts.


def one(was: Decision, would_be: Decision, **changes: Any) -> Replayed:
    asked = parse_request({**REQUEST, **changes.pop("request", {})})
    return replace(Replayed(3, "now", "us-ut-slcpd", asked, was, would_be), **changes)


@pytest.mark.parametrize(
    ("was", "would_be", "counts"),
    [
        (YES, YES, Counts(11, 21, 31, 40, 50)),
        (YES, NO, Counts(11, 21, 30, 40, 51)),
        (NO, YES, Counts(11, 20, 31, 41, 50)),
        (NO, NO, Counts(11, 20, 30, 40, 50)),
        (NO, QUOTA, Counts(11, 20, 30, 40, 50)),
    ],
)
def test_one_more_is_counted(was: Decision, would_be: Decision, counts: Counts) -> None:
    assert Counts(10, 20, 30, 40, 50).with_one(one(was, would_be)) == counts


def test_what_would_have_changed_by_agency_and_by_purpose() -> None:
    fraud = {"request": FRAUD}
    gained, lost = one(NO, YES, **fraud, index=4), one(YES, NO, agency="us-ut-dps", index=5)
    found = summarise(iter([one(YES, YES), None, gained, lost, one(NO, NO, **fraud), None]))
    assert found == Summary(
        all=Counts(4, 2, 2, 1, 1),
        by_agency={"us-ut-slcpd": Counts(3, 1, 2, 1, 0), "us-ut-dps": Counts(1, 1, 0, 0, 1)},
        by_purpose={
            "criminal_investigation": Counts(2, 2, 1, 0, 1),
            "licence_fraud": Counts(2, 0, 1, 1, 0),
        },
        changed=[gained, lost],
    )
    assert summarise([]) == Summary(Counts(0, 0, 0, 0, 0), {}, {}, [])
