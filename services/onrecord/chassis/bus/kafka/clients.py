"""The clients of kafka-python, which has no types: its one edge.

Each is made here, with what we ask of it; one that cannot be made leaves no thread behind.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kafka import (
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
    errors,
)
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.net.compat import KafkaNetClient

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.errors import told_as_ours
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import DEAD, PARKED, Partition, Position

REQUEST_BYTES: Final = 2**20
"""The largest request of a producer, and what brokers take at most by default."""
_BATCH_BYTES: Final = 2**19
_RECONNECT_AT_MOST_MS: Final = 1000


def open_producer(access: KafkaAccess, times: KafkaTimes) -> Any:
    """Idempotent, and acknowledged by every replica that is in step. Raises BUS_UNAVAILABLE."""
    return _opened(
        KafkaProducer,
        access,
        times,
        {
            "enable_idempotence": True,
            "acks": "all",
            "linger_ms": 0,
            "batch_size": _BATCH_BYTES,
            "max_request_size": REQUEST_BYTES,
            "max_block_ms": _ms(times.answer),
            "delivery_timeout_ms": _ms(times.delivery),
            "allow_auto_create_topics": False,
        },
    )


def end_producer(producer: Any, seconds: float) -> None:
    """What is on its way is given so long; then it ends, one way or the other."""
    try:
        producer.close(timeout=seconds)
    except errors.KafkaError:
        # It was not flushed in time, and kafka-python then goes on; what waits is told so here.
        producer._sender.force_close()


def open_consumer(access: KafkaAccess, times: KafkaTimes, group: str, topics: Sequence[str]) -> Any:
    """A member of `group` that commits only what it is told to. Raises BUS_UNAVAILABLE."""
    aside = all(topic.endswith((PARKED, DEAD)) for topic in topics)
    consumer = _opened(
        KafkaConsumer,
        access,
        times,
        {
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "partition_assignment_strategy": [StickyPartitionAssignor],
            "session_timeout_ms": _ms(times.session),
            "heartbeat_interval_ms": _ms(times.heartbeat),
            "max_poll_interval_ms": _ms(times.patience),
            "fetch_max_wait_ms": _ms(times.fetch_aside if aside else times.fetch),
            "allow_auto_create_topics": False,
        },
    )
    with told_as_ours("topics not found"):
        consumer.subscribe(list(topics))
        for topic in topics:
            # A member that is to share them out before it knows of them shares out nothing.
            consumer.partitions_for_topic(topic)
    return consumer


def end_joining(consumer: Any, seconds: float) -> None:
    """Wait for a join of its group that this member's poll has begun and not seen the end of.

    kafka-python (3.0.12) throws away a join that ends between two polls, and joins anew. From the
    leader of a group that is a rebalance for everybody, whose joins end between two polls: so it
    would go on for ever. Raises BUS_UNAVAILABLE.
    """
    coordinator = consumer._coordinator
    if coordinator._join_task is not None:
        coordinator.ensure_active_group(timeout_ms=_ms(seconds))


def open_admin(access: KafkaAccess, times: KafkaTimes) -> Any:
    """Raises BUS_UNAVAILABLE."""
    return _opened(KafkaAdminClient, access, times, {})


def place_of(partition: Partition) -> Any:
    return TopicPartition(partition.topic, partition.number)


def partition_of(place: Any) -> Partition:
    return Partition(str(place.topic), int(place.partition))


def committed_as(positions: Mapping[Partition, Position]) -> dict[Any, Any]:
    return {place_of(p): OffsetAndMetadata(at.offset, at.note, -1) for p, at in positions.items()}


def _opened(
    kind: Callable[..., Any], access: KafkaAccess, times: KafkaTimes, options: dict[str, Any]
) -> Any:
    made: list[Any] = []

    def client(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    ours: dict[str, Any] = {
        "client_id": "onrecord",
        "kafka_client": client,
        "bootstrap_timeout_ms": _ms(times.answer),
        "request_timeout_ms": _ms(max(times.answer, 2 * times.fetch, 2 * times.fetch_aside)),
        "reconnect_backoff_max_ms": _RECONNECT_AT_MOST_MS,
    }
    with told_as_ours("not connected"):
        try:
            return kind(**access.options(), **ours, **options)
        except BaseException:
            for one in made:
                one.close()
            raise


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
