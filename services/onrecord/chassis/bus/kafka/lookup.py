"""Questions to the brokers that belong to no producer and no consumer."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kafka.admin import OffsetSpec

from onrecord.chassis.bus.kafka.clients import partition_of, place_of
from onrecord.chassis.bus.kafka.errors import SETTLING, closed, told_as_ours, unavailable
from onrecord.chassis.bus.ports import Partition
from onrecord.kernel.errors import OnRecordError

_AGAIN = 0.1
_AWAY_FRESH = 1.0
"""Seconds: how soon it is asked again whether brokers that were away are back."""
_AT_ONCE = 4
"""kafka-python refuses a connection's sixth question, where five are open, as a broker away."""


class Lookup:
    """One connection for them, made when it is first asked. From any thread.

    `open_client`: makes the admin client. `fresh`: seconds that the answer to "is anybody there?"
    holds; `settling`: for so long brokers that have just come up are asked again.
    """

    def __init__(self, open_client: Callable[[], Any], fresh: float, settling: float) -> None:
        self._open_client = open_client
        self._fresh = fresh
        self._settling = settling
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._client: Any = None
        self._partitions: dict[str, int] = {}
        self._asked_at = float("-inf")
        self._away: OnRecordError | None = None

    def partitions(self, topic: str) -> int:
        """How many it has, once known for good: with another number the order of keys is lost.

        Raises BUS_UNAVAILABLE, also for a topic that does not exist.
        """
        count = self._partitions.get(topic)
        if count is None:
            with told_as_ours(f"topic {topic} not found"):
                (found,) = self._ask(lambda client: client.describe_topics([topic]))
            count = len(found["partitions"])
            if found["error_code"] or not count:
                raise unavailable(f"there is no topic {topic} on this bus")
            self._partitions[topic] = count
        return count

    def first(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Of each, the offset of the first message that is still there, or of the next to come."""
        return self._offsets(partitions, OffsetSpec.EARLIEST)

    def following(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Of each, the offset of the next message to come."""
        return self._offsets(partitions, OffsetSpec.LATEST)

    def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where the group stands, of those of which it has committed anything."""
        places = [place_of(one) for one in partitions]
        with told_as_ours("the offsets of a group not found"):
            found = self._ask(lambda client: client.list_group_offsets({group: places}))
        return {partition_of(p): int(at.offset) for p, at in found[group].items() if at.offset >= 0}

    def must_be_reachable(self) -> None:
        """Raises BUS_UNAVAILABLE where no broker answered when they were asked last."""
        fresh = self._fresh if self._away is None else min(self._fresh, _AWAY_FRESH)
        if time.monotonic() - self._asked_at >= fresh:
            self._asked_at = time.monotonic()
            try:
                with told_as_ours("no broker answers"):
                    self._ask(lambda client: client.describe_topics([]))
                self._away = None
            except OnRecordError as error:
                self._away = error
        if self._away is not None:
            raise self._away

    def close(self) -> None:
        """Repeatable."""
        self._closing.set()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        with self._lock:
            if self._closing.is_set():
                raise closed()
            if self._client is None:
                self._client = self._open_client()
            client = self._client
        if not self._turns.acquire(timeout=self._settling):
            raise unavailable("those who asked the brokers before have no answer yet")
        try:
            return self._answered(question, client)
        finally:
            self._turns.release()

    def _answered(self, question: Callable[[Any], Any], client: Any) -> Any:
        until = time.monotonic() + self._settling
        while True:
            try:
                return question(client)
            except SETTLING:
                if time.monotonic() > until or self._closing.wait(_AGAIN):
                    raise

    def _offsets(self, partitions: Sequence[Partition], spec: Any) -> dict[Partition, int]:
        if not partitions:
            return {}
        asked = {place_of(one): spec for one in partitions}
        with told_as_ours("the ends of partitions not found"):
            found = self._ask(lambda client: client.list_partition_offsets(asked))
        return {partition_of(place): int(at.offset) for place, at in found.items()}
