"""The topics of an installation: whether they are there as they must be, and making them.

Whoever runs the brokers makes them, once and with more rights than any service has; services and
`preflight` only look. What differs is told with the command that puts it right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from kafka.admin import ConfigResource, ConfigResourceType

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.clients import REQUEST_BYTES, open_admin
from onrecord.chassis.bus.kafka.errors import told_as_ours
from onrecord.chassis.bus.kafka.times import KafkaTimes

_FOR_GOOD: Final = -1
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
    admin = open_admin(access, times or KafkaTimes())
    try:
        return _shortfalls(admin, access, wanted, durability)
    finally:
        admin.close()


def make(
    access: KafkaAccess,
    wanted: Sequence[KafkaTopic],
    durability: Durability,
    times: KafkaTimes | None = None,
) -> tuple[str, ...]:
    """Make those that are missing, and leave the others as they are; the names of those made.

    Raises BUS_UNAVAILABLE.
    """
    admin = open_admin(access, times or KafkaTimes())
    try:
        with told_as_ours("topics not made"):
            there = set(admin.list_topics())
            missing = {one.name: one for one in wanted if one.name not in there}
            if missing:
                asked = {name: _asked(topic, durability) for name, topic in missing.items()}
                admin.create_topics(asked, wait_for_metadata=True)
    finally:
        admin.close()
    return tuple(missing)


def _asked(topic: KafkaTopic, durability: Durability) -> dict[str, Any]:
    return {
        "num_partitions": topic.partitions,
        "replication_factor": durability.replicas,
        "configs": configs_of(topic, durability),
    }


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
    admin: Any, access: KafkaAccess, wanted: Sequence[KafkaTopic], durability: Durability
) -> tuple[Shortfall, ...]:
    with told_as_ours("topics not examined"):
        names = [one.name for one in wanted]
        described = {one["name"]: one for one in admin.describe_topics(names)}
        there = [name for name in names if not described[name]["error_code"]]
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
        told = admin.describe_configs(asked, config_filter="all") if asked else {}
    configs = {name: told["topic"][name] for name in there}
    found = []
    for topic in wanted:
        if topic.name not in configs:
            found.append(_missing(access, topic, durability))
        else:
            found.extend(
                _otherwise(access, topic, durability, described[topic.name], configs[topic.name])
            )
    return tuple(found)


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
    described: Mapping[str, Any],
    configs: Mapping[str, Mapping[str, Any]],
) -> Iterator[Shortfall]:
    partitions = described["partitions"]
    if len(partitions) < topic.partitions:
        says = f"has {len(partitions)} partitions, not {topic.partitions}"
        yield Shortfall(topic.name, f"{says}; given more, its keys lose their order", "")
    replicas = min(len(one["replica_nodes"]) for one in partitions)
    if replicas < durability.replicas:
        yield Shortfall(topic.name, f"has {replicas} replicas, not {durability.replicas}", "")

    def altered(name: str, value: object, says: str) -> Shortfall:
        command = (
            f"kafka-configs.sh --bootstrap-server {access.servers[0]} --alter --entity-type "
            f"topics --entity-name {topic.name} --add-config {name}={value}"
        )
        return Shortfall(topic.name, f"{says} ({name}={configs[name]['value']})", command)

    if int(configs[_RETENTION]["value"]) != _milliseconds(topic):
        kept = "for good" if topic.retention is None else f"for {topic.retention}"
        yield altered(_RETENTION, _milliseconds(topic), f"is not kept {kept}")
    if int(configs[_BYTES]["value"]) < REQUEST_BYTES:
        yield altered(_BYTES, REQUEST_BYTES, "takes no message as large as ours may be")
    if int(configs[_IN_SYNC]["value"]) < durability.in_sync:
        yield altered(_IN_SYNC, durability.in_sync, "acknowledges what too few replicas have")
    if configs[_CLEANUP]["value"] != "delete":
        yield altered(_CLEANUP, "delete", "forgets by key")
    if configs[_UNCLEAN]["value"] != "false":
        yield altered(_UNCLEAN, "false", "may lose what was acknowledged")
