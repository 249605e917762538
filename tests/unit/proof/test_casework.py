"""What follows from the entries of a search (R-13, R-15)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import casework
from onrecord.proof.casework import MergedCandidate, derive_outcome, merge_candidates
from tests.builders import bodies

SAME, DIFFERENT, UNSURE = "supports_same", "supports_different", "inconclusive"


def candidates(*refs: str) -> tuple[MergedCandidate, ...]:
    return tuple(MergedCandidate("US-UT", ref, bodies.MODEL, 0) for ref in refs)


def outcome(first: dict[str, str], second: dict[str, str]) -> casework.Outcome:
    return derive_outcome(
        candidates(*first),
        [bodies.decided("one", first), bodies.decided("two", second)],
        requester="asker",
    )


def test_two_who_agree_release_the_candidate() -> None:
    result = outcome({"a": SAME, "b": DIFFERENT}, {"a": SAME, "b": UNSURE})
    assert [lead.candidate_ref for lead in result.leads] == ["a"]


def test_two_who_may_be_one_person_are_two_leads() -> None:
    """R-15: one or two; an examiner who supports three ends it."""
    both = {"a": SAME, "b": SAME, "c": UNSURE}
    result = outcome(both, both)
    assert [lead.candidate_ref for lead in result.leads] == ["a", "b"]
    assert result.reason == casework.AGREED
    only_one_sees_a_second = outcome({"a": SAME, "b": SAME}, {"a": SAME, "b": UNSURE})
    assert [lead.candidate_ref for lead in only_one_sees_a_second.leads] == ["a"]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"a": SAME}, {"a": UNSURE}, casework.NOT_SUPPORTED),
        ({"a": SAME}, {"a": DIFFERENT}, casework.OPPOSED),
        ({"a": SAME, "b": DIFFERENT}, {"a": SAME, "b": SAME}, casework.OPPOSED),
        ({"a": SAME, "b": SAME, "c": SAME}, {"a": SAME, "b": SAME, "c": SAME}, casework.TOO_MANY),
        (
            {"a": SAME, "b": SAME, "c": UNSURE},
            {"a": SAME, "b": SAME, "c": SAME},
            casework.TOO_MANY,
        ),
        ({"a": UNSURE}, {"a": UNSURE}, casework.NOT_SUPPORTED),
    ],
)
def test_no_lead_without_agreement(
    first: dict[str, str], second: dict[str, str], reason: str
) -> None:
    """R-15: opposite conclusions, or three supported candidates, end it without a lead."""
    result = outcome(first, second)
    assert result.leads == ()
    assert result.reason == reason


@pytest.mark.parametrize(
    "decisions",
    [
        [],
        [bodies.decided("one", {"a": SAME})],
        [bodies.decided("one", {"a": SAME}), bodies.decided("one", {"a": SAME})],
        [bodies.decided("one", {"a": SAME}), bodies.decided("asker", {"a": SAME})],
        [bodies.decided("one", {"a": SAME}), bodies.decided("two", {})],
        [bodies.decided("one", {"a": SAME}), bodies.decided("two", {"a": SAME, "x": SAME})],
        [bodies.decided("one", {"a": SAME}), bodies.decided("two", {"a": "certainly"})],
    ],
)
def test_anything_less_than_two_whole_decisions_supports_nothing(
    decisions: list[dict[str, Any]],
) -> None:
    with pytest.raises(OnRecordError) as refused:
        derive_outcome(candidates("a"), decisions, requester="asker")
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED


def test_an_empty_list_takes_two_examiners_like_any_other() -> None:
    """R-14, R-15: how soon a search is closed tells the requester nothing about the list."""
    looked = [bodies.decided("one", {}), bodies.decided("two", {})]
    assert derive_outcome((), looked, requester="asker") == casework.Outcome(
        (), casework.NOTHING_FOUND
    )
    for fewer in ([], looked[:1], [looked[0], looked[0]], [looked[0], bodies.decided("asker", {})]):
        with pytest.raises(OnRecordError) as refused:
            derive_outcome((), fewer, requester="asker")
        assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED


_CONCLUSIONS = st.lists(
    st.tuples(
        st.sampled_from([SAME, DIFFERENT, UNSURE]), st.sampled_from([SAME, DIFFERENT, UNSURE])
    ),
    min_size=1,
    max_size=6,
)


@given(_CONCLUSIONS)
def test_a_lead_always_has_both_examiners_behind_it(pairs: list[tuple[str, str]]) -> None:
    """R-15, for all decisions: never more than two leads, each supported twice, never opposed."""
    first = {str(n): pair[0] for n, pair in enumerate(pairs)}
    second = {str(n): pair[1] for n, pair in enumerate(pairs)}
    result = outcome(first, second)
    assert len(result.leads) <= 2
    for lead in result.leads:
        assert first[lead.candidate_ref] == second[lead.candidate_ref] == SAME
    if any({SAME, DIFFERENT} == set(pair) for pair in pairs):
        assert result.leads == ()


@pytest.mark.parametrize("again", [SAME, DIFFERENT])
@pytest.mark.parametrize("place", [0, -1])
def test_a_decision_that_stands_twice_on_one_candidate_releases_nobody(
    again: str, place: int
) -> None:
    """R-15: audit takes no such decision; a ledger that holds one all the same proves no lead."""
    decided = bodies.decided("one", {"a": SAME, "b": UNSURE})
    doubled = bodies.decided("two", {"a": SAME, "b": UNSURE})
    row = {**doubled["decisions"][0], "conclusion": again}
    doubled["decisions"].insert(place % (len(doubled["decisions"]) + 1), row)
    for both in ([decided, doubled], [doubled, decided]):
        with pytest.raises(OnRecordError, match="twice on one candidate") as refused:
            derive_outcome(candidates("a", "b"), both, requester="asker")
        assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED


@pytest.mark.parametrize("verdict", [SAME, DIFFERENT])
def test_one_name_in_two_galleries_releases_nobody(verdict: str) -> None:
    """R-15: nobody could say which of the two the examiners meant, so nothing is derived."""
    twice = (
        *candidates("a"),
        MergedCandidate("US-VT", "a", bodies.MODEL, -5),
        *candidates("b"),
    )
    decisions = [bodies.decided(one, {"a": verdict, "b": DIFFERENT}) for one in ("one", "two")]
    with pytest.raises(OnRecordError, match="two candidates bear one name") as refused:
        derive_outcome(twice, decisions, requester="asker")
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED
    apart = (twice[0], twice[2])
    leads = derive_outcome(apart, decisions, requester="asker").leads
    assert leads == (apart[:1] if verdict == SAME else ())


def test_a_merged_list_is_the_most_alike_of_all_galleries() -> None:
    merged = merge_candidates(
        [
            bodies.receipt({"u1": 900_000, "u2": 100_000}, gallery="US-UT"),
            bodies.receipt({"m1": 500_000, "m2": 400_000}, gallery="US-MD"),
        ],
        3,
    )
    assert [(one.gallery, one.candidate_ref) for one in merged] == [
        ("US-UT", "u1"),
        ("US-MD", "m1"),
        ("US-MD", "m2"),
    ]


def of(model: str, gallery: str, count: int) -> dict[str, Any]:
    named = {f"{gallery}-{number}": 500_000 - number for number in range(count)}
    return {**bodies.receipt(named, gallery=gallery), "model_id": model}


def test_lists_of_two_models_take_turns_until_one_is_at_its_end() -> None:
    """R-13, R-38: what one model leaves free, the other fills; each is named by its model."""
    short, long = of("model-b", "US-UT", 1), of("model-a", "US-MD", 9)
    merged = merge_candidates([short, long], 5)
    assert [(one.model_id, one.candidate_ref) for one in merged] == [
        *(("model-a", f"US-MD-{number}") for number in range(4)),
        ("model-b", "US-UT-0"),
    ]
    assert [one.candidate_ref for one in merge_candidates([of("m", "x", 3)], 2)] == ["x-0", "x-1"]


def test_more_models_than_places_leave_the_last_out() -> None:
    lists = [of(f"model-{letter}", letter, 2) for letter in "cba"]
    assert [one.model_id for one in merge_candidates(lists, 2)] == ["model-a", "model-b"]


def test_equals_stand_by_reference() -> None:
    """The same list whoever derives it, in whatever order the receipts came."""
    first = bodies.receipt({"b": 1, "a": 1})
    second = bodies.receipt({"c": 1}, gallery="US-MD")
    for receipts in ([first, second], [second, first]):
        assert [one.candidate_ref for one in merge_candidates(receipts, 5)] == ["a", "b", "c"]


_LISTS = st.lists(
    st.tuples(
        st.sampled_from(["model-a", "model-b", "model-c"]),
        st.lists(st.integers(-1_000_000, 1_000_000), max_size=8),
    ),
    max_size=4,
)


@given(_LISTS, st.integers(2, 50))
def test_models_are_never_mixed_and_the_list_is_never_longer(
    lists: list[tuple[str, list[int]]], size: int
) -> None:
    """R-13, R-38: the merged list keeps to its size and stays grouped by model, best first."""
    receipts = []
    for number, (model, values) in enumerate(lists):
        one = bodies.receipt({f"{number}-{n}": value for n, value in enumerate(values)})
        receipts.append({**one, "model_id": model, "gallery": f"g{number}"})
    merged = merge_candidates(receipts, size)
    assert len(merged) == min(size, sum(len(values) for _, values in lists))
    keys = [(one.model_id, -one.similarity) for one in merged]
    assert keys == sorted(keys)
