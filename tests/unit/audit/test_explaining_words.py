"""R-1, R-10: an explanation to the last field: what was shown, who answered, what was missed."""

from dataclasses import replace
from typing import Any

from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, context_of, evaluate
from onrecord.audit.core.explaining import (
    Explanation,
    Miss,
    PermitReading,
    PolicyReading,
    explain,
)
from onrecord.audit.core.policy import StatePolicy
from onrecord.kernel.errors import ErrorCode
from tests.builders.audit import MODEL
from tests.builders.laws import EMERGENCY, EMERGENCY_PERMITTED, WARRANT_DEMANDED
from tests.builders.policies import UTAH_CEDAR
from tests.unit.audit.test_evaluation_words import asked, state

SHUT = """
@id("shut-to-fraud")
forbid (principal, action, resource) when { context.purpose == "licence_fraud" };
"""
UTAH = state(cedar=UTAH_CEDAR + SHUT)
DANGER = frozenset(
    {"missing_person", "deceased_identification", "unidentified_person", "identify_victim"}
)
FELONIES = frozenset({"violent_felony", "felony"})


def shelf(law: StatePolicy | None = UTAH) -> PolicyShelf:
    """Utah's policy in force, and no other state's."""
    in_force = PolicyInForce("US-UT", 1, "digest", law, "" if law else "it is torn.")
    return PolicyShelf(1, {"US-UT": in_force}, {"US-UT": MODEL})


def explained(law: StatePolicy | None = UTAH, **changes: Any) -> Explanation:
    one = asked(**changes)
    (found,) = explain(one, shelf(law))
    assert (found.verdict,) == evaluate(one, shelf(law))
    return found


def test_a_grant_is_explained_whole() -> None:
    """R-1: what the policies were shown, and which of them allowed it."""
    permits, forbids = UTAH.text.permits, UTAH.text.forbids
    assert explained() == Explanation(
        verdict=evaluate(asked(), shelf())[0],
        above=(),
        own=(),
        reading=PolicyReading(
            authority=UTAH.authority,
            shown=context_of(asked(), UTAH),
            permits=(
                PermitReading(permits[0], True, (), True),
                PermitReading(
                    permits[1], True, (Miss("purpose", "criminal_investigation", DANGER),), False
                ),
                PermitReading(
                    permits[2],
                    False,
                    (Miss("purpose", "criminal_investigation", frozenset({"licence_fraud"})),),
                    False,
                ),
            ),
            forbids=(),
            forbids_in_all=len(forbids),
        ),
    )
    assert len(forbids) == 2


def test_a_refusal_names_the_rules_that_decided() -> None:
    """R-1: a permit that would have allowed it, and the rule that forbids it all the same."""
    found = explained(
        agency="us-ut-dld",
        purpose="licence_fraud",
        beneficiary_agency="us-ut-dld",
        suspicion="none",
        offence={"statute": "Nevada 1", "tier": "felony"},
    )
    assert [one.code for one in found.own] == [ErrorCode.POLICY_FORBIDDEN]
    assert found.above == ()
    assert found.reading is not None
    assert [one.label for one in found.reading.forbids] == ["shut-to-fraud"]
    assert [(one.names_agency, one.applies) for one in found.reading.permits] == [
        (False, False),
        (False, False),
        (True, True),
    ]
    crime, danger, _ = found.reading.permits
    assert crime.misses == (
        Miss("purpose", "licence_fraud", frozenset({"criminal_investigation"})),
        Miss("suspicion", "none", frozenset({"reasonable_suspicion", "probable_cause"})),
    )
    assert danger.misses == (Miss("purpose", "licence_fraud", DANGER),)
    missed = explained(offence={"statute": "Nevada 1", "tier": "misdemeanor"})
    assert missed.reading is not None
    assert missed.reading.permits[0].misses == (Miss("offence_tier", "misdemeanor", FELONIES),)
    assert not missed.reading.permits[0].applies


def test_reasons_above_the_states_are_told_apart_in_every_gallery() -> None:
    """R-1, R-12: also where a state has no policy, or one that cannot be read."""
    one = asked(trained=None, suspicion="none", galleries=["US-UT", "US-NV"])
    utahs, nevadas = explain(one, shelf())
    assert [reason.code for reason in utahs.above] == [ErrorCode.TRAINING_MISSING]
    assert [reason.code for reason in utahs.own] == [ErrorCode.SUSPICION_TOO_LOW]
    assert [reason.code for reason in nevadas.above] == [ErrorCode.TRAINING_MISSING]
    assert [reason.code for reason in nevadas.own] == [ErrorCode.POLICY_MISSING]
    assert (utahs.verdict.gallery, nevadas.verdict.gallery) == ("US-UT", "US-NV")
    assert utahs.reading is not None
    assert nevadas.reading is None
    torn = explained(None)
    assert [reason.code for reason in torn.own] == [ErrorCode.POLICY_INVALID]
    assert torn.reading is None


def test_a_policy_that_fails_is_its_states_own_affair() -> None:
    """Law 5: no rule above the states failed, and the reason does not say so."""
    broken = replace(UTAH, authority=replace(UTAH.authority, limits=None))  # type: ignore[arg-type]
    found = explained(broken)
    assert [one.code for one in found.own] == [ErrorCode.POLICY_ERROR]
    assert found.above == ()


def test_an_emergency_is_shown_as_one_where_it_is_granted_as_one() -> None:
    """R-10."""
    law = state(WARRANT_DEMANDED, EMERGENCY_PERMITTED)
    granted = explained(law, emergency=EMERGENCY)
    assert granted.verdict.emergency is not None
    assert granted.reading is not None
    assert granted.reading.shown == context_of(
        replace(asked(emergency=EMERGENCY), as_emergency=True), law
    )
    assert granted.reading.shown["emergency"] == "declared"
    refused = explained(law)
    assert refused.reading is not None
    assert refused.reading.shown["emergency"] == "none"
