"""The arithmetic of the gateway."""

from collections import Counter
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.gateway.core import states
from onrecord.gateway.core.documents import read_object
from onrecord.gateway.core.draw import Examiner, draw_examiners, is_trained, qualified, shuffled
from onrecord.gateway.core.image_type import media_type
from onrecord.gateway.core.states import KEEPS_PROBE, TRANSITIONS, Reason, check_transition
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus

TODAY = date(2026, 11, 23)
POOL = [Examiner(name, "us-ut-dps", TODAY) for name in ("ann", "bea", "cem", "dot")]


def test_every_pair_and_order_is_equally_likely() -> None:
    """R-15: at random; chi-square over twelve ordered pairs, far beyond the 0.1 % quantile."""
    chance = Random(1)  # noqa: S311 - the same draws each time
    draws = 12_000
    counted = Counter(
        tuple(one.person for one in draw_examiners(POOL, chance) or ()) for _ in range(draws)
    )
    expected = draws / 12
    assert len(counted) == 12
    assert sum((n - expected) ** 2 / expected for n in counted.values()) < 31.3


@given(st.sets(st.sampled_from([one.person for one in POOL])), st.randoms())
def test_nobody_excluded_is_ever_drawn(excluded: set[str], chance: Random) -> None:
    """R-15."""
    drawn = draw_examiners(qualified(POOL, TODAY, frozenset(excluded)), chance)
    if len(excluded) > len(POOL) - 2:
        assert drawn is None
    else:
        assert drawn is not None
        people = {one.person for one in drawn}
        assert len(people) == 2
        assert not people & excluded


@given(st.lists(st.text(), unique=True), st.randoms())
def test_shuffling_loses_nobody(references: list[str], chance: Random) -> None:
    assert sorted(shuffled(references, chance)) == sorted(references)


def test_first_place_says_nothing() -> None:
    """R-15: the best candidate stands in each place equally often."""
    chance = Random(2)  # noqa: S311
    places = Counter(shuffled("abcd", chance).index("a") for _ in range(8000))
    assert all(abs(count - 2000) < 200 for count in places.values())


@pytest.mark.parametrize(
    ("completed", "trained"),
    [
        (date(2025, 11, 23), True),
        (date(2025, 11, 22), False),
        (date(2026, 11, 23), True),
    ],
)
def test_training_counts_for_twelve_months(completed: date, trained: bool) -> None:
    """R-12."""
    assert is_trained(completed, TODAY) is trained


def test_a_leap_days_training_ends_with_february() -> None:
    assert is_trained(date(2024, 2, 29), date(2025, 2, 28))
    assert not is_trained(date(2024, 2, 29), date(2025, 3, 1))


def test_every_state_is_in_the_machine_and_leads_forward() -> None:
    """CONTRACTS: no state returns to one before it."""
    assert set(TRANSITIONS) == set(SearchStatus)

    def after(status: SearchStatus) -> set[SearchStatus]:
        return set(TRANSITIONS[status]).union(*(after(one) for one in TRANSITIONS[status]))

    for status in SearchStatus:
        assert status not in after(status)


@pytest.mark.parametrize("before", list(SearchStatus))
@pytest.mark.parametrize("after", list(SearchStatus))
def test_only_the_arrows_that_exist_can_be_gone(before: SearchStatus, after: SearchStatus) -> None:
    if after in TRANSITIONS[before]:
        check_transition(before, after)
    else:
        with pytest.raises(OnRecordError) as caught:
            check_transition(before, after)
        assert caught.value.code is ErrorCode.SEARCH_STATE


def test_a_search_closed_without_a_lead_keeps_no_probe() -> None:
    """R-29."""
    without = {
        SearchStatus.NO_LEAD,
        SearchStatus.REFUSED_QUALITY,
        SearchStatus.FAILED,
        SearchStatus.EXPIRED,
        SearchStatus.REFUSED,
    }
    assert not without & KEEPS_PROBE


def test_the_ends_of_a_gallery() -> None:
    """Law 8."""
    open_one = states.granted("US-UT", "p", "m", 5)
    assert (open_one.ended, open_one.retryable) == (False, True)
    missed = states.unreached(open_one, Reason("plane_unavailable", "away"))
    assert (missed.ended, missed.retryable) == (False, True)
    over = states.given_up(missed, missed.reasons[0], retryable=True)
    assert (over.ended, over.status) == (True, GalleryStatus.UNAVAILABLE)
    done = states.searched(missed, 7, "ab")
    assert (done.status, done.reasons, done.retryable) == (GalleryStatus.SEARCHED, (), False)
    late = states.expired(open_one)
    assert states.status_when_unsealed([over, late]) is SearchStatus.EXPIRED
    refused = states.refused("US-VT", None, [("policy_missing", "none")])
    assert states.status_when_unsealed([over, refused]) is SearchStatus.FAILED


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Anything is an object or REQUEST_MALFORMED."""
    try:
        assert isinstance(read_object(data, "body"), dict)
    except OnRecordError as error:
        assert error.code is ErrorCode.REQUEST_MALFORMED


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n0", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"<svg onload=alert(1)>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_content_decides_the_type(data: bytes, kind: str) -> None:
    """R-33; and nothing that a browser would run is ever named as an image."""
    assert media_type(data) == kind
