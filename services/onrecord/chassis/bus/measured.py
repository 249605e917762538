"""What is measured of the bus: what became of messages, and how far groups are behind."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

from onrecord.chassis.bus.outcomes import Failed, Outcome
from onrecord.chassis.bus.ports import TRACE, Bus, Received
from onrecord.chassis.bus.reading import Item
from onrecord.chassis.telemetry import Begun, Label, Meter, Reading, Value
from onrecord.kernel.errors import ErrorCode

DONE: Final = "done"
PARKED: Final = "parked"
DEAD: Final = "dead"

_GROUP: Final = Label("group", "who reads: a service, or a plane by its name", most=32)
_TOPIC: Final = Label("topic", "the topic, without its prefix", most=32)
_REASON: Final = Label("reason", "the code of the error", tuple(code.value for code in ErrorCode))

METER: Final = Meter("the bus")
MESSAGES: Final = METER.counter(
    "bus_messages_total",
    "What became of the messages that were read: done, put aside for another try, or dead.",
    (_GROUP, Label("outcome", "what became of it", (DONE, PARKED, DEAD))),
)
DEAD_LETTERS: Final = METER.counter(
    "bus_dead_letters_total",
    "Messages that were given up; a person redrives them (`onrecord dlq`).",
    (_GROUP, _REASON),
)
WORK_SECONDS: Final = METER.histogram(
    "bus_work_seconds", "How long the messages of one poll were worked on together.", (_GROUP,)
)
WORKED_TOGETHER: Final = METER.histogram(
    "bus_worked_together_messages",
    "How many messages were worked on together.",
    (_GROUP,),
    "messages",
    (1, 2, 4, 8, 16, 32, 64, 128),
)
LAG: Final = METER.gauge(
    "bus_lag_messages",
    "How many messages stand beyond what the group has finished.",
    (_GROUP, _TOPIC),
    "messages",
)


def begin_counting(group: str) -> None:
    """Tell at 0 what a group will count: of what only appears nobody can say that it rose."""
    for outcome in (DONE, PARKED, DEAD):
        MESSAGES.add(0, group=group, outcome=outcome)


def lag_reading(bus: Bus, group: str, topics: Sequence[str]) -> Reading:
    """How far a group is behind on these topics."""

    def read() -> Iterable[Value]:
        behind = dict.fromkeys(topics, 0)
        for partition, messages in bus.lag(group, topics).items():
            behind[partition.topic] += messages
        for topic, messages in behind.items():
            said = {"group": group, "topic": topic.removeprefix("onrecord.")}
            yield Value(LAG, messages, said)

    return Reading(f"the lag of {group}", read)


class Traced:
    """The spans of the messages that are worked on together, each in its own message's trace.

    What is done for one of them alone is done in its trace; what is done for several, in none of
    theirs: it would be told as the first one's.
    """

    def __init__(self, group: str, run: Sequence[Item]) -> None:
        self._group = group
        self._began = time.perf_counter()
        self._spans = [consuming(item.received) for item in run]
        WORKED_TOGETHER.observe(len(run), group=group)

    @contextmanager
    def current(self) -> Iterator[None]:
        one = self._spans[0] if len(self._spans) == 1 else None
        with nullcontext() if one is None else one.current():
            yield

    def header(self, place: int) -> str | None:
        """The trace that what follows from a message belongs to."""
        one = self._spans[place]
        return None if one is None else one.traceparent

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """All of them have been worked on; what follows has been published, or will be again."""
        WORK_SECONDS.observe(time.perf_counter() - self._began, group=self._group)
        for one, outcome in zip(self._spans, outcomes, strict=True):
            if one is not None:
                one.end(outcome.error.code if isinstance(outcome, Failed) else None)


def consuming(received: Received) -> Begun | None:
    """A span for working on a message, in the trace of whoever published it, if there is one."""
    trace, topic = received.message.headers.get(TRACE), received.message.topic
    if trace is None:
        return None
    return Begun(f"consume {topic}", "consumer", trace, messaging_destination_name=topic)
