"""The laws between entries: each true of an honest ledger, each seen when broken (R-14, R-24)."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.checks import LedgerFault
from onrecord.proof.story import story_checks
from tests.builders import bodies

SAME, UNSURE = "supports_same", "inconclusive"
Story = list[dict[str, Any]]
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority.open(tmp_path, now=lambda: NOW)


@pytest.fixture
def attestor(authority: LocalAuthority) -> Attestor:
    identity = authority.issue(Service.VECTOR_SEARCH)
    return Attestor(identity.key, identity.chain)


def honest(attestor: Attestor) -> Story:
    return [
        bodies.policy_activated(),
        bodies.granted(),
        bodies.executed(bodies.receipt({"a": 800_000, "b": 300_000}), attestor),
        *(bodies.looked(who, face) for who in ("one", "two") for face in (None, "a", "b")),
        bodies.decided("one", {"a": SAME, "b": UNSURE}),
        bodies.decided("two", {"a": SAME, "b": UNSURE}),
        bodies.released(["a"], decided_at=[9, 10]),
    ]


def tell(story: Story, authority: LocalAuthority) -> dict[str, int]:
    checks = [make() for make in story_checks(AttestationVerifier([authority.root]))]
    for index, body in enumerate(story):
        for check in checks:
            try:
                check.see(index, body)
            except LedgerFault as fault:
                assert (fault.check, fault.index) == (check.name, index)
                raise
    for check in checks:
        check.finish()
    return {check.name: check.passed for check in checks}


def test_an_honest_story_passes_every_check(attestor: Attestor, authority: LocalAuthority) -> None:
    story = [*honest(attestor), bodies.changed(attestor)]
    story += [
        bodies.emergency(second=11, search_id="s-2"),
        bodies.followed_up(bodies.at(12), grant_index=13, search_id="s-2"),
    ]
    counts = tell(story, authority)
    assert len(counts) == 8
    assert all(count >= 1 for count in counts.values()), counts


def test_a_second_receipt_must_name_the_first(
    attestor: Attestor, authority: LocalAuthority
) -> None:
    first = bodies.receipt({"a": 1})
    story = [*honest(attestor)[:2], bodies.executed(first, attestor)]
    story.append(bodies.granted(search_id="s-2"))
    second = bodies.receipt(
        {"c": 1},
        sequence=2,
        previous=bodies.statement_digest(first),
        grant_index=3,
        search_id="s-2",
    )
    tell([*story, bodies.executed(second, attestor)], authority)
    for wrong in ({"sequence": 3}, {"previous": bodies.NONE_BEFORE}, {"sequence": 1}):
        with pytest.raises(LedgerFault) as fault:
            tell([*story, bodies.executed({**second, **wrong}, attestor)], authority)
        assert fault.value.index == 4


def test_a_gap_is_passed_where_an_alarm_tells_of_it(
    attestor: Attestor, authority: LocalAuthority
) -> None:
    """Law 3: receipts are dense, or the ledger says which are missing."""
    story = honest(attestor)[:2]
    fourth = bodies.receipt({"a": 1}, sequence=4, previous="ab" * 32)
    tell([*story, bodies.gap(1, 4), bodies.executed(fourth, attestor)], authority)
    for alarm in (bodies.gap(2, 4), bodies.gap(1, 1), bodies.gap(1, 3), bodies.gap(1, 5)):
        with pytest.raises(LedgerFault):
            tell([*story, alarm, bodies.executed(fourth, attestor)], authority)
    with pytest.raises(LedgerFault):
        tell([*story, bodies.executed(fourth, attestor)], authority)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 9},
        {"accepted": 0},
        {"rejected": 1},
        {"type": "onrecord.receipt/v1"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_change_that_does_not_add_up_is_found(
    attestor: Attestor, authority: LocalAuthority, wrong: dict[str, Any]
) -> None:
    """R-24, R-42."""
    tell([bodies.changed(attestor)], authority)
    with pytest.raises(LedgerFault):
        tell([bodies.changed(attestor, **wrong)], authority)


def test_a_change_is_signed_by_its_plane_and_stands_once(
    attestor: Attestor, authority: LocalAuthority
) -> None:
    """R-24."""
    honest_change = bodies.changed(attestor)
    identity = authority.issue(Service.GATEWAY)
    by_gateway = bodies.changed(Attestor(identity.key, identity.chain))
    edited = {**honest_change, "change": {**honest_change["change"], "accepted": 1}}
    elsewhere = {**honest_change, "gallery": "US-VT"}
    for story in ([honest_change, honest_change], [by_gateway], [edited], [elsewhere]):
        with pytest.raises(LedgerFault):
            tell(story, authority)


def _other_policy(story: Story, _: Attestor) -> None:
    story[0]["bundle"] = "0" * 64


def _no_grant(story: Story, _: Attestor) -> None:
    story[1]["search_id"] = "s-9"


def _other_gallery(story: Story, attestor: Attestor) -> None:
    story[2] = bodies.executed(bodies.receipt({"a": 1}, gallery="US-VT"), attestor)


def _another_gallerys_receipt(story: Story, attestor: Attestor) -> None:
    """Both were granted, and Vermont's receipt is passed off as Utah's end."""
    galleries = story[1]["galleries"]
    galleries["US-VT"] = {**galleries["US-UT"]}
    story.insert(1, {**story[0], "jurisdiction": "US-VT"})
    said = bodies.receipt({"a": 800_000, "b": 300_000}, gallery="US-VT", grant_index=2)
    story[3] = {**bodies.executed(said, attestor), "grant_index": 2, "gallery": "US-UT"}


def _searched_twice(story: Story, attestor: Attestor) -> None:
    story.insert(3, story[2])


def _other_probe(story: Story, attestor: Attestor) -> None:
    said = {**bodies.receipt({"a": 800_000, "b": 300_000}), "probe_sha256": "1" * 64}
    story[2] = bodies.executed(said, attestor)


def _longer_list(story: Story, attestor: Attestor) -> None:
    said = {**bodies.receipt({"a": 800_000, "b": 300_000}), "list_size": 50}
    story[2] = bodies.executed(said, attestor)


def _after_expiry(story: Story, attestor: Attestor) -> None:
    said = {**bodies.receipt({"a": 1, "b": 1}), "time": "2026-11-23T06:35:00.01Z"}
    story[2] = bodies.executed(said, attestor)


def _receipt_edited(story: Story, _: Attestor) -> None:
    story[2]["receipt"] = {**story[2]["receipt"], "candidates": []}


def _receipt_by_another(story: Story, attestor: Attestor) -> None:
    attestation = story[2]["attestation"]
    attestation["signature"] = attestor.attest(bodies.receipt({"z": 1})).to_json()["signature"]


def _own_examiner(story: Story, _: Attestor) -> None:
    story[3]["by"] = bodies.person("asker")


def _third_examiner(story: Story, _: Attestor) -> None:
    story.insert(9, bodies.looked("three"))


def _not_agreed(story: Story, _: Attestor) -> None:
    story[10] = bodies.decided("two", {"a": UNSURE, "b": UNSURE})


def _lead_hidden(story: Story, _: Attestor) -> None:
    story[11] = bodies.released([], decided_at=[9, 10])


def _decision_left_out(story: Story, _: Attestor) -> None:
    story[11] = bodies.released(["a"], decided_at=[9])


def _released_twice(story: Story, _: Attestor) -> None:
    story.append(bodies.released(["a"], decided_at=[9, 10]))


def _probe_not_seen(story: Story, _: Attestor) -> None:
    del story[3]


def _candidate_not_seen(story: Story, _: Attestor) -> None:
    del story[5]


def _seen_by_the_other_alone(story: Story, _: Attestor) -> None:
    story[8] = bodies.looked("one", "b")


def _seen_in_another_gallery(story: Story, _: Attestor) -> None:
    story[4] = bodies.looked("one", "a", gallery="US-VT")


def _seen_in_another_search(story: Story, attestor: Attestor) -> None:
    """The look at the probe was one at another search's probe."""
    story[3:3] = [bodies.granted(search_id="s-2")]
    story[4] = {**story[4], "search_id": "s-2", "grant_index": 3}


def _seen_afterwards(story: Story, _: Attestor) -> None:
    story.insert(9, story.pop(5))


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (_other_policy, 1),
        (_no_grant, 2),
        (_other_gallery, 2),
        (_another_gallerys_receipt, 3),
        (_searched_twice, 3),
        (_other_probe, 2),
        (_longer_list, 2),
        (_after_expiry, 2),
        (_receipt_edited, 2),
        (_receipt_by_another, 2),
        (_own_examiner, 3),
        (_third_examiner, 9),
        (_not_agreed, 11),
        (_lead_hidden, 11),
        (_decision_left_out, 11),
        (_released_twice, 12),
        (_probe_not_seen, 8),
        (_candidate_not_seen, 8),
        (_seen_by_the_other_alone, 10),
        (_seen_in_another_gallery, 9),
        (_seen_in_another_search, 10),
        (_seen_afterwards, 8),
    ],
)
def test_a_broken_law_is_named_with_its_entry(
    spoil: Callable[[Story, Attestor], None],
    where: int,
    attestor: Attestor,
    authority: LocalAuthority,
) -> None:
    story = honest(attestor)
    spoil(story, attestor)
    with pytest.raises(LedgerFault) as fault:
        tell(story, authority)
    assert fault.value.index == where
