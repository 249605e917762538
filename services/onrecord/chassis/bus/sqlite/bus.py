"""`SqliteBus`: the bus where one machine is enough.

Topics stand in files, so that what is small and must be fast does not wait behind what is large;
who reads what and how far stands in a file of its own. A thread renews the leases of this
process's consumers and removes what has been kept long enough.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from onrecord.chassis.bus.ports import DEAD, PARKED, Partition, Start
from onrecord.chassis.bus.sqlite.bell import Bell
from onrecord.chassis.bus.sqlite.consumer import SqliteConsumer
from onrecord.chassis.bus.sqlite.groups import Groups
from onrecord.chassis.bus.sqlite.life import Life
from onrecord.chassis.bus.sqlite.log import Log
from onrecord.chassis.bus.sqlite.publisher import SqlitePublisher
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock

LOOK_AGAIN: Final = 0.02
_FORGET_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class TopicFile:
    """Topics, each with its number of partitions, that share the file `<name>.sqlite`.

    Beside each topic stand `<topic>.parked`, with as many partitions, and `<topic>.dlq`, with one.
    `retention`: how long a message is kept, read or not; None: for good. Dead letters, which hold
    ids and reasons only, are kept for good.
    """

    name: str
    topics: Mapping[str, int]
    retention: timedelta | None = None

    def all_topics(self) -> dict[str, int]:
        parked = {topic + PARKED: count for topic, count in self.topics.items()}
        return {**self.topics, **parked, **{topic + DEAD: 1 for topic in self.topics}}


class SqliteBus:
    """A `Bus` in `folder`, for any number of processes. Safe to share between threads.

    `lease`: seconds a member is kept that is not heard of; one whose process died is missed in a
    quarter of that, and at once by whoever joins. `patience`: seconds a consumer may work on what
    it polled before its partitions go to others. `look_again`: seconds until what another process
    has published is seen; what this one publishes is seen at once.
    """

    def __init__(
        self,
        folder: Path,
        files: Sequence[TopicFile],
        clock: Clock,
        *,
        lease: float = 10.0,
        patience: float = 300.0,
        look_again: float = LOOK_AGAIN,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files = tuple(files)
        self._clock = clock
        self._lease = lease
        self._patience = patience
        self._look_again = look_again
        self._monotonic = monotonic
        self._bell = Bell()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._publishers: list[SqlitePublisher] = []
        self._consumers: list[SqliteConsumer] = []
        self._life = Life(folder / "alive")
        self._logs = self._open_logs()
        self._partitions = {
            topic: count for log in self._logs for topic, count in log.partitions().items()
        }
        self._groups = self._open_groups()
        self._keeper = threading.Thread(target=self._keep, name="bus keeper", daemon=True)
        self._keeper.start()

    def publisher(self) -> SqlitePublisher:
        self._must_be_open()
        publisher = SqlitePublisher(
            self._open_logs(), self._clock, self._bell, self._closing.is_set
        )
        with self._lock:
            self._publishers.append(publisher)
        return publisher

    def consumer(
        self, group: str, topics: Sequence[str], start: Start | None = None
    ) -> SqliteConsumer:
        self._must_be_open()
        for topic in topics:
            self.partitions(topic)
        consumer = SqliteConsumer(
            group,
            tuple(topics),
            start,
            logs=self._open_logs(),
            groups=self._open_groups(),
            bell=self._bell,
            look_again=self._look_again,
            sweep_every=self._lease / 4,
            on_close=self._left,
            is_closed=self._closing.is_set,
        )
        with self._lock:
            self._consumers.append(consumer)
        return consumer

    def partitions(self, topic: str) -> int:
        count = self._partitions.get(topic)
        if count is None:
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, f"there is no topic {topic} on this bus")
        return count

    def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        self._must_be_open()
        lags: dict[Partition, int] = {}
        with self._lock:
            for topic in topics:
                log = next((log for log in self._logs if topic in log.partitions()), None)
                for number in range(self.partitions(topic)):
                    partition = Partition(topic, number)
                    assert log is not None  # noqa: S101 - `partitions` has just found it
                    first, following = log.ends(partition)
                    committed = self._groups.position(group, partition).offset
                    lags[partition] = max(0, following - max(first, committed))
        return lags

    def close(self) -> None:
        """Consumers leave their groups, publishers finish what they write. Repeatable."""
        if self._closing.is_set():
            return
        with self._lock:
            publishers, consumers = tuple(self._publishers), tuple(self._consumers)
        for publisher in publishers:
            publisher.close()
        for consumer in consumers:
            consumer.close()
        self._closing.set()
        self._bell.ring(self._partitions)
        self._keeper.join()
        with self._lock:
            self._life.end()
            self._groups.close()
            for log in self._logs:
                log.close()

    def _keep(self) -> None:
        """Renew leases while there are any to renew; forget what is old."""
        groups: Groups | None = None
        forget_at = self._monotonic()
        while not self._closing.wait(self._lease / 3):
            try:
                groups = groups or self._open_groups()
                self._renew(groups)
                if self._monotonic() >= forget_at:
                    self._forget()
                    forget_at = self._monotonic() + _FORGET_EVERY
            except OnRecordError:
                # Told by every other call on the bus; the lease is renewed when it can be.
                continue
        if groups is not None:
            groups.close()

    def _renew(self, groups: Groups) -> None:
        with self._lock:
            oldest = time.monotonic() - self._patience
            busy = [(one.group, one.member) for one in self._consumers if one.polled_at >= oldest]
        if busy:
            groups.renew(busy)

    def _forget(self) -> None:
        for file, log in zip(self._files, self._logs, strict=True):
            if file.retention is None:
                continue
            before = self._clock.now() - file.retention
            for topic in (*file.topics, *(topic + PARKED for topic in file.topics)):
                removed = 1
                while removed and not self._closing.is_set():
                    with self._lock:
                        removed = log.forget(topic, before)

    def _left(self, consumer: SqliteConsumer) -> None:
        with self._lock:
            if consumer in self._consumers:
                self._consumers.remove(consumer)

    def _open_logs(self) -> list[Log]:
        return [Log(self._folder / f"{f.name}.sqlite", f.all_topics()) for f in self._files]

    def _open_groups(self) -> Groups:
        path = self._folder / "groups.sqlite"
        return Groups(path, self._partitions, self._life, self._lease, self._monotonic)

    def _must_be_open(self) -> None:
        if self._closing.is_set():
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus has been closed")
