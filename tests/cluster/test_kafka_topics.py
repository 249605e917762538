"""Topics are made by a command and examined by another, which says what puts them right."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.clients import open_admin
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.kafka.topics import Durability, KafkaTopic, make, shortfalls
from onrecord.cli.main import cli
from onrecord.contracts.events import SEARCH_EXECUTED
from onrecord.events.kafka_topics import kafka_topics
from tests.cluster.kafka_topics import ALONE, removed, until

DAY = timedelta(hours=24)
WANTED = (KafkaTopic("examined.v1", 3, DAY), KafkaTopic("examined.v1.dlq", 1, None))


@pytest.fixture
def access(kafka: Running) -> Iterator[KafkaAccess]:
    server = kafka.place.at("clients")
    removed_at(server, WANTED)
    yield KafkaAccess((server,))
    removed_at(server, WANTED)


def removed_at(server: str, topics: tuple[KafkaTopic, ...]) -> None:
    removed(open_admin(KafkaAccess((server,)), KafkaTimes()), {one.name for one in topics})


def test_what_is_missing_is_named_with_the_command_that_makes_it(access: KafkaAccess) -> None:
    first, second = shortfalls(access, WANTED, Durability(3, 2))
    assert (first.topic, first.says) == ("examined.v1", "is missing")
    assert first.command == (
        f"kafka-topics.sh --bootstrap-server {access.servers[0]} --create --topic examined.v1 "
        "--partitions 3 --replication-factor 3 --config retention.ms=86400000 "
        "--config min.insync.replicas=2 --config cleanup.policy=delete "
        "--config unclean.leader.election.enable=false"
    )
    assert "retention.ms=-1" in second.command
    assert make(access, WANTED, ALONE) == ("examined.v1", "examined.v1.dlq")
    assert make(access, WANTED, ALONE) == ()
    assert shortfalls(access, WANTED, ALONE) == ()


def test_what_is_otherwise_is_named(access: KafkaAccess) -> None:
    make(access, WANTED, ALONE)
    admin = open_admin(access, KafkaTimes())
    weaker = {
        "retention.ms": "1000",
        "max.message.bytes": "1000",
        "cleanup.policy": "compact",
        "unclean.leader.election.enable": "true",
    }
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in weaker.items()
    ]
    topic = ConfigResource(ConfigResource.Type.TOPIC, "examined.v1", incremental_configs=entries)
    admin.incremental_alter_configs([topic])[topic].result(30.0)
    until(lambda: len(shortfalls(access, WANTED, ALONE)) == 4, "it is not seen")
    said = {one.says.rpartition(" (")[2]: one.command for one in shortfalls(access, WANTED, ALONE)}
    assert set(said) == {f"{name}={value})" for name, value in weaker.items()}
    assert all("--alter --entity-type topics" in command for command in said.values())
    more = (KafkaTopic("examined.v1", 4, DAY),)
    assert "has 3 partitions, not 4" in shortfalls(access, more, ALONE)[0].says
    assert any("1 replicas, not 3" in one.says for one in shortfalls(access, more, Durability()))


def test_the_topics_of_an_installation_are_made_and_checked(kafka: Running) -> None:
    """Enrolments are kept for a day (R-46), receipts and dead letters for good."""
    server = kafka.place.at("clients")
    removed_at(server, kafka_topics())
    where, run = f"kafka://{server}", CliRunner().invoke
    alone = ["--replicas", "1", "--in-sync", "1"]
    missing = run(cli, ["bus", "check", where, *alone])
    assert missing.exit_code == 1
    assert missing.output.count("is missing") == len(kafka_topics()) == 21
    made = run(cli, ["bus", "make", where, *alone, "--partitions", "6"])
    assert made.exit_code == 0, made.output
    assert run(cli, ["bus", "check", where, *alone]).exit_code == 0, "more partitions are well"
    strict = run(cli, ["bus", "check", where])
    assert strict.exit_code == 1
    assert "1 replicas, not 3" in strict.output
    by_name = {one.name: one for one in kafka_topics(6)}
    assert by_name[SEARCH_EXECUTED].partitions == 1
    assert by_name[SEARCH_EXECUTED].retention is None
    assert {one.retention for one in by_name.values() if "enrolment" in one.name} == {DAY, None}
    assert run(cli, ["bus", "make", "localhost"]).exit_code == 2
