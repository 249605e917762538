"""What start-up made is not looked through again; what is made later is collected as ever."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from onrecord.chassis.heap import set_apart


class _Ring:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_stands_is_set_apart_and_a_later_collection_does_not_look_at_it() -> None:
    standing = _Ring()

    count = set_apart()

    assert count > 1000
    assert not any(one is standing for one in gc.get_objects())


def test_a_ring_made_later_is_still_collected() -> None:
    set_apart()
    later = weakref.ref(_Ring())

    gc.collect()

    assert later() is None


def test_a_ring_that_was_garbage_already_is_not_kept_for_ever() -> None:
    before = weakref.ref(_Ring())

    set_apart()

    assert before() is None


def test_memory_does_not_grow_with_rings_that_are_made_and_dropped() -> None:
    """Collections still come by themselves, as often as ever."""
    set_apart()
    dropped = [weakref.ref(_Ring()) for _ in range(50_000)]

    left = sum(one() is not None for one in dropped)

    assert gc.isenabled()
    assert left < 5_000
