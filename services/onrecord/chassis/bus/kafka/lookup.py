"""Questions to the brokers that belong to no producer and no consumer."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, OffsetSpec

from onrecord.chassis.bus.kafka.clients import must_be_well, partition_of, place_of
from onrecord.chassis.bus.kafka.errors import (
    SETTLING,
    closed,
    error_in,
    told_as_ours,
    unavailable,
)
from onrecord.chassis.bus.ports import Partition
from onrecord.kernel.errors import OnRecordError

_AGAIN: Final = 0.1
_AWAY_FRESH: Final = 1.0
"""Seconds: how soon it is asked again whether brokers that were away are back."""


class Lookup:
    """Clients for them, made when they are first needed. From any thread.

    `open_client`: makes the admin client; `open_group`: one that asks for a group and is no member
    of it. (An admin client that asks where a group stands while its coordinator moves takes the
    whole process with it: librdkafka 2.16.0 has it tell a membership that it does not have.)
    `fresh`: seconds that the answer to "is anybody there?" holds; `answer`: for so long one is
    waited for, and so long brokers that have just come up are asked again.
    """

    def __init__(
        self,
        open_client: Callable[[], AdminClient],
        open_group: Callable[[str], Consumer],
        fresh: float,
        answer: float,
    ) -> None:
        self._open_client = open_client
        self._open_group = open_group
        self._fresh = fresh
        self._answer = answer
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._client: AdminClient | None = None
        self._groups: dict[str, Consumer] = {}
        self._partitions: dict[str, int] = {}
        self._asked_at = float("-inf")
        self._away: OnRecordError | None = None

    def partitions(self, topic: str, seconds: float = math.inf) -> int:
        """How many it has, once known for good: with another number the order of keys is lost.

        `seconds`: for how much longer whoever asks waits. Raises BUS_UNAVAILABLE, also for a topic
        that does not exist.
        """
        count = self._partitions.get(topic)
        if count is None:
            with told_as_ours(f"topic {topic} not found"):
                found = self._ask(lambda client: self._described(client, topic), seconds)
            count = len(found[topic].partitions)
            if not count:
                raise unavailable(f"there is no topic {topic} on this bus")
            self._partitions[topic] = count
        return count

    def first(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Of each, the offset of the first message that is still there, or of the next to come."""
        return self._offsets(partitions, OffsetSpec.earliest())

    def following(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Of each, the offset of the next message to come."""
        return self._offsets(partitions, OffsetSpec.latest())

    def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where the group stands, of those of which it has committed anything."""
        places = [place_of(one) for one in partitions]
        client = self._of_group(group)
        with told_as_ours("the offsets of a group not found"):
            try:
                found = client.committed(places, self._answer)
                must_be_well(found)
            finally:
                client.poll(0.0)  # for what it says in the log
        return {partition_of(place): place.offset for place in found if place.offset >= 0}

    def must_be_reachable(self) -> None:
        """Raises BUS_UNAVAILABLE where no broker answered when they were asked last."""
        fresh = self._fresh if self._away is None else min(self._fresh, _AWAY_FRESH)
        if time.monotonic() - self._asked_at >= fresh:
            self._asked_at = time.monotonic()
            try:
                with told_as_ours("no broker answers"):
                    self._ask(
                        lambda client: {"": client.describe_cluster(request_timeout=self._answer)}
                    )
                self._away = None
            except OnRecordError as error:
                self._away = error
        if self._away is not None:
            raise self._away

    def close(self) -> None:
        """Repeatable."""
        self._closing.set()
        with self._lock:
            self._client = None  # it ends with the last question
            groups, self._groups = tuple(self._groups.values()), {}
        for client in groups:
            client.close()

    def _of_group(self, group: str) -> Consumer:
        with self._lock:
            if self._closing.is_set():
                raise closed()
            if group not in self._groups:
                self._groups[group] = self._open_group(group)
            return self._groups[group]

    def _described(self, client: AdminClient, topic: str) -> dict[str, Future[Any]]:
        return client.describe_topics(TopicCollection([topic]), request_timeout=self._answer)

    def _ask(
        self,
        question: Callable[[AdminClient], Mapping[Any, Future[Any]]],
        seconds: float = math.inf,
    ) -> dict[Any, Any]:
        """The answers, by what was asked about. Raises KafkaException, TimeoutError."""
        with self._lock:
            if self._closing.is_set():
                raise closed()
            if self._client is None:
                self._client = self._open_client()
            client = self._client
        start = time.monotonic()
        until, end = start + min(self._answer, seconds), start + seconds
        while True:
            try:
                return self._answered(client, question(client), end)
            except KafkaException as error:
                if error_in(error).code() not in SETTLING or time.monotonic() > until:
                    raise
            if self._closing.wait(_AGAIN):
                raise closed()
            # By itself it would ask those who led before the brokers changed, again and again.
            client.list_topics(timeout=min(self._answer, max(_AGAIN, end - time.monotonic())))

    def _answered(
        self, client: AdminClient, waiting: Mapping[Any, Future[Any]], end: float
    ) -> dict[Any, Any]:
        until = min(end, time.monotonic() + 2 * self._answer)
        try:
            return {
                about: one.result(max(0.0, until - time.monotonic()))
                for about, one in waiting.items()
            }
        finally:
            client.poll(0.0)  # for what it says in the log

    def _offsets(self, partitions: Sequence[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        if not partitions:
            return {}
        asked = {place_of(one): spec for one in partitions}
        with told_as_ours("the ends of partitions not found"):
            found = self._ask(
                lambda client: client.list_offsets(asked, request_timeout=self._answer)
            )
        return {partition_of(place): int(at.offset) for place, at in found.items()}
