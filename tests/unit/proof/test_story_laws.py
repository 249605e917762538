"""Each law between entries by itself: what it counts, and where exactly it ends (R-14, R-24)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.story import (
    EndsFollowGrants,
    LooksByExaminers,
    OutcomesFollow,
    PoliciesInForce,
    ReceiptsChained,
)
from onrecord.proof.story_looks import DecisionsFollowLooks
from tests.builders import bodies
from tests.builders.telling import CopyingShelf, broken_by_the_last, tell

SAME, UNSURE = "supports_same", "inconclusive"
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
Body = dict[str, Any]


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority.open(tmp_path, now=lambda: NOW)


@pytest.fixture
def attestor(authority: LocalAuthority) -> Attestor:
    identity = authority.issue(Service.VECTOR_SEARCH)
    return Attestor(identity.key, identity.chain)


def policies() -> PoliciesInForce:
    return PoliciesInForce(CopyingShelf())


def ends() -> EndsFollowGrants:
    return EndsFollowGrants(CopyingShelf())


def unsigned() -> ReceiptsChained:
    return ReceiptsChained(None, CopyingShelf())


def people() -> LooksByExaminers:
    return LooksByExaminers(CopyingShelf())


def looks() -> DecisionsFollowLooks:
    return DecisionsFollowLooks(CopyingShelf())


def outcomes() -> OutcomesFollow:
    return OutcomesFollow(CopyingShelf())


# -- PoliciesInForce: R-1


def test_every_granted_gallery_is_counted_by_the_policy_of_its_own_state() -> None:
    both = ["US-UT", "US-MD"]
    story = [bodies.policy_activated(name) for name in both]
    assert tell(policies(), []) == 0
    assert tell(policies(), [*story, bodies.granted(both)]) == 2
    assert "US-VT" in broken_by_the_last(policies, [*story, bodies.granted([*both, "US-VT"])])


def test_a_policy_that_was_replaced_grants_nothing_more() -> None:
    newer = {**bodies.policy_activated(), "bundle": "1" * 64}
    story = [bodies.policy_activated(), bodies.granted(), newer, bodies.granted(search_id="s-2")]
    assert "not in force" in broken_by_the_last(policies, story)


# -- EndsFollowGrants: R-23


def ended(kind: str = "search.expired", **changes: Any) -> Body:
    said = {"kind": kind, "time": bodies.at(9), "search_id": "s-1", "grant_index": 0}
    return {**said, "gallery": "US-UT", **changes}


def executed(attestor: Attestor, candidates: int = 1, **changes: Any) -> Body:
    said = bodies.receipt({f"c-{number}": number for number in range(candidates)}, grant_index=0)
    return bodies.executed({**said, **changes}, attestor)


@pytest.mark.parametrize("kind", ["search.expired", "search.failed", "search.refused_quality"])
def test_every_end_is_counted_and_comes_once_to_each_gallery(kind: str) -> None:
    grant = bodies.granted(["US-UT", "US-MD"])
    story = [grant, ended(kind), ended(gallery="US-MD")]
    assert tell(ends(), [grant]) == 0
    assert tell(ends(), story) == 2
    assert "ended before" in broken_by_the_last(ends, [*story, ended(kind)])
    assert "not granted" in broken_by_the_last(ends, [*story, ended(kind, gallery="US-VT")])


def test_one_entry_may_end_several_galleries(attestor: Attestor) -> None:
    """What audit writes as expired names them all; no receipt may come after it."""
    grant, both = bodies.granted(["US-UT", "US-MD"]), ["US-UT", "US-MD"]
    together = {name: value for name, value in ended(galleries=both).items() if name != "gallery"}
    assert tell(ends(), [grant, together]) == 1
    for after in (executed(attestor), ended(gallery="US-MD")):
        assert "ended before" in broken_by_the_last(ends, [grant, together, after])
    half = [grant, ended(galleries=["US-MD"])]
    assert tell(ends(), [*half, executed(attestor)]) == 2


def test_a_search_is_granted_once_and_before_it_ends(attestor: Attestor) -> None:
    for law in (ends, outcomes, people):
        twice = [bodies.granted(), bodies.granted(["US-MD"])]
        assert "granted twice" in broken_by_the_last(law, twice)
    for wrong in ({"search_id": "s-9"}, {"grant_index": 1}):
        assert "no earlier" in broken_by_the_last(ends, [bodies.granted(), ended(**wrong)])


def test_a_list_may_be_full_and_not_longer(attestor: Attestor) -> None:
    """R-13: five were granted."""
    grant = bodies.granted()
    for list_size, found in ((5, 5), (4, 4), (5, 0)):
        assert tell(ends(), [grant, executed(attestor, found, list_size=list_size)]) == 1
    for list_size, found, told in ((6, 1, "longer"), (5, 6, "more cand"), (4, 5, "more cand")):
        story = [grant, executed(attestor, found, list_size=list_size)]
        assert told in broken_by_the_last(ends, story)


def test_a_search_may_begin_until_the_grant_expires(attestor: Attestor) -> None:
    story = [bodies.granted(), executed(attestor, time=bodies.granted()["expires_at"])]
    assert tell(ends(), story) == 1
    late = [bodies.granted(), executed(attestor, time="2026-11-23T06:35:00.01Z")]
    assert "expired" in broken_by_the_last(ends, late)


@pytest.mark.parametrize("field", ["search_id", "grant_index", "probe_sha256", "policy"])
def test_a_receipt_is_for_this_grant(attestor: Attestor, field: str) -> None:
    said = {**executed(attestor), "search_id": "s-1", "grant_index": 0}
    said["receipt"] = {**said["receipt"], field: "another"}
    assert field in broken_by_the_last(ends, [bodies.granted(), said])


def test_a_receipt_is_of_the_model_that_was_granted(attestor: Attestor) -> None:
    story = [bodies.granted(), executed(attestor, model_id="another-model")]
    assert "model_id" in broken_by_the_last(ends, story)


# -- ReceiptsChained: R-23, law 3


def chain(attestor: Attestor, count: int, gallery: str = "US-UT") -> list[Body]:
    """Receipts that follow one another."""
    told: list[Body] = []
    previous = bodies.NONE_BEFORE
    for sequence in range(1, count + 1):
        said = bodies.receipt({"a": 1}, gallery=gallery, sequence=sequence, previous=previous)
        told.append(bodies.executed(said, attestor))
        previous = bodies.statement_digest(said)
    return told


def alarm(receipt: Body) -> Body:
    """A receipt that broke another rule: audit keeps it in an alarm."""
    kept = {name: receipt[name] for name in ("time", "receipt", "attestation")}
    return {**kept, "kind": "alarm.raised", "what": "receipt", "why": "late"}


def test_receipts_are_counted_for_each_gallery_by_itself(attestor: Attestor) -> None:
    utah, maryland = chain(attestor, 2), chain(attestor, 2, "US-MD")
    assert tell(unsigned(), []) == 0
    assert tell(unsigned(), [utah[0], maryland[0], maryland[1], utah[1]]) == 4


def test_a_receipt_in_an_alarm_has_its_place_in_the_chain(attestor: Attestor) -> None:
    first, second, third = chain(attestor, 3)
    assert tell(unsigned(), [first, alarm(second), third]) == 3
    assert "after 1" in broken_by_the_last(unsigned, [first, third])


def test_an_alarm_tells_of_another_branch_without_following_it(attestor: Attestor) -> None:
    first, second, third = chain(attestor, 3)
    branch = bodies.executed(bodies.receipt({"z": 1}, sequence=2), attestor)
    for elsewhere in (branch, third, first):
        assert tell(unsigned(), [first, alarm(elsewhere), second, third]) == 3
    assert "does not name" in broken_by_the_last(unsigned, [first, branch])


def test_a_receipt_in_an_alarm_is_signed_like_any_other(
    attestor: Attestor, authority: LocalAuthority
) -> None:
    def signed() -> ReceiptsChained:
        return ReceiptsChained(AttestationVerifier([authority.root]), CopyingShelf())

    first, second = chain(attestor, 2)
    assert tell(signed(), [first, alarm(second)]) == 2
    edited = {**alarm(second), "receipt": {**second["receipt"], "candidates": []}}
    assert "signed" in broken_by_the_last(signed, [first, edited])
    gateway = authority.issue(Service.GATEWAY)
    forged = alarm(chain(Attestor(gateway.key, gateway.chain), 2)[1])
    forged["receipt"] = second["receipt"]
    forged["attestation"] = Attestor(gateway.key, gateway.chain).attest(second["receipt"]).to_json()
    assert "vector-search" in broken_by_the_last(signed, [first, forged])


def test_other_entries_are_no_receipts(attestor: Attestor) -> None:
    report = {"kind": "report.made", "time": bodies.at(5), "what": "receipt"}
    gap_in_words = {"kind": "report.made", "time": bodies.at(5), "what": "receipt_gap"}
    others = [bodies.overdue(bodies.at(5)), report, gap_in_words, bodies.granted()]
    assert tell(unsigned(), [*others, *chain(attestor, 1)]) == 1


def test_what_is_not_checked_is_not_in_the_laws_name(authority: LocalAuthority) -> None:
    signed = ReceiptsChained(AttestationVerifier([authority.root]), CopyingShelf())
    assert "are signed" in signed.name
    assert unsigned().name == (
        "every gallery's receipts are without an untold gap, each naming the one before"
    )


def test_a_gap_begins_behind_the_last_receipt_of_that_gallery(attestor: Attestor) -> None:
    utah = chain(attestor, 1)
    fourth = bodies.receipt({"a": 1}, sequence=4, previous="ab" * 32)
    story = [*utah, bodies.gap(2, 4), bodies.executed(fourth, attestor)]
    assert tell(unsigned(), story) == 2
    assert tell(unsigned(), [*utah, bodies.gap(1, 2, gallery="US-MD")]) == 1
    for wrong in (bodies.gap(1, 4), bodies.gap(3, 4), bodies.gap(2, 2), bodies.gap(2, 1)):
        assert "another gap" in broken_by_the_last(unsigned, [*utah, wrong])


# -- LooksByExaminers and DecisionsFollowLooks


def test_two_people_look_and_decide_and_no_third() -> None:
    decision = bodies.decided("two", {}, grant_index=0)
    story = [bodies.granted(), *(bodies.looked(who, grant_index=0) for who in ("one", "two"))]
    assert tell(people(), [bodies.granted()]) == 0
    assert tell(people(), [*story, decision, bodies.looked("one", "a", grant_index=0)]) == 4
    for body in (bodies.looked("three", grant_index=0), bodies.decided("three", {}, grant_index=0)):
        assert "third" in broken_by_the_last(people, [*story, body])
    own = bodies.decided("asker", {}, grant_index=0)
    assert "own search" in broken_by_the_last(people, [*story, own])
    assert "no earlier" in broken_by_the_last(people, [*story, bodies.looked("one")])


def test_whoever_never_looked_has_not_looked_at_the_probe(attestor: Attestor) -> None:
    story = [bodies.granted(), executed(attestor), bodies.looked("one", grant_index=0)]
    assert tell(looks(), [*story, bodies.decided("one", {}), bodies.decided("one", {})]) == 2
    assert tell(looks(), story) == 0
    assert "probe" in broken_by_the_last(looks, [*story, bodies.decided("two", {})])


def test_a_candidate_that_was_not_found_cannot_be_decided_on(attestor: Attestor) -> None:
    story = [executed(attestor), bodies.looked("one"), bodies.looked("one", "c-0")]
    assert tell(looks(), [*story, bodies.decided("one", {"c-0": SAME})]) == 1
    unknown = [*story, bodies.looked("one", "c-9"), bodies.decided("one", {"c-9": SAME})]
    assert "c-9" in broken_by_the_last(looks, unknown)


def test_one_reference_in_two_galleries_is_two_faces(attestor: Attestor) -> None:
    story = [
        executed(attestor),
        {**executed(attestor), "gallery": "US-MD"},
        bodies.looked("one"),
        bodies.looked("one", "c-0"),
    ]
    both = [*story, bodies.looked("one", "c-0", gallery="US-MD")]
    assert tell(looks(), [*both, bodies.decided("one", {"c-0": SAME})]) == 1
    assert "c-0" in broken_by_the_last(looks, [*story, bodies.decided("one", {"c-0": SAME})])


def test_what_several_galleries_found_is_all_decided_on(attestor: Attestor) -> None:
    other = bodies.executed(bodies.receipt({"m-0": 1}, gallery="US-MD", grant_index=0), attestor)
    story = [executed(attestor), other, bodies.looked("one"), bodies.looked("one", "c-0")]
    seen = [*story, bodies.looked("one", "m-0", gallery="US-MD")]
    both = bodies.decided("one", {"c-0": SAME, "m-0": UNSURE})
    assert tell(looks(), [*seen, both]) == 1
    assert "m-0" in broken_by_the_last(looks, [*story, both])


@pytest.mark.parametrize("kind", ["lead.released", "search.closed"])
def test_looks_are_forgotten_with_the_outcome(attestor: Attestor, kind: str) -> None:
    story = [executed(attestor), bodies.looked("one"), {**bodies.released([]), "kind": kind}]
    assert "probe" in broken_by_the_last(looks, [*story, bodies.decided("one", {})])


# -- OutcomesFollow: R-15


def examined(attestor: Attestor, one: Body | None = None, two: Body | None = None) -> list[Body]:
    """Granted, found, and decided on twice: `a` is supported by both."""
    said = bodies.receipt({"a": 800_000, "b": 300_000}, grant_index=0)
    verdicts = {"a": SAME, "b": UNSURE}
    return [
        bodies.granted(),
        bodies.executed(said, attestor),
        bodies.decided("one", one or verdicts, grant_index=0),
        bodies.decided("two", two or verdicts, grant_index=0),
    ]


def outcome(*leads: str, **changes: Any) -> Body:
    given: Body = {"executed_at": [1], "decided_at": [2, 3], "grant_index": 0, **changes}
    return bodies.released(leads, **given)


def test_outcomes_are_counted(attestor: Attestor) -> None:
    story = [*examined(attestor), outcome("a")]
    assert tell(outcomes(), story[:-1]) == 0
    assert tell(outcomes(), story) == 1
    again = [
        bodies.granted(search_id="s-2"),
        *(
            {**body, "search_id": "s-2", "grant_index": 5}
            for body in [*examined(attestor)[1:], outcome("a", executed_at=[6], decided_at=[7, 8])]
        ),
    ]
    assert tell(outcomes(), [*story, *again]) == 2


def test_a_search_is_closed_where_nobody_is_supported(attestor: Attestor) -> None:
    unsure = {"a": UNSURE, "b": UNSURE}
    story = examined(attestor, unsure, unsure)
    closed = outcome()
    assert tell(outcomes(), [*story, closed]) == 1
    del closed["leads"]
    assert tell(outcomes(), [*story, closed]) == 1
    named_a_release = {**outcome(), "kind": "lead.released"}
    assert "something else" in broken_by_the_last(outcomes, [*story, named_a_release])


@pytest.mark.parametrize("leads", [["b"], ["a", "b"], []])
def test_another_lead_than_the_derived_is_found(attestor: Attestor, leads: list[str]) -> None:
    story = [*examined(attestor), outcome(*leads)]
    assert "something else" in broken_by_the_last(outcomes, story)


def test_a_lead_in_another_gallery_is_another(attestor: Attestor) -> None:
    told = outcome("a")
    told["leads"][0]["gallery"] = "US-VT"
    assert "something else" in broken_by_the_last(outcomes, [*examined(attestor), told])


def test_an_outcome_leaves_nothing_out(attestor: Attestor) -> None:
    story = examined(attestor)
    for executed_at in ([], [1, 1], [0]):
        told = outcome("a", executed_at=executed_at)
        assert "receipt" in broken_by_the_last(outcomes, [*story, told])
    for decided_at in ([], [2], [2, 2], [1, 2, 3]):
        told = outcome("a", decided_at=decided_at)
        assert "decision" in broken_by_the_last(outcomes, [*story, told])


def test_an_outcome_needs_two_others_than_who_asked(attestor: Attestor) -> None:
    story = examined(attestor)
    story[2] = {**story[2], "by": bodies.person("asker")}
    assert "own search" in broken_by_the_last(outcomes, [*story, outcome("a")])
    one_alone = [*examined(attestor)[:3], outcome("a", decided_at=[2])]
    assert "two decisions" in broken_by_the_last(outcomes, one_alone)


def test_nothing_is_decided_after_the_outcome(attestor: Attestor) -> None:
    story = [*examined(attestor), outcome("a")]
    late = bodies.decided("two", {"a": SAME, "b": UNSURE}, grant_index=0)
    assert "after the outcome" in broken_by_the_last(outcomes, [*story, late])
    assert "before" in broken_by_the_last(outcomes, [*story, outcome("a")])
    assert "granted twice" in broken_by_the_last(outcomes, [*story, bodies.granted()])


def test_a_receipt_after_the_outcome_changes_nothing(attestor: Attestor) -> None:
    """It is late; that is audit's to alarm. No outcome rests on it."""
    story = [*examined(attestor), outcome("a")]
    assert tell(outcomes(), [*story, executed(attestor)]) == 1


def test_nothing_belongs_to_a_search_that_was_not_granted(attestor: Attestor) -> None:
    """By the entry that granted it, and by its name."""
    story = examined(attestor)
    for wrong in ({"search_id": "s-9"}, {"grant_index": 1}):
        for body in (story[1], story[2], outcome("a")):
            told = [*story[:1], {**body, **wrong}]
            assert "no earlier" in broken_by_the_last(outcomes, told)
