"""The clients of confluent-kafka (librdkafka), each with what we ask of it: the one edge to it.

None of them calls anybody while it is made; what becomes of them is told when something is asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.errors import told_as_ours
from onrecord.chassis.bus.kafka.logs import INFORMATION, Heard
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import DEAD, PARKED, Partition, Position

REQUEST_BYTES: Final = 2**20
"""The largest message with all that is around it, and what brokers take at most by default."""
_UNSENT_KBYTES: Final = 2**16
_UNREAD_KBYTES: Final = 2**13
_FETCHED_BYTES: Final = 2 * REQUEST_BYTES
"""By one request. Of each broker one may be under way when what is unread comes to its limit."""
_UNREAD_MESSAGES: Final = 2_000
_FULL_MS: Final = 20
_RECONNECT_AT_MOST_MS: Final = 1000


def open_producer(access: KafkaAccess, times: KafkaTimes) -> Producer:
    """Idempotent, and acknowledged by every replica that is in step.

    A key goes to the partition that Kafka's own clients give it.
    """
    asked = {
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 0,
        "message.max.bytes": REQUEST_BYTES,
        "message.timeout.ms": _ms(times.delivery),
        "request.timeout.ms": _ms(times.answer),
        "partitioner": "murmur2_random",
        "queue.buffering.max.kbytes": _UNSENT_KBYTES,
    }
    with told_as_ours("no producer made"):
        return Producer({**_common(access, times), **asked}, logger=Heard())


def open_consumer(
    access: KafkaAccess, times: KafkaTimes, group: str, topics: Sequence[str]
) -> Consumer:
    """A member of `group` that commits only what it is told to. Not subscribed to anything yet."""
    aside = all(topic.endswith((PARKED, DEAD)) for topic in topics)
    asked = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": _ms(times.session),
        "heartbeat.interval.ms": _ms(times.heartbeat),
        "max.poll.interval.ms": _ms(times.patience),
        "fetch.wait.max.ms": _ms(times.fetch_aside if aside else times.fetch),
        "fetch.min.bytes": 1,
        "fetch.max.bytes": _FETCHED_BYTES,
        "queued.min.messages": _UNREAD_MESSAGES,
        "queued.max.messages.kbytes": _UNREAD_KBYTES,
        "fetch.queue.backoff.ms": _FULL_MS,
        "check.crcs": True,
        "isolation.level": "read_uncommitted",
        "allow.auto.create.topics": False,
    }
    with told_as_ours("no consumer made"):
        return Consumer({**_common(access, times), **asked}, logger=Heard())


def open_admin(access: KafkaAccess, times: KafkaTimes) -> AdminClient:
    with told_as_ours("no client made"):
        return AdminClient(_common(access, times), logger=Heard())


def place_of(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)


def partition_of(place: TopicPartition) -> Partition:
    return Partition(place.topic, place.partition)


def partitions_of(places: Iterable[TopicPartition]) -> frozenset[Partition]:
    return frozenset(partition_of(place) for place in places)


def must_be_well(places: Iterable[TopicPartition]) -> None:
    """Raises KafkaException for the first of them that was not answered well."""
    for place in places:
        if place.error is not None:
            raise KafkaException(place.error)


def committed_as(positions: Mapping[Partition, Position]) -> list[TopicPartition]:
    return [
        TopicPartition(one.topic, one.number, at.offset, at.note) for one, at in positions.items()
    ]


def _common(access: KafkaAccess, times: KafkaTimes) -> dict[str, Any]:
    """`enable.metrics.push`: what is measured of us is measured here, and not sent to brokers."""
    return {
        **access.options(),
        "client.id": "onrecord",
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
        "socket.timeout.ms": _ms(max(times.answer, 2 * times.fetch, 2 * times.fetch_aside)),
        "socket.connection.setup.timeout.ms": _ms(max(times.answer, 1.0)),
        "api.version.request.timeout.ms": _ms(times.answer),
        "reconnect.backoff.max.ms": _RECONNECT_AT_MOST_MS,
        "log_level": INFORMATION,
        "enable.metrics.push": False,
    }


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
