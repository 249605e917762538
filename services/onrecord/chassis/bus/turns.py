"""What a worker does in turn: a poll of its topics, and what is due of what was parked."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from onrecord.chassis.bus import parking
from onrecord.chassis.bus.reading import Item, Reading
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.tries import Tries
from onrecord.kernel.times import Clock


@dataclass(frozen=True, slots=True)
class _Paused:
    """A poll that waits in place for the world. Times are monotonic."""

    items: tuple[Item, ...]
    since: float
    pauses: int
    again_at: float


class MainTurn:
    """A poll at a time. `wait`: for so many seconds, or until the worker stops."""

    def __init__(
        self,
        reading: Reading,
        tries: Tries,
        clock: Clock,
        settings: WorkerSettings,
        monotonic: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self._reading = reading
        self._tries = tries
        self._clock = clock
        self._settings = settings
        self._monotonic = monotonic
        self._wait = wait
        self._paused: _Paused | None = None

    def take(self, seconds: float) -> int:
        """How many were finished."""
        paused = self._paused or self._poll(seconds)
        if not paused.items:
            return 0
        to_wait = paused.again_at - self._monotonic()
        if to_wait > 0.0:
            self._wait(min(seconds, to_wait))
            return 0
        patient = self._monotonic() - paused.since < self._settings.patience
        left = self._tries.take(self._reading, paused.items, patient)
        self._paused = None
        if left:
            again_at = self._monotonic() + self._settings.pause(paused.pauses)
            self._paused = _Paused(left, paused.since, paused.pauses + 1, again_at)
        return len(paused.items) - len(left)

    def rewind(self) -> None:
        self._paused = None
        self._reading.rewind()

    def leave(self) -> None:
        self._paused = None
        self._reading.leave()

    def _poll(self, seconds: float) -> _Paused:
        received = self._reading.poll(self._settings.limit, seconds)
        now = self._clock.now()
        items = (Item(one, 0, now, one.partition, one.offset) for one in received)
        return _Paused(tuple(items), self._monotonic(), 0, self._monotonic())


class ParkedTurn:
    """Those that are due, whatever stands before them. The rest is held in memory, unfinished."""

    def __init__(
        self, reading: Reading, tries: Tries, clock: Clock, settings: WorkerSettings, group: str
    ) -> None:
        self._reading = reading
        self._tries = tries
        self._clock = clock
        self._settings = settings
        self._group = group
        self._held: dict[tuple[str, int, int], Item] = {}

    def take(self) -> int:
        """How many were finished."""
        self._poll()
        now = self._clock.now()
        waiting = sorted(self._held.items(), key=lambda held: held[1].due)
        due = [(place, item) for place, item in waiting if item.due <= now]
        due = due[: self._settings.limit]
        if not due:
            return 0
        left = self._tries.take(self._reading, [item for _, item in due], patient=True)
        for place, _ in due:
            del self._held[place]
        # The world is not sound: the same again later, and that is not held against them.
        later = parking.after(now, self._settings.backoff[0])
        for item in left:
            self._hold(replace(item, due=later))
        return len(due) - len(left)

    def rewind(self) -> None:
        self._held = {}
        self._reading.rewind()

    def leave(self) -> None:
        self._held = {}
        self._reading.leave()

    def _poll(self) -> None:
        room = self._settings.held - len(self._held)
        received = self._reading.poll(max(1, room), 0.0)
        self._held = {place: i for place, i in self._held.items() if self._reading.holds(i)}
        for one in received:
            waiting = parking.waiting(one, self._group)
            if waiting is None:
                item = Item(one, 0, one.published_at, one.partition, one.offset)
                self._reading.finish([item])
            elif room < 1:
                # Polled all the same, because a member that does not poll is taken for gone.
                self._reading.set_back(one.partition, one.offset)
            else:
                self._hold(
                    Item(waiting.original, waiting.attempts, waiting.due, one.partition, one.offset)
                )

    def _hold(self, item: Item) -> None:
        self._held[(item.partition.topic, item.partition.number, item.offset)] = item
