"""The arithmetic of `load_tests/figures.py`, on lists small enough to work out by hand."""

import math

from load_tests.figures import Listed, figures, misses

GALLERY = frozenset({"a", "b", "c"})


def listed(probe: str, person: str, below: float = -math.inf, **alike: float) -> Listed:
    ranked = tuple(sorted(alike.items(), key=lambda one: -one[1]))
    return Listed(probe, person, ranked, below)


def test_rank_1_and_tar_by_hand() -> None:
    lists = [
        listed("a2", "a", a=0.9, b=0.3, c=0.2),
        listed("b2", "b", a=0.5, b=0.4, c=0.1),
        listed("x1", "x", a=0.1, b=0.2, c=0.3),
    ]
    found = figures(lists, GALLERY)
    # Seven pairs of strangers: at a FAR of 1e-3 not one of them may be accepted, so the threshold
    # is the most alike of them, .5, and of the two own records .9 is above it and .4 is not.
    assert found.impostor_pairs == 7
    assert found.threshold == 0.5
    assert (found.mated, found.rank_1, found.tar) == (2, 0.5, 0.5)
    assert found.exact
    assert misses(lists, GALLERY) == {"b2"}


def test_one_stranger_in_a_thousand_may_be_accepted() -> None:
    people = [f"p{number}" for number in range(501)]
    strangers = dict.fromkeys(people[1:], 0.2)
    lists = [
        listed("1", "p0", p0=0.45, **{**strangers, "p1": 0.5}),
        listed("2", "p0", p0=0.35, **{**strangers, "p1": 0.4}),
    ]
    found = figures(lists, frozenset(people))
    # 1,000 pairs: the most alike, .5, is the one that is let in; .4 is the first that is not.
    assert found.impostor_pairs == 1000
    assert found.threshold == 0.4
    assert found.tar == 0.5


def test_a_short_list_is_exact_only_if_it_ends_below_the_threshold() -> None:
    ends_below = listed("a2", "a", below=0.3, a=0.9, b=0.6)
    ends_above = listed("a3", "a", below=0.7, a=0.9, b=0.7)
    assert figures([ends_below], GALLERY).exact
    assert figures([ends_below, ends_above], GALLERY).exact
    assert not figures([ends_below, listed("a4", "a", below=0.8, a=0.9)], GALLERY).exact


def test_records_of_people_who_are_not_compared_are_left_out() -> None:
    lists = [listed("a2", "a", z=0.95, a=0.9, b=0.3, c=0.2)]
    found = figures(lists, GALLERY)
    assert (found.rank_1, found.impostor_pairs, found.threshold) == (1.0, 2, 0.3)
