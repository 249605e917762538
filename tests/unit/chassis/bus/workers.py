"""A worker and the bus under it, with a clock and a monotonic clock that stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from onrecord.chassis.bus.outcomes import Done, Failed, Handler, Outcome
from onrecord.chassis.bus.ports import DEAD, PARKED, Bus, Message, Received
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.chassis.bus.worker import Worker
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import WritePoint, unobserved

WORK, RESULTS = "work.v1", "results.v1"
GROUP = "crew"


@dataclass(slots=True)
class Times:
    """A clock and a monotonic clock that stand until they are moved."""

    at: datetime = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


def done(received: Received) -> Outcome:
    message = received.message
    return Done((Message(RESULTS, message.key, message.payload),))


def failed(code: ErrorCode) -> Outcome:
    return Failed(OnRecordError(code, f"it was {code.value}"))


def dead_letter(received: Received, error: OnRecordError, attempts: int) -> Message:
    at = f"{received.partition.topic} {received.partition.number} {received.offset}"
    said = f"{at} {error.code.value} {attempts}"
    return Message(received.message.topic + DEAD, "", said.encode())


@dataclass(slots=True)
class Crew:
    """A bus, what was handled on it, and workers on it."""

    bus: Bus
    times: Times
    polls: list[list[str]] = field(default_factory=list)

    def worker(
        self,
        decide: Callable[[Received], Outcome] = done,
        settings: WorkerSettings | None = None,
        handler: Handler | None = None,
        reached: WritePoint = unobserved,
    ) -> Worker:
        def handle(received: Sequence[Received]) -> Sequence[Outcome]:
            self.polls.append([one.message.payload.decode() for one in received])
            return [decide(one) for one in received]

        return Worker(
            self.bus,
            group=GROUP,
            topics=[WORK],
            handler=handler or handle,
            dead_letter=dead_letter,
            clock=self.times,
            settings=settings,
            reached=reached,
            monotonic=self.times.monotonic,
        )

    def put(self, *texts: str, headers: dict[str, str] | None = None) -> None:
        publisher = self.bus.publisher()
        messages = [Message(WORK, "k", text.encode(), headers or {}) for text in texts]
        publisher.publish(messages, Deadline.after(30.0))
        publisher.close()

    def on(self, topic: str) -> list[Received]:
        """Everything on a topic that is still there."""
        consumer = self.bus.consumer("observer", [topic], start=lambda _: 0)
        found = list(consumer.poll(10_000, 0.0))
        consumer.close()
        return found

    def results(self) -> list[str]:
        return [one.message.payload.decode() for one in self.on(RESULTS)]

    def dead(self) -> list[str]:
        return [one.message.payload.decode() for one in self.on(WORK + DEAD)]

    def parked(self) -> list[Received]:
        return self.on(WORK + PARKED)

    def lag(self) -> int:
        """Not committed, parked ones among them."""
        own = self.bus.lag(GROUP, [WORK]).values()
        return sum(own) + sum(self.bus.lag(GROUP + PARKED, [WORK + PARKED]).values())


def open_crew(folder: Path, partitions: int = 1) -> Crew:
    times = Times()
    topics = {WORK: partitions, RESULTS: 1}
    return Crew(SqliteBus(folder, [TopicFile("f", topics)], times), times)
