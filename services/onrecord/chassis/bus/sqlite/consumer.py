"""One member of a group, on SQLite."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from onrecord.chassis.bus.ports import Partition, Position, Received, Start
from onrecord.chassis.bus.sqlite.bell import Bell
from onrecord.chassis.bus.sqlite.groups import Groups
from onrecord.chassis.bus.sqlite.log import Log
from onrecord.kernel.errors import ErrorCode, OnRecordError


class SqliteConsumer:
    """A `Consumer` on connections of its own.

    `look_again`: seconds until a message of another process is seen, at the most. `sweep_every`:
    seconds between looks for members that have fallen silent.
    """

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        start: Start | None,
        *,
        logs: Sequence[Log],
        groups: Groups,
        bell: Bell,
        look_again: float,
        sweep_every: float,
        on_close: Callable[["SqliteConsumer"], None],
        is_closed: Callable[[], bool],
    ) -> None:
        self.group = group
        self.member = uuid.uuid4().hex
        self.polled_at = time.monotonic()
        self._topics = topics
        self._start = start
        self._logs = [log for log in logs if not set(topics).isdisjoint(log.partitions())]
        self._log_of = {topic: log for log in self._logs for topic in log.partitions()}
        self._groups = groups
        self._bell = bell
        self._look_again = look_again
        self._sweep_every = sweep_every
        self._on_close = on_close
        self._bus_is_closed = is_closed
        self._closed = False
        self._held: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self._generation = -1
        self._groups_version = -1
        self._swept_at = time.monotonic()
        self._turn = 0
        self._more = True
        groups.join(group, self.member, topics)

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        until = time.monotonic() + seconds
        while True:
            heard = self._bell.rings(self._topics)
            self._must_be_open()
            self.polled_at = time.monotonic()
            self._keep_up()
            found = self._read(limit)
            left = until - time.monotonic()
            if found or left <= 0.0:
                return found
            self._bell.wait(self._topics, heard, min(left, self._look_again))

    def assigned(self) -> frozenset[Partition]:
        return frozenset(self._held)

    def ends(self) -> Mapping[Partition, int] | None:
        self._must_be_open()
        return {one: self._log_of[one.topic].ends(one)[1] for one in self._next}

    def has_polled(self, ends: Mapping[Partition, int]) -> bool:
        self._must_be_open()
        if ends.keys() != self._next.keys():
            return False
        return all(self._polled_to(partition) >= end for partition, end in ends.items())

    def position(self, partition: Partition) -> Position:
        self._must_be_open()
        return self._groups.position(self.group, partition)

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        self._must_be_open()
        self._groups.commit(self.group, self.member, self._held, positions)

    def seek(self, partition: Partition, offset: int) -> None:
        if partition not in self._next:
            raise OnRecordError(
                ErrorCode.BUS_REBALANCED,
                f"partition {partition.number} of {partition.topic} is not this member's",
            )
        self._next[partition] = offset
        self._more = True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._held, self._next = {}, {}
        self._on_close(self)
        try:
            self._groups.leave(self.group, self.member)
        finally:
            self._groups.close()
            for log in self._logs:
                log.close()
        self._bell.ring(self._topics)

    def _polled_to(self, partition: Partition) -> int:
        """What was forgotten unread is not there to be polled."""
        return max(self._next[partition], self._log_of[partition.topic].ends(partition)[0])

    def _must_be_open(self) -> None:
        if self._closed or self._bus_is_closed():
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus has been closed")

    def _keep_up(self) -> None:
        """Learn which partitions are this member's, where that may have changed."""
        if time.monotonic() - self._swept_at >= self._sweep_every:
            self._swept_at = time.monotonic()
            self._groups.sweep(self.group)
            self._groups_version = -1  # What this connection wrote does not change its version.
        version = self._groups.version()
        if version == self._groups_version:
            return
        generation = self._groups.generation(self.group)
        if generation != self._generation:
            self._take_share(generation)
        self._groups_version = version  # Not before: where it could not be learnt, it is again.

    def _take_share(self, generation: int) -> None:
        if not self._groups.is_member(self.group, self.member):
            # The lease ran out while nobody polled; what was held is another's by now.
            self._groups.join(self.group, self.member, self._topics)
            generation = self._groups.generation(self.group)
        held = self._groups.owned(self.group, self.member)
        self._next = {
            partition: self._next[partition]
            if self._held.get(partition) == since
            else self._beginning(partition)
            for partition, since in held.items()
        }
        self._held, self._generation = held, generation
        self._more = True

    def _beginning(self, partition: Partition) -> int:
        chosen = self._start(partition) if self._start is not None else None
        if chosen is not None:
            return chosen
        return self._groups.position(self.group, partition).offset

    def _read(self, limit: int) -> tuple[Received, ...]:
        """From each partition in turn, beginning with another one each time."""
        more, self._more = self._more, True  # A read may fail, and a change is told once.
        changed = [log.changed() for log in self._logs]
        if not more and not any(changed):
            self._more = False
            return ()
        order = sorted(self._next)
        self._turn += 1
        found: list[Received] = []
        for step in range(len(order)):
            partition = order[(self._turn + step) % len(order)]
            log = self._log_of[partition.topic]
            found.extend(log.read(partition, self._next[partition], limit - len(found)))
            if len(found) >= limit:
                break
        # Not before all of it was read: what was read for nobody would be passed over.
        self._next |= {one.partition: one.offset + 1 for one in found}
        self._more = bool(found)
        return tuple(found)
