"""The topics of an installation as Kafka is asked for them."""

from onrecord.chassis.bus.kafka.topics import KafkaTopic
from onrecord.chassis.bus.ports import DEAD
from onrecord.events.topics import topic_files


def kafka_topics(partitions: int | None = None) -> tuple[KafkaTopic, ...]:
    """The same topics, kept as long. `partitions`: of those that have more than one, where that is
    not to be as many as SQLite has.
    """
    return tuple(
        KafkaTopic(
            name,
            partitions if partitions and count > 1 else count,
            None if name.endswith(DEAD) else file.retention,
        )
        for file in topic_files()
        for name, count in file.all_topics().items()
    )
