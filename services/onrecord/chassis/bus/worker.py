"""A thread that works on topics, a poll at a time.

Poll, note that it is being tried, hand it to the handler, publish all that follows, commit. Killed
anywhere, it is read again; what brings its process down again and again is found and put aside.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from onrecord.chassis.bus.outcomes import DeadLetters, Handler
from onrecord.chassis.bus.ports import PARKED, Bus, Start
from onrecord.chassis.bus.reading import Reading
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.tries import Tries, unforeseen
from onrecord.chassis.bus.turns import MainTurn, ParkedTurn
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint, unobserved


class Worker:
    """One member of `group`. `step` works once, in the caller's thread; `start` in its own.

    `reached` is told of each write: `<group>.marked`, `.handled`, `.published`, `.committed`.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        group: str,
        topics: Sequence[str],
        handler: Handler,
        dead_letter: DeadLetters,
        clock: Clock,
        settings: WorkerSettings | None = None,
        start: Start | None = None,
        reached: WritePoint = unobserved,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._group = group
        self._topics = tuple(topics)
        self._clock = clock
        self._settings = settings or WorkerSettings()
        self._start = start
        self._monotonic = monotonic
        self._publisher = bus.publisher()
        self._tries = Tries(
            group, handler, dead_letter, self._publisher, clock, self._settings, reached
        )
        self._main: MainTurn | None = None
        self._parked: ParkedTurn | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: OnRecordError | None = None

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def last_error(self) -> OnRecordError | None:
        """Why it does not get on at present; None while it does."""
        return self._error or self._tries.waits_for

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"{self._group} worker", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> bool:
        """Finish the poll in hand, commit, leave the group (R-45); whether it did, in `grace` s.

        What it could not finish is read again by another. Repeatable.
        """
        self._stopping.set()
        if self._thread is None:
            self._leave()
            return True
        self._thread.join(grace)
        return not self._thread.is_alive()

    def step(self, seconds: float = 0.0) -> int:
        """Work on what is there, or wait for it at most `seconds`; how many were finished.

        Raises BUS_UNAVAILABLE, STORAGE_FULL, DEADLINE_EXCEEDED where the bus did not take what
        followed; then nothing was committed and the same is read again.
        """
        try:
            main, parked = self._turns()
            finished = parked.take()
            return finished + main.take(0.0 if finished else seconds)
        except OnRecordError as error:
            self._rewind()
            if error.code is not ErrorCode.BUS_REBALANCED:
                raise
            return 0

    def _turns(self) -> tuple[MainTurn, ParkedTurn]:
        if self._main is None:
            reading = Reading(self._bus.consumer(self._group, self._topics, self._start))
            self._main = MainTurn(
                reading,
                self._tries,
                self._clock,
                self._settings,
                self._monotonic,
                self._stopping.wait,
            )
        if self._parked is None:
            names = tuple(topic + PARKED for topic in self._topics)
            reading = Reading(self._bus.consumer(self._group + PARKED, names))
            self._parked = ParkedTurn(
                reading, self._tries, self._clock, self._settings, self._group
            )
        return self._main, self._parked

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self.step(self._settings.wait)
            except OnRecordError as error:
                self._error = error
            except Exception as error:  # noqa: BLE001 - a worker that ends in silence is worse
                self._rewind()
                self._error = unforeseen(error)
            else:
                self._error, failures = None, 0
                continue
            self._stopping.wait(self._settings.pause(failures))
            failures += 1
        self._leave()

    def _rewind(self) -> None:
        for turn in (self._main, self._parked):
            if turn is not None:
                # What cannot go back at present does before it is next polled, and says so there.
                with suppress(OnRecordError):
                    turn.rewind()

    def _leave(self) -> None:
        turns = [turn for turn in (self._main, self._parked) if turn is not None]
        self._main = self._parked = None
        for turn in turns:
            try:
                turn.leave()
            except OnRecordError as error:
                # It is another's by now, or the bus is gone; either way it is read again.
                self._error = error
        self._publisher.close()
