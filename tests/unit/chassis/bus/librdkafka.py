"""A consumer of librdkafka that has one partition, answers at once, and fails where it is told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from confluent_kafka import Consumer, TopicPartition

from onrecord.chassis.bus.kafka.consumer import KafkaConsumer
from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Publisher, Start

TOPIC = "work.v1"


@dataclass(frozen=True, slots=True)
class Record:
    place: tuple[str, int]
    at: int
    milliseconds: int = 1_700_000_000_000

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.milliseconds

    def headers(self) -> None:
        return None

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return str(self.at).encode()


@dataclass
class Client:
    """`answers`: cleared while the coordinator of the group is away: commits wait for it."""

    count: int
    timestamps: dict[int, int] = field(default_factory=dict)
    at: int = 0
    committed_at: int = 0
    sought: list[int] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    idle: threading.Event = field(default_factory=threading.Event)
    consume_fails: list[Exception] = field(default_factory=list)
    seek_fails: list[Exception] = field(default_factory=list)
    _topic: str = ""
    _tell: Callable[..., None] | None = None

    def __post_init__(self) -> None:
        self.answers.set()
        self.idle.set()

    def subscribe(self, topics: list[str], on_assign: Callable[..., None], **_: Any) -> None:
        self._topic, self._tell = topics[0], on_assign

    def memberid(self) -> str:
        return "me"

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            self.at = place.offset

    def poll(self, seconds: float) -> Record | None:
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell(self, [TopicPartition(self._topic, 0)])
            return None
        return next(iter(self._given(1)), None)

    def consume(self, limit: int, seconds: float) -> list[Record]:
        given = self._given(limit)
        if self.consume_fails:
            raise self.consume_fails.pop()
        return given

    def committed(self, places: list[TopicPartition], seconds: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.committed_at) for one in places]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        self.idle.clear()
        self.answers.wait(30.0)
        self.committed_at = offsets[0].offset
        self.idle.set()
        return offsets

    def seek(self, place: TopicPartition) -> None:
        if self.seek_fails:
            raise self.seek_fails.pop()
        self.sought.append(place.offset)
        self.at = place.offset

    def close(self) -> None: ...

    def _given(self, limit: int) -> list[Record]:
        first, self.at = self.at, min(self.at + limit, self.count)
        place, usual = (self._topic, 0), Record(("", 0), 0).milliseconds
        return [Record(place, n, self.timestamps.get(n, usual)) for n in range(first, self.at)]


class _Reachable:
    def must_be_reachable(self) -> None: ...


def consumer(
    client: Client, group: str = "crew", topic: str = TOPIC, start: Start | None = None
) -> KafkaConsumer:
    return KafkaConsumer(
        group,
        [topic],
        start,
        client=cast(Consumer, client),
        lookup=cast(Lookup, _Reachable()),
        times=KafkaTimes(answer=0.2, closing=0.2),
        on_close=lambda _: None,
        is_closed=lambda: False,
    )


class _Taking:
    def publish(self, messages: object, deadline: object) -> None: ...

    def close(self) -> None: ...


@dataclass
class OneClientBus:
    """A bus on which all is well but what `client` does; its parking place is empty."""

    client: Client
    aside: Client = field(default_factory=lambda: Client(0))

    def publisher(self) -> Publisher:
        return cast(Publisher, _Taking())

    def consumer(self, group: str, topics: list[str], start: Start | None = None) -> KafkaConsumer:
        client = self.client if topics[0] == TOPIC else self.aside
        return consumer(client, group, topics[0], start)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it; fails where it does not come to hold."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.01)
