"""One member of a group, on Kafka."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Final

from onrecord.chassis.bus.kafka.clients import committed_as, end_joining, partition_of, place_of
from onrecord.chassis.bus.kafka.errors import closed, told_as_ours
from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.chassis.bus.kafka.membership import Membership, Step
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Message, Partition, Position, Received, Start
from onrecord.kernel.errors import ErrorCode, OnRecordError

_SLICE: Final = 0.5
"""Seconds: how soon a poll that waits sees that the bus is being closed."""
_NOTE_LENGTH: Final = 1_000
_NOWHERE: Final = Position(0)


class KafkaConsumer:
    """A `Consumer` on a client of its own, whose thread answers for it while it works.

    What is this member's changes in `poll` alone. A partition that comes to it is read from where
    the group stands, or from where `start` says; nothing that Kafka's client had fetched of it by
    itself is handed on.
    """

    def __init__(
        self,
        group: str,
        start: Start | None,
        *,
        client: Any,
        lookup: Lookup,
        times: KafkaTimes,
        on_close: Callable[["KafkaConsumer"], None],
        is_closed: Callable[[], bool],
    ) -> None:
        self.group = group
        self._start = start
        self._client = client
        self._lookup = lookup
        self._times = times
        self._on_close = on_close
        self._bus_is_closed = is_closed
        self._membership = Membership(client)
        self._next: dict[Partition, int] = {}
        self._fresh: frozenset[Partition] = frozenset()
        self._committed: dict[Partition, Position] = {}
        self._closed = False
        self._lock = threading.RLock()

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        until = time.monotonic() + seconds
        while True:
            with self._lock:
                self._must_be_open()
                found = self._polled(limit, max(0.0, min(until - time.monotonic(), _SLICE)))
            if found or self._fresh:
                return found  # at once: what was given back is to be seen missing
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
                self._client.commit(committed_as(positions), timeout_ms=self._answer_ms())
            self._committed.update(positions)

    def seek(self, partition: Partition, offset: int) -> None:
        with self._lock:
            self._must_be_open()
            self._must_be_ours(partition)
            self._client.seek(place_of(partition), offset)
            self._next[partition] = offset

    def ends(self) -> Mapping[Partition, int] | None:
        with self._lock:
            self._must_be_open()
            if self._fresh or not self._membership.is_settled():
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
                self._client.close(autocommit=False, timeout_ms=int(self._times.closing * 1000))

    def _polled(self, limit: int, seconds: float) -> tuple[Received, ...]:
        with told_as_ours("not polled"):
            fetched = self._client.poll(timeout_ms=int(seconds * 1000), max_records=limit)
            # The others hear of it with their next heartbeat.
            end_joining(self._client, 2 * self._times.heartbeat)
        lost = self._keep_up()
        found = [
            _received(record)
            for place, records in fetched.items()
            if partition_of(place) in self._next
            for record in records
        ]
        for one in found:
            self._next[one.partition] = one.offset + 1
        try:
            self._begin(self._fresh - lost)
        except OnRecordError:
            if not found:
                raise
            # What was found is not to be lost for it; the next poll begins them.
        return tuple(found)

    def _keep_up(self) -> frozenset[Partition]:
        """Learn what is this member's. What it has lost and got again is given back: it is not
        this member's until the next poll, so that whoever reads from here hears of it.
        """
        step = self._membership.step()
        if step is Step.NONE:
            return frozenset()
        before, now = self._next, self._membership.assigned()
        kept = {p: at for p, at in before.items() if step is Step.NEXT and p in now}
        self._next, self._fresh = kept, now - kept.keys()
        self._committed = {p: at for p, at in self._committed.items() if p in kept}
        return self._fresh & before.keys()

    def _begin(self, fresh: AbstractSet[Partition]) -> None:
        """Read these from where the group stands, or `start` says."""
        if not fresh:
            return
        for partition, position in self._asked(sorted(fresh)).items():
            chosen = self._start(partition) if self._start is not None else None
            beginning = position.offset if chosen is None else chosen
            self._client.seek(place_of(partition), beginning)
            self._next[partition] = beginning
            self._committed[partition] = position
            self._fresh -= {partition}

    def _asked(self, partitions: Sequence[Partition]) -> dict[Partition, Position]:
        found = {}
        with told_as_ours("the positions of a group not found"):
            for partition in partitions:
                at = self._client.committed(
                    place_of(partition), metadata=True, timeout_ms=self._answer_ms()
                )
                found[partition] = _NOWHERE if at is None else Position(at.offset, at.metadata)
        return found

    def _must_be_ours(self, partition: Partition) -> None:
        if partition not in self._next:
            raise OnRecordError(
                ErrorCode.BUS_REBALANCED,
                f"partition {partition.number} of {partition.topic} is not this member's",
            )

    def _must_be_open(self) -> None:
        if self._closed or self._bus_is_closed():
            raise closed()

    def _answer_ms(self) -> int:
        return int(self._times.answer * 1000)


def _received(record: Any) -> Received:
    """Of whoever wrote it: what is no text of ours is told as well as it can be."""
    headers = {name: bytes(text or b"").decode(errors="replace") for name, text in record.headers}
    key = bytes(record.key or b"").decode(errors="replace")
    return Received(
        Message(record.topic, key, bytes(record.value or b""), headers),
        Partition(record.topic, record.partition),
        record.offset,
        datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
