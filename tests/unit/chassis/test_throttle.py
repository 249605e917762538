"""Background work gives way to whoever waits, and is never starved."""

import threading
import time

from onrecord.chassis.throttle import ForegroundCalls, Unthrottled, throttle


def gives_way(foreground: ForegroundCalls) -> tuple[threading.Thread, list[float]]:
    """A thread that gives way; how long it did, once it went on."""
    waited: list[float] = []

    def work() -> None:
        began = time.monotonic()
        foreground.give_way()
        waited.append(time.monotonic() - began)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, waited


def test_it_waits_while_somebody_is_served_and_goes_on_at_once_after() -> None:
    foreground = ForegroundCalls(30.0)
    with foreground.call():
        with foreground.call():
            thread, waited = gives_way(foreground)
        thread.join(0.1)
        assert waited == [], "one of the two is still at work"
    thread.join(10.0)
    assert waited
    assert waited[0] < 10.0


def test_it_never_waits_longer_than_it_was_told() -> None:
    foreground = throttle(0.05)
    assert isinstance(foreground, ForegroundCalls)
    with foreground.call():
        thread, waited = gives_way(foreground)
        thread.join(10.0)
    assert 0.05 <= waited[0] < 5.0


def test_nobody_waits_for_a_call_that_failed() -> None:
    foreground = ForegroundCalls(30.0)
    try:
        with foreground.call():
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    thread, waited = gives_way(foreground)
    thread.join(10.0)
    assert waited


def test_switched_off_it_waits_for_nobody() -> None:
    foreground = throttle(0)
    assert isinstance(foreground, Unthrottled)
    with foreground.call():
        began = time.monotonic()
        foreground.give_way()
        assert time.monotonic() - began < 10.0


def test_it_waits_a_moment_longer_because_others_work_on_the_same_search() -> None:
    foreground = throttle(30.0, 0.3)
    assert isinstance(foreground, ForegroundCalls)
    with foreground.call():
        pass
    ended = time.monotonic()
    foreground.give_way()
    assert 0.2 < time.monotonic() - ended < 10.0
    began = time.monotonic()
    foreground.give_way()
    assert time.monotonic() - began < 0.2, "nobody has come since"


def test_searches_one_after_another_do_not_stop_it_for_good() -> None:
    """Each begins before the moment after the last is over: it goes on after its longest time."""
    foreground = ForegroundCalls(0.3, 30.0)
    with foreground.call():
        pass
    thread, waited = gives_way(foreground)
    while thread.is_alive():
        with foreground.call():
            thread.join(0.01)
    assert 0.3 <= waited[0] < 10.0
