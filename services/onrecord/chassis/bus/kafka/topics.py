"""The topics of an installation: whether they are there as they must be, and making them.

Whoever runs the brokers makes them, once and with more rights than any service has; services and
`preflight` only look. What differs is told with the command that puts it right.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.clients import REQUEST_BYTES, open_admin
from onrecord.chassis.bus.kafka.errors import error_in, told_as_ours
from onrecord.chassis.bus.kafka.times import KafkaTimes

_FOR_GOOD: Final = -1
_PATIENCE: Final = 2
"""Of how often an answer may take."""
_AGAIN: Final = 0.05
_PARTITIONS, _RETENTION, _BYTES = "partitions", "retention.ms", "max.message.bytes"
_IN_SYNC, _CLEANUP, _UNCLEAN = (
    "min.insync.replicas",
    "cleanup.policy",
    "unclean.leader.election.enable",
)


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """`partitions`: at least. `retention`: how long a message is kept, read or not; None: ever."""

    name: str
    partitions: int
    retention: timedelta | None


@dataclass(frozen=True, slots=True)
class Durability:
    """`replicas` of every partition, of which `in_sync` must have a message that is acknowledged.

    Three and two: one broker may be lost, and nothing that was acknowledged with it.
    """

    replicas: int = 3
    in_sync: int = 2


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A topic that is not as it must be, why, and what puts it right; '' where nothing does."""

    topic: str
    says: str
    command: str


def shortfalls(
    access: KafkaAccess,
    wanted: Sequence[KafkaTopic],
    durability: Durability,
    times: KafkaTimes | None = None,
) -> tuple[Shortfall, ...]:
    """What is missing or otherwise, in the order of `wanted`. Raises BUS_UNAVAILABLE."""
    times = times or KafkaTimes()
    return _shortfalls(open_admin(access, times), times.answer, access, wanted, durability)


def make(
    access: KafkaAccess,
    wanted: Sequence[KafkaTopic],
    durability: Durability,
    times: KafkaTimes | None = None,
) -> tuple[str, ...]:
    """Make those that are missing, and leave the others as they are; the names of those made.

    Raises BUS_UNAVAILABLE.
    """
    times = times or KafkaTimes()
    admin = open_admin(access, times)
    with told_as_ours("topics not made"):
        there = admin.list_topics(timeout=times.answer).topics
        missing = [_asked(one, durability) for one in wanted if one.name not in there]
        if missing:
            made = admin.create_topics(missing, request_timeout=2 * times.answer)
            for one in made.values():
                one.result(_PATIENCE * times.answer)
            _until_there(admin, [one.topic for one in missing], times)
    return tuple(one.topic for one in missing)


def _until_there(admin: AdminClient, names: Sequence[str], times: KafkaTimes) -> None:
    """What has been made is known to a broker a moment later."""
    until = time.monotonic() + _PATIENCE * times.answer
    pause = threading.Event()
    while set(names) - {one for one in names if _described(admin, one, times.answer) is not None}:
        if time.monotonic() > until:
            raise TimeoutError("the topics that were made are not there")
        pause.wait(_AGAIN)


def _asked(topic: KafkaTopic, durability: Durability) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=durability.replicas,
        config=configs_of(topic, durability),
    )


def configs_of(topic: KafkaTopic, durability: Durability) -> dict[str, str]:
    """How the brokers are told to keep a topic, in Kafka's own words."""
    return {
        _RETENTION: str(_milliseconds(topic)),
        _IN_SYNC: str(durability.in_sync),
        _CLEANUP: "delete",
        _UNCLEAN: "false",
    }


def _milliseconds(topic: KafkaTopic) -> int:
    if topic.retention is None:
        return _FOR_GOOD
    return int(topic.retention / timedelta(milliseconds=1))


def _shortfalls(
    admin: AdminClient,
    seconds: float,
    access: KafkaAccess,
    wanted: Sequence[KafkaTopic],
    durability: Durability,
) -> tuple[Shortfall, ...]:
    found: list[Shortfall] = []
    with told_as_ours("topics not examined"):
        described = {one.name: _described(admin, one.name, seconds) for one in wanted}
        there = [name for name, one in described.items() if one is not None]
        configs = _configs(admin, there, seconds)
    for topic in wanted:
        partitions = described[topic.name]
        if partitions is None:
            found.append(_missing(access, topic, durability))
        else:
            found.extend(_otherwise(access, topic, durability, partitions, configs[topic.name]))
    return tuple(found)


def _described(admin: AdminClient, name: str, seconds: float) -> Sequence[Any] | None:
    """Its partitions; None where there is no such topic."""
    asked = admin.describe_topics(TopicCollection([name]), request_timeout=seconds)
    try:
        return list(asked[name].result(_PATIENCE * seconds).partitions)
    except KafkaException as error:
        if error_in(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise


def _configs(
    admin: AdminClient, names: Sequence[str], seconds: float
) -> dict[str, Mapping[str, str]]:
    if not names:
        return {}
    asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    told = admin.describe_configs(asked, request_timeout=seconds)
    return {
        one.name: {
            name: str(entry.value) for name, entry in waiting.result(_PATIENCE * seconds).items()
        }
        for one, waiting in told.items()
    }


def _missing(access: KafkaAccess, topic: KafkaTopic, durability: Durability) -> Shortfall:
    configs = " ".join(f"--config {k}={v}" for k, v in configs_of(topic, durability).items())
    command = (
        f"kafka-topics.sh --bootstrap-server {access.servers[0]} --create --topic {topic.name} "
        f"--partitions {topic.partitions} --replication-factor {durability.replicas} {configs}"
    )
    return Shortfall(topic.name, "is missing", command)


def _otherwise(
    access: KafkaAccess,
    topic: KafkaTopic,
    durability: Durability,
    partitions: Sequence[Any],
    configs: Mapping[str, str],
) -> Iterator[Shortfall]:
    if len(partitions) < topic.partitions:
        says = f"has {len(partitions)} partitions, not {topic.partitions}"
        yield Shortfall(topic.name, f"{says}; given more, its keys lose their order", "")
    replicas = min(len(one.replicas) for one in partitions)
    if replicas < durability.replicas:
        yield Shortfall(topic.name, f"has {replicas} replicas, not {durability.replicas}", "")

    def altered(name: str, value: object, says: str) -> Shortfall:
        command = (
            f"kafka-configs.sh --bootstrap-server {access.servers[0]} --alter --entity-type "
            f"topics --entity-name {topic.name} --add-config {name}={value}"
        )
        return Shortfall(topic.name, f"{says} ({name}={configs[name]})", command)

    if int(configs[_RETENTION]) != _milliseconds(topic):
        kept = "for good" if topic.retention is None else f"for {topic.retention}"
        yield altered(_RETENTION, _milliseconds(topic), f"is not kept {kept}")
    if int(configs[_BYTES]) < REQUEST_BYTES:
        yield altered(_BYTES, REQUEST_BYTES, "takes no message as large as ours may be")
    if int(configs[_IN_SYNC]) < durability.in_sync:
        yield altered(_IN_SYNC, durability.in_sync, "acknowledges what too few replicas have")
    if configs[_CLEANUP] != "delete":
        yield altered(_CLEANUP, "delete", "forgets by key")
    if configs[_UNCLEAN] != "false":
        yield altered(_UNCLEAN, "false", "may lose what was acknowledged")
