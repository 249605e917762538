"""One try of what is in hand: mark, handle, publish what follows, finish."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from onrecord.chassis.bus import parking
from onrecord.chassis.bus.measured import (
    DEAD,
    DEAD_LETTERS,
    DONE,
    MESSAGES,
    PARKED,
    Traced,
    begin_counting,
)
from onrecord.chassis.bus.outcomes import DeadLetters, Done, Failed, Handler, Outcome
from onrecord.chassis.bus.ports import TRACE, Message, Publisher, must_fit
from onrecord.chassis.bus.reading import Item, Reading
from onrecord.chassis.bus.settings import WORLD, WorkerSettings
from onrecord.chassis.dispositions import DISPOSITIONS, Disposition
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint


class Tries:
    """How a worker of `group` tries messages. `waits_for`: what is wrong with the world, if so."""

    def __init__(
        self,
        group: str,
        handler: Handler,
        dead_letter: DeadLetters,
        publisher: Publisher,
        clock: Clock,
        settings: WorkerSettings,
        reached: WritePoint,
    ) -> None:
        self.waits_for: OnRecordError | None = None
        self._group = group
        self._handler = handler
        self._dead_letter = dead_letter
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._reached = reached
        begin_counting(group)

    def take(self, reading: Reading, items: Sequence[Item], patient: bool) -> tuple[Item, ...]:
        """Take them as far as they go; gives back those for whom the world was not sound.

        Without patience nothing is given back: they are parked.
        """
        finished = 0
        self.waits_for = None
        for run in self._runs(reading, items):
            traced = Traced(self._group, run)
            with traced.current():
                outcomes = self._outcomes(reading, run)
            traced.end(outcomes)
            self._reached(f"{self._group}.handled")
            unsound = _unsound(outcomes)
            if unsound is not None and patient:
                self.waits_for = unsound
                return tuple(items[finished:])
            follows = [
                _traced(message, traced.header(place))
                for place, (item, outcome) in enumerate(zip(run, outcomes, strict=True))
                for message in self._following(reading, item, outcome)
            ]
            if follows:
                within = Deadline.after(self._settings.publish_seconds)
                self._publisher.publish(follows, within)
            self._reached(f"{self._group}.published")
            reading.finish(run)
            self._reached(f"{self._group}.committed")
            finished += len(run)
        return ()

    def _runs(self, reading: Reading, items: Sequence[Item]) -> Iterator[list[Item]]:
        """In order; whatever processes have died of stands alone."""
        run: list[Item] = []
        for item in items:
            if reading.deaths(item) < self._settings.isolate_after:
                run.append(item)
                continue
            if run:
                yield run
                run = []
            yield [item]
        if run:
            yield run

    def _outcomes(self, reading: Reading, run: Sequence[Item]) -> list[Outcome]:
        if reading.deaths(run[0]) >= self._settings.dead_after:
            crashed = "every process that worked on this message ended at once"
            return [Failed(OnRecordError(ErrorCode.CONSUMER_CRASHED, crashed))]
        reading.mark(run)
        self._reached(f"{self._group}.marked")
        return self._handled(run)

    def _handled(self, run: Sequence[Item]) -> list[Outcome]:
        try:
            outcomes = list(self._handler([item.received for item in run]))
        except OnRecordError as error:
            return [Failed(error)] * len(run)
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
            if len(run) == 1:
                return [Failed(unforeseen(error))]
            return [self._handled([item])[0] for item in run]
        if len(outcomes) != len(run):
            raise ValueError(f"{len(outcomes)} outcomes for {len(run)} messages")
        return outcomes

    def _following(self, reading: Reading, item: Item, outcome: Outcome) -> tuple[Message, ...]:
        if isinstance(outcome, Done):
            try:
                for message in outcome.publish:
                    must_fit(message)
            except OnRecordError as too_large:
                # No second try makes it smaller, and the others are not to wait for it.
                return self._following(reading, item, Failed(too_large))
            MESSAGES.add(group=self._group, outcome=DONE)
            return outcome.publish
        error, backoff = outcome.error, self._settings.backoff
        attempts = item.attempts + 1
        if error.code is ErrorCode.CONSUMER_CRASHED:
            attempts = reading.deaths(item)
        again = DISPOSITIONS[error.code] is Disposition.RETRY
        if again and attempts <= len(backoff):
            MESSAGES.add(group=self._group, outcome=PARKED)
            wait, now = backoff[attempts - 1], self._clock.now()
            return (parking.parked(item.received, self._group, attempts, now, wait),)
        MESSAGES.add(group=self._group, outcome=DEAD)
        DEAD_LETTERS.add(group=self._group, reason=error.code.value)
        return (self._dead_letter(item.received, error, attempts),)


def unforeseen(error: Exception) -> OnRecordError:
    """Only the kind of error: its text may hold what the message held."""
    wrapped = OnRecordError(ErrorCode.INTERNAL, f"an unforeseen {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


def _unsound(outcomes: Sequence[Outcome]) -> OnRecordError | None:
    """Why nothing can be done at present; None where it is the messages that differ."""
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    codes = {error.code for error in errors}
    if len(errors) == len(outcomes) and len(codes) == 1 and codes <= WORLD:
        return errors[0]
    return None


def _traced(message: Message, trace: str | None) -> Message:
    if trace is None or TRACE in message.headers:
        return message
    return replace(message, headers={**message.headers, TRACE: trace})
