"""What one consumer has polled and not finished, and the marks it leaves while it works."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from onrecord.chassis.bus.attempts import NONE, Attempt, noted
from onrecord.chassis.bus.ports import Consumer, Partition, Position, Received
from onrecord.kernel.errors import OnRecordError


@dataclass(frozen=True, slots=True)
class Item:
    """A message in hand: as its handler meets it, and where it stands.

    `attempts`: how often it has failed before. `due`: not to be tried earlier.
    """

    received: Received
    attempts: int
    due: datetime
    partition: Partition
    offset: int


class Reading:
    """Keeps the group's position at the first message that is not finished."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._open: dict[Partition, set[int]] = {}
        self._end: dict[Partition, int] = {}
        self._found: dict[Partition, Attempt] = {}
        self._notes: dict[Partition, Position] = {}
        self._back: dict[Partition, int] = {}
        """Where partitions are still to be read from again; till then nothing of them is told."""

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        """Raises BUS_UNAVAILABLE; then `rewind`, so that nothing is left unread."""
        trouble = self._go_back()
        # Polled all the same: so is learnt what is no longer this member's.
        polled = self._consumer.poll(limit, seconds)
        assigned = self._consumer.assigned()
        for lost in (self._end.keys() | self._back.keys()) - assigned:
            self._forget(lost)
        received = tuple(one for one in polled if one.partition not in self._back)
        fresh = {one.partition for one in received} - self._open.keys()
        for one in received:
            self._open.setdefault(one.partition, set()).add(one.offset)
            self._end[one.partition] = one.offset + 1
        # All of it is in hand by now: what cannot be looked up is polled again.
        for partition in sorted(fresh):
            self._look(partition)
        if trouble is not None and self._back:
            raise trouble
        return received

    def holds(self, item: Item) -> bool:
        """Whether its partition is still this member's, as of the last poll."""
        return item.offset in self._open.get(item.partition, ())

    def deaths(self, item: Item) -> int:
        """How often it was in the hands of a process that did not come to an end."""
        return self._found.get(item.partition, NONE).tries_of(item.offset)

    def mark(self, items: Sequence[Item]) -> None:
        """Write down that these are being worked on. Raises BUS_REBALANCED, BUS_UNAVAILABLE."""
        positions: dict[Partition, Position] = {}
        for partition in {item.partition for item in items}:
            of_it = [item for item in items if item.partition == partition]
            offsets = [item.offset for item in of_it]
            number = 1 + max(self.deaths(item) for item in of_it)
            note = Attempt(min(offsets), max(offsets), number).note()
            positions[partition] = self._position(partition, note)
        self._commit(positions)

    def finish(self, items: Iterable[Item]) -> None:
        """Nobody needs to read these again. Raises BUS_REBALANCED, BUS_UNAVAILABLE."""
        positions: dict[Partition, Position] = {}
        done: dict[Partition, set[int]] = {}
        for item in items:
            done.setdefault(item.partition, set()).add(item.offset)
        for partition, offsets in done.items():
            left = self._open.get(partition, set()) - offsets
            positions[partition] = Position(min(left, default=self._end.get(partition, 0)))
        self._commit(positions)
        for partition, offsets in done.items():
            self._open.get(partition, set()).difference_update(offsets)
            if not self._open.get(partition):
                self._open.pop(partition, None)
                self._found.pop(partition, None)

    def set_back(self, offset_of: Partition, offset: int) -> None:
        """Poll this one again. Raises BUS_UNAVAILABLE where a later poll has to go back."""
        self._open.get(offset_of, set()).discard(offset)
        self._end[offset_of] = offset
        self._to_go_back(offset_of, offset)
        trouble = self._go_back()
        if trouble is not None:
            raise trouble

    def rewind(self) -> None:
        """Poll again whatever is not finished. Raises BUS_UNAVAILABLE where a later poll has to
        go back; nothing of those partitions is polled before.
        """
        for partition, offsets in self._open.items():
            if offsets:
                self._to_go_back(partition, min(offsets))
        self._open, self._end = {}, {}
        trouble = self._go_back()
        if trouble is not None:
            raise trouble

    def leave(self) -> None:
        """Leave the group, and what is not finished as it was found: nobody has died of it.

        Raises BUS_REBALANCED, BUS_UNAVAILABLE where it could not be left so; the group is left.
        """
        assigned = self._consumer.assigned()
        marks = {p: mark for p, mark in self._notes.items() if mark.note and p in assigned}
        try:
            self._commit({p: Position(m.offset, self._note_found(p)) for p, m in marks.items()})
        finally:
            self._consumer.close()

    def _to_go_back(self, partition: Partition, offset: int) -> None:
        self._back[partition] = min(offset, self._back.get(partition, offset))

    def _go_back(self) -> OnRecordError | None:
        """As far as it goes; why not all the way, if so."""
        trouble = None
        assigned = self._consumer.assigned()
        for partition, offset in sorted(self._back.items()):
            try:
                if partition in assigned:
                    self._consumer.seek(partition, offset)
            except OnRecordError as error:
                trouble = error
            else:
                del self._back[partition]
        return trouble

    def _look(self, partition: Partition) -> None:
        """Learn how often what stands there was tried; a mark of our own is no death."""
        position = self._consumer.position(partition)
        if position != self._notes.get(partition):
            self._notes.pop(partition, None)
            self._found[partition] = noted(position)

    def _note_found(self, partition: Partition) -> str:
        found = self._found.get(partition, NONE)
        return "" if found == NONE else found.note()

    def _position(self, partition: Partition, note: str) -> Position:
        return Position(min(self._open[partition], default=self._end[partition]), note)

    def _commit(self, positions: dict[Partition, Position]) -> None:
        new = {p: where for p, where in positions.items() if self._notes.get(p) != where}
        if not new:
            return
        self._consumer.commit(new)
        self._notes.update(new)

    def _forget(self, partition: Partition) -> None:
        for kept in (self._open, self._end, self._found, self._notes, self._back):
            kept.pop(partition, None)
