"""The arithmetic of the plane, for all inputs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.names import (
    check_jurisdiction,
    check_record_id,
    check_sha256,
    index_key,
)
from onrecord.vector_search.core.ranking import (
    FETCH_CEILING,
    distinct,
    first_fetch,
    next_fetch,
    rank_live,
    to_millionths,
)
from onrecord.vector_search.core.values import IndexHit
from onrecord.vector_search.core.write_points import WRITE_POINTS

HITS = st.lists(
    st.builds(IndexHit, st.sampled_from("abcdefgh"), st.floats(-1, 1, allow_nan=False)), max_size=30
)


@given(st.floats(-2, 2, allow_nan=False), st.floats(-2, 2, allow_nan=False))
def test_millionths_keep_the_order_and_the_bounds(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert -1_000_000 <= to_millionths(low) <= to_millionths(high) <= 1_000_000


@pytest.mark.parametrize(
    ("similarity", "millionths"),
    [(1.0, 1_000_000), (1.0000001, 1_000_000), (-1.5, -1_000_000), (0.1234567, 123_457), (0.0, 0)],
)
def test_a_similarity_is_written_to_the_nearest_millionth(
    similarity: float, millionths: int
) -> None:
    assert to_millionths(similarity) == millionths


@given(HITS)
def test_a_key_stands_once_at_its_best_and_the_best_first(hits: list[IndexHit]) -> None:
    merged = distinct(hits)
    assert {hit.key for hit in merged} == {hit.key for hit in hits}
    assert len(merged) == len({hit.key for hit in hits})
    for hit in merged:
        assert hit.similarity == max(one.similarity for one in hits if one.key == hit.key)
    assert [hit.similarity for hit in merged] == sorted(
        (hit.similarity for hit in merged), reverse=True
    )


@given(HITS, st.sets(st.sampled_from("abcdefgh")), st.integers(1, 10))
def test_only_live_records_are_ranked_and_none_better_is_left_out(
    hits: list[IndexHit], live: set[str], list_size: int
) -> None:
    """Law 9: whatever the index still holds, the roster says what is returned."""
    best = distinct(hits)
    ranked = rank_live(best, {key: f"enrolment {key}" for key in live}, list_size)
    expected = [hit for hit in best if hit.key in live][:list_size]
    assert [one.enrolment_id for one in ranked] == [f"enrolment {hit.key}" for hit in expected]
    assert [one.similarity for one in ranked] == [to_millionths(hit.similarity) for hit in expected]


@given(st.integers(1, 50))
def test_fetching_again_asks_for_more_and_ends_at_the_ceiling(list_size: int) -> None:
    asked: int | None = first_fetch(list_size)
    steps: list[int] = []
    while asked is not None:
        assert len(steps) < 20, "it never ends"
        steps.append(asked)
        asked = next_fetch(asked)
    assert steps[0] > list_size
    assert all(later > earlier for earlier, later in pairwise(steps))
    assert steps[-1] == FETCH_CEILING


def test_an_index_key_tells_gallery_record_generation_and_model_apart() -> None:
    key = index_key("US-UT", "12", 3, "m")
    others = {
        index_key("US-VT", "12", 3, "m"),
        index_key("US-UT", "1", 23, "m"),
        index_key("US-UT", "123", 3, "m"),
        index_key("US-UT", "12", 4, "m"),
        index_key("US-UT", "12", 3, "n"),
    }
    assert len(others | {key}) == 6
    assert key == index_key("US-UT", "12", 3, "m")
    assert len(key) == 64


@pytest.mark.parametrize(
    "record_id", ["", "x" * 129, "a b", "a\nb", "a\x00b", "a\u200bb", "\u2028", " "]
)
def test_a_record_id_that_could_be_two_things_is_refused(record_id: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        check_record_id(record_id)
    assert refused.value.code is ErrorCode.RECORD_ID_INVALID


@pytest.mark.parametrize("record_id", ["1", "x" * 128, "UT-0/4.2_a", "Ñ77"])
def test_a_state_names_its_records_as_it_likes(record_id: str) -> None:
    check_record_id(record_id)


@pytest.mark.parametrize("name", ["US-ut", "UT", "US-UTX", "../US", "US-UT\n", ""])
def test_a_gallery_is_named_by_its_state(name: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        check_jurisdiction(name)
    assert refused.value.code is ErrorCode.JURISDICTION_UNKNOWN


@pytest.mark.parametrize("value", ["", "0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n"])
def test_a_hash_is_sixty_four_digits(value: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        check_sha256(value, "image_sha256")
    assert refused.value.field == "image_sha256"


def test_every_write_point_has_a_name_of_its_own() -> None:
    assert len(set(WRITE_POINTS)) == len(WRITE_POINTS)
    names = {
        value
        for name, value in vars(write_points).items()
        if isinstance(value, str) and name.isupper()
    }
    assert names == set(WRITE_POINTS)
