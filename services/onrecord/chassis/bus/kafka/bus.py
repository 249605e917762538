"""`KafkaBus`: the bus where there are several machines."""

import threading
from collections.abc import Sequence

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.clients import open_admin, open_consumer, open_producer
from onrecord.chassis.bus.kafka.consumer import KafkaConsumer
from onrecord.chassis.bus.kafka.errors import closed
from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.kafka.publisher import KafkaPublisher
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Partition, Start
from onrecord.kernel.errors import OnRecordError


class KafkaBus:
    """A `Bus` on the brokers that `access` names. Safe to share between threads.

    Nobody is called before something is asked of it: a process starts while the brokers are away,
    and whoever needs them says BUS_UNAVAILABLE until they are back. Topics are not made here
    (`topics.make`). Publishers share one producer; each consumer has a client of its own.
    """

    def __init__(self, access: KafkaAccess, times: KafkaTimes | None = None) -> None:
        self._access = access
        self._times = times or KafkaTimes()
        self._lookup = Lookup(
            lambda: open_admin(access, self._times),
            lambda group: open_consumer(access, self._times, group, ()),
            self._times.look,
            self._times.answer,
        )
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._producing = Producing(self._make, self._end)
        self._publishers: list[KafkaPublisher] = []
        self._consumers: list[KafkaConsumer] = []

    def publisher(self) -> KafkaPublisher:
        self._must_be_open()
        publisher = KafkaPublisher(self._producing, self._lookup.partitions, self._closing.is_set)
        with self._lock:
            self._publishers.append(publisher)
        return publisher

    def consumer(
        self, group: str, topics: Sequence[str], start: Start | None = None
    ) -> KafkaConsumer:
        self._must_be_open()
        for topic in topics:
            self.partitions(topic)
        self._lookup.must_be_reachable()  # a client is made without anybody being called
        consumer = KafkaConsumer(
            group,
            topics,
            start,
            client=open_consumer(self._access, self._times, group, topics),
            lookup=self._lookup,
            times=self._times,
            on_close=self._left,
            is_closed=self._closing.is_set,
        )
        with self._lock:
            self._consumers.append(consumer)
        return consumer

    def partitions(self, topic: str) -> int:
        self._must_be_open()
        return self._lookup.partitions(topic)

    def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        self._must_be_open()
        every = [Partition(one, number) for one in topics for number in range(self.partitions(one))]
        if not every:
            return {}
        committed, first = self._lookup.committed(group, every), self._lookup.first(every)
        return {
            partition: max(0, following - max(first[partition], committed.get(partition, 0)))
            for partition, following in self._lookup.following(every).items()
        }

    def must_be_reachable(self) -> None:
        """Raises BUS_UNAVAILABLE where no broker answers; asked of them every few seconds."""
        self._must_be_open()
        self._lookup.must_be_reachable()

    def close(self) -> None:
        """Consumers leave their groups, publishers finish what they publish. Repeatable."""
        if self._closing.is_set():
            return
        with self._lock:
            publishers, consumers = tuple(self._publishers), tuple(self._consumers)
        for publisher in publishers:
            publisher.close()
        for consumer in consumers:
            try:
                consumer.close()
            except OnRecordError:
                # The brokers will miss it by themselves; the others are to leave all the same.
                continue
        self._closing.set()
        self._producing.close()
        self._lookup.close()

    def _make(self) -> Outgoing:
        self._must_be_open()
        return Outgoing(open_producer(self._access, self._times))

    def _end(self, outgoing: Outgoing) -> None:
        outgoing.close(self._times.closing)

    def _left(self, consumer: KafkaConsumer) -> None:
        with self._lock:
            if consumer in self._consumers:
                self._consumers.remove(consumer)

    def _must_be_open(self) -> None:
        if self._closing.is_set():
            raise closed()
