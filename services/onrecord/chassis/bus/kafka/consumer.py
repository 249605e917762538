"""One member of a group, on Kafka."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from onrecord.chassis.bus.kafka.astray import Astray
from onrecord.chassis.bus.kafka.clients import committed_as, must_be_well, partition_of, place_of
from onrecord.chassis.bus.kafka.committing import Committing
from onrecord.chassis.bus.kafka.errors import (
    SHARING_ANEW,
    closed,
    error_in,
    is_lasting,
    ours,
    told_as_ours,
)
from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.chassis.bus.kafka.membership import Membership
from onrecord.chassis.bus.kafka.records import received
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Partition, Position, Received, Start
from onrecord.kernel.errors import ErrorCode, OnRecordError

_SLICE: Final = 0.5
"""Seconds: how soon a poll that waits sees that the bus is being closed."""
_AGAIN: Final = 0.02
_NOTE_LENGTH: Final = 1_000
_NOWHERE: Final = Position(0)


class KafkaConsumer:
    """A `Consumer` on a client of its own, whose threads answer for it while it works.

    What is this member's changes in `poll` alone. A partition that comes to it is read from where
    the group stands, or from where `start` says, and from nowhere before that is known.
    """

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        start: Start | None,
        *,
        client: Consumer,
        lookup: Lookup,
        times: KafkaTimes,
        on_close: Callable[["KafkaConsumer"], None],
        is_closed: Callable[[], bool],
    ) -> None:
        self.group = group
        self._topics: list[str] | None = list(topics)
        self._start = start
        self._client = client
        self._lookup = lookup
        self._times = times
        self._on_close = on_close
        self._bus_is_closed = is_closed
        self._membership = Membership()
        self._committing = Committing(client)
        self._astray = Astray(client)
        self._next: dict[Partition, int] = {}
        self._fresh: frozenset[Partition] = frozenset()
        self._committed: dict[Partition, Position] = {}
        self._closed = False
        self._lock = threading.RLock()

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        until, before = time.monotonic() + seconds, self.assigned()
        while True:
            with self._lock:
                self._must_be_open()
                found = self._polled(limit, max(0.0, min(until - time.monotonic(), _SLICE)))
            if found or self._fresh or not before <= self._next.keys():
                return found  # at once: what was lost is to be seen missing
            if time.monotonic() >= until:
                self._lookup.must_be_reachable()
                return ()

    def assigned(self) -> frozenset[Partition]:
        return frozenset(self._next)

    def position(self, partition: Partition) -> Position:
        with self._lock:
            self._must_be_open()
            held = self._committed.get(partition)
            return self._asked([partition])[partition] if held is None else held

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        if any(len(position.note) > _NOTE_LENGTH for position in positions.values()):
            raise ValueError(f"a note has at most {_NOTE_LENGTH} characters")
        with self._lock:
            self._must_be_open()
            for partition in positions:
                self._must_be_ours(partition)
            with told_as_ours("not committed"):
                self._commit(committed_as(positions))
            self._committed.update(positions)

    def seek(self, partition: Partition, offset: int) -> None:
        with self._lock:
            self._must_be_open()
            self._must_be_ours(partition)
            self._astray.seek(partition, offset)
            self._next[partition] = offset

    def ends(self) -> Mapping[Partition, int] | None:
        with self._lock:
            self._must_be_open()
            if self._fresh or not self._membership.is_member(self._client):
                return None
            held = sorted(self._next)
        return self._lookup.following(held)

    def has_polled(self, ends: Mapping[Partition, int]) -> bool:
        with self._lock:
            self._must_be_open()
            if self._fresh or ends.keys() != self._next.keys():
                return False
            behind = [one for one, end in ends.items() if self._next[one] < end]
        # What was forgotten unread is not there to be polled.
        first = self._lookup.first(behind)
        return all(first[one] >= ends[one] for one in behind)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._next, self._fresh, self._committed = {}, frozenset(), {}
            self._on_close(self)
            with told_as_ours("the group not left"):
                self._committing.end(self._client.close, self._times.closing)

    def _polled(self, limit: int, seconds: float) -> tuple[Received, ...]:
        """Nothing counts as polled before all of it can be told."""
        not_back = self._astray.go_back(self._next)
        try:
            records = self._taken(limit, seconds)
            lost = self._keep_up()
            found, trouble = self._read(records)
        except BaseException:
            # librdkafka has moved on, by how much nobody knows.
            self._astray.add(self._next)
            raise
        try:
            if trouble is not None:
                raise ours(trouble, "not polled")
            self._begin(self._fresh - lost)
            if not_back is not None:
                raise not_back
        except OnRecordError:
            if not found:
                raise
            # What was found is not to be lost for it; the next poll begins them.
        except BaseException:
            self._astray.add(one.partition for one in found)
            raise
        self._next |= {one.partition: one.offset + 1 for one in found}
        return tuple(found)

    def _taken(self, limit: int, seconds: float) -> list[Message]:
        with told_as_ours("not polled"):
            self._join()
            # `consume` would wait until all that it was asked for had come.
            first = self._client.poll(seconds)
            if first is None:
                return []
            return [first, *(self._client.consume(limit - 1, 0.0) if limit > 1 else ())]

    def _read(self, records: Sequence[Message]) -> tuple[list[Received], KafkaError | None]:
        """What of it is this member's, and what does not pass by itself."""
        found: list[Received] = []
        trouble: KafkaError | None = None
        for record in records:
            error = record.error()
            if error is not None:
                trouble = error if is_lasting(error) else trouble
                continue
            one = received(record)
            if one.partition in self._next and one.partition not in self._astray:
                found.append(one)
        return found, trouble

    def _join(self) -> None:
        """With the first poll: librdkafka would keep what nobody ever polls, and for good."""
        if self._topics is not None:
            self._client.subscribe(
                self._topics,
                on_assign=self._membership.on_assign,
                on_revoke=self._membership.on_revoke,
                on_lost=self._membership.on_revoke,
            )
            self._topics = None

    def _keep_up(self) -> frozenset[Partition]:
        """Learn what is this member's. What it has lost and got again is given back: it is not
        this member's until the next poll, so that whoever reads from here hears of it.
        """
        gone, held, before = self._membership.gone(), self._membership.held, self._next
        if not gone and held == before.keys() | self._fresh:
            return frozenset()
        self._next = {p: at for p, at in before.items() if p not in gone}
        self._committed = {p: at for p, at in self._committed.items() if p not in gone}
        self._fresh = held - self._next.keys()
        return self._fresh & before.keys()

    def _begin(self, fresh: AbstractSet[Partition]) -> None:
        """Read these from where the group stands, or `start` says."""
        if not fresh:
            return
        stands = self._asked(sorted(fresh))
        beginnings = {}
        for partition, position in stands.items():
            chosen = self._start(partition) if self._start is not None else None
            beginnings[partition] = position.offset if chosen is None else chosen
        with told_as_ours("not begun"):
            self._membership.place(self._client, beginnings)
        self._next |= beginnings
        self._committed |= stands
        self._fresh -= fresh

    def _asked(self, partitions: Sequence[Partition]) -> dict[Partition, Position]:
        with told_as_ours("the positions of a group not found"):
            places = self._client.committed([place_of(p) for p in partitions], self._times.answer)
            must_be_well(places)
        return {
            partition_of(at): Position(at.offset, at.metadata or "") if at.offset >= 0 else _NOWHERE
            for at in places
        }

    def _commit(self, places: list[TopicPartition]) -> None:
        """Nobody else can have what this member has not given up: a group that is being shared
        anew is waited for. Raises KafkaException.
        """
        until, pause = time.monotonic() + self._times.answer, threading.Event()
        while True:
            if not self._membership.is_member(self._client):
                raise KafkaException(KafkaError(KafkaError._ASSIGNMENT_LOST))
            try:
                must_be_well(self._committing.commit(places, self._times.answer))
                return
            except KafkaException as error:
                if error_in(error).code() not in SHARING_ANEW or time.monotonic() > until:
                    raise
            pause.wait(_AGAIN)

    def _must_be_ours(self, partition: Partition) -> None:
        if partition not in self._next:
            raise OnRecordError(
                ErrorCode.BUS_REBALANCED,
                f"partition {partition.number} of {partition.topic} is not this member's",
            )

    def _must_be_open(self) -> None:
        if self._closed or self._bus_is_closed():
            raise closed()
        self._committing.must_be_answered()
