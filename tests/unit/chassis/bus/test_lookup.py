"""Questions to the brokers from many threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kafka.errors import NodeNotReadyError

from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.kernel.errors import ErrorCode, OnRecordError

PATIENCE = 30.0
OPEN_AT_ONCE = 5
"""`max_in_flight_requests_per_connection` as kafka-python sets it."""


class Brokers:
    """An admin client that behaves as kafka-python's with more questions than it may have open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self.most = 0
        self.full = threading.Event()
        """One more would be as many as may be open."""
        self.answer = threading.Event()

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        with self._lock:
            self._open += 1
            self.most = max(self.most, self._open)
            if self._open > OPEN_AT_ONCE:
                self._open -= 1
                raise NodeNotReadyError("Node paused: {'max_in_flight'}")
            if self._open == OPEN_AT_ONCE - 1:
                self.full.set()
        assert self.answer.wait(PATIENCE)
        with self._lock:
            self._open -= 1
        return [{"name": one, "error_code": 0, "partitions": [1, 2, 3]} for one in topics]


def test_many_threads_ask_at_once() -> None:
    """More than a connection may have open: the others wait, and nobody is told of an outage."""
    brokers = Brokers()
    lookup = Lookup(lambda: brokers, 0.0, PATIENCE)
    with ThreadPoolExecutor(16) as threads:
        found = [threads.submit(lookup.partitions, f"topic-{n}") for n in range(16)]
        assert brokers.full.wait(PATIENCE)
        brokers.answer.set()
        assert [one.result(PATIENCE) for one in found] == [3] * 16
    assert brokers.most == OPEN_AT_ONCE - 1


def test_who_gets_no_turn_is_told_in_time() -> None:
    """Brokers that do not answer hold nobody for longer than is set."""
    brokers = Brokers()
    lookup = Lookup(lambda: brokers, 0.0, 0.1)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(lookup.partitions, f"topic-{n}") for n in range(4)]
        assert brokers.full.wait(PATIENCE)
        with pytest.raises(OnRecordError) as refused:
            lookup.partitions("topic")
        assert refused.value.code is ErrorCode.BUS_UNAVAILABLE
        brokers.answer.set()
        assert [one.result(PATIENCE) for one in asked] == [3] * 4
