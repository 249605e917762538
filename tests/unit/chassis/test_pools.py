"""Work beside other work: never later than in turn."""

import threading

import pytest

from onrecord.chassis.pools import Beside, CarryingPool

_SECONDS = 20.0


def test_without_a_pool_it_is_done_by_whoever_asks() -> None:
    made: list[int] = []
    begun = Beside(None, lambda: made.append(threading.get_ident()))
    assert made == []
    begun.result()
    assert made == [threading.get_ident()]


def test_with_a_free_thread_it_is_done_meanwhile() -> None:
    done = threading.Event()

    def work() -> int:
        done.set()
        return threading.get_ident()

    with CarryingPool(1) as pool:
        begun = Beside(pool, work)
        assert done.wait(_SECONDS)
        assert begun.result() != threading.get_ident()


def test_a_busy_pool_delays_nobody() -> None:
    """What no thread has begun is done by who asks for it, and by nobody a second time."""
    free, made = threading.Event(), []
    with CarryingPool(1) as pool:
        pool.submit(free.wait, _SECONDS)
        try:
            begun = Beside(pool, lambda: made.append(threading.get_ident()))
            begun.result()
            assert made == [threading.get_ident()]
        finally:
            free.set()
    assert len(made) == 1


def test_what_nobody_asks_for_any_more_is_not_begun() -> None:
    free, made = threading.Event(), []
    with CarryingPool(1) as pool:
        pool.submit(free.wait, _SECONDS)
        Beside(pool, lambda: made.append(1)).leave()
        free.set()
    assert made == []


def test_what_it_raises_is_raised_to_who_asks() -> None:
    def fail() -> None:
        raise ValueError("no")

    with CarryingPool(1) as pool:
        for where in (None, pool):
            with pytest.raises(ValueError, match="no"):
                Beside(where, fail).result()
