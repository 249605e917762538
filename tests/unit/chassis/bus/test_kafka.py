"""The Kafka bus where no broker is: what is told before anybody is called, and when nobody answers.

What it does with brokers stands in `tests/cluster`.
"""

import socket
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka.structs import MemberState

from onrecord.chassis.bus.kafka.access import KafkaAccess, KafkaLogin, KafkaTls, kafka_servers
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.membership import Membership, Step
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import DEAD, LARGEST, Message
from onrecord.events.kafka_topics import kafka_topics
from onrecord.events.topics import topic_files
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

Metadata = namedtuple("Metadata", ["member_id", "generation_id", "state"])


@pytest.fixture
def nobody() -> KafkaAccess:
    """A port at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return KafkaAccess((f"127.0.0.1:{held.getsockname()[1]}",))


def refused(code: ErrorCode, attempt: Any) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        attempt()
    assert caught.value.code is code, caught.value
    return caught.value


@pytest.mark.parametrize(
    ("place", "servers"),
    [
        ("kafka://one:9092", ("one:9092",)),
        ("kafka://one:9092,two.example:1/", ("one:9092", "two.example:1")),
        ("kafka://[::1]:9092", ("[::1]:9092",)),
    ],
)
def test_where_the_brokers_are(place: str, servers: tuple[str, ...]) -> None:
    assert kafka_servers(place) == servers


@pytest.mark.parametrize(
    "place",
    [
        "kafka://",
        "kafka://one",
        "kafka://one:0",
        "kafka://one:70000",
        "kafka://one:9092,",
        "x://a:1",
        "kafka://me:secret@one:9092",
        "one:9092",
    ],
)
def test_what_says_nothing_of_the_kind(place: str) -> None:
    with pytest.raises(ValueError, match=r"^(not kafka://|a name and a password)"):
        kafka_servers(place)


def test_no_password_goes_in_plain_text_and_none_is_shown(tmp_path: Path) -> None:
    login = KafkaLogin("onrecord", "heliotrope", "PLAIN")
    access = KafkaAccess(("one:1",), None, login)
    refused(ErrorCode.SETTINGS_INVALID, access.options)
    assert "heliotrope" not in repr(access)
    lost = KafkaAccess(("one:1",), KafkaTls(tmp_path / "nothing.pem"), login)
    refused(ErrorCode.SETTINGS_INVALID, lost.options)
    assert KafkaAccess(("one:1",)).options()["security_protocol"] == "PLAINTEXT"
    assert KafkaAccess(("one:1",), None, KafkaLogin("a", "b")).options()["security_protocol"] == (
        "SASL_PLAINTEXT"
    )


def test_a_bus_opens_while_nobody_is_there_and_everyone_is_told(nobody: KafkaAccess) -> None:
    """A process starts all the same, and waits for its bus."""
    bus = KafkaBus(nobody, KafkaTimes(answer=0.3, closing=0.3))
    publisher = bus.publisher()
    soon = Deadline.after(60.0)
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: publisher.publish([Message("t", "k", b"")], soon))
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: bus.consumer("g", ["t"]))
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: bus.lag("g", ["t"]))
    refused(ErrorCode.BUS_UNAVAILABLE, bus.must_be_reachable)
    publisher.publish([], soon)
    large = Message("t", "k", bytes(LARGEST + 1))
    error = refused(ErrorCode.MESSAGE_TOO_LARGE, lambda: publisher.publish([large], soon))
    assert str(LARGEST) in error.message
    bus.close()
    bus.close()
    refused(ErrorCode.BUS_UNAVAILABLE, bus.publisher)


@dataclass
class Client:
    """What `Membership` asks of kafka-python."""

    now: Metadata = field(default_factory=lambda: Metadata("", -1, MemberState.UNJOINED))

    def group_metadata(self) -> Metadata:
        return self.now


def test_only_the_very_next_generation_keeps_what_was_held() -> None:
    """R-45: in any other case somebody else may have had it."""
    client = Client()
    membership = Membership(client)

    def stands_at(member: str, generation: int, state: str = MemberState.STABLE) -> Step:
        client.now = Metadata(member, generation, state)
        return membership.step()

    assert membership.step() is Step.NONE
    assert not membership.is_settled()
    assert stands_at("a", 4) is Step.BREAK
    assert stands_at("a", 4) is Step.NONE
    assert membership.is_settled()
    assert stands_at("a", 5, MemberState.REBALANCING) is Step.NONE, "it has not happened yet"
    assert not membership.is_settled()
    assert stands_at("a", 5) is Step.NEXT
    assert stands_at("a", 7) is Step.BREAK, "one went by without us"
    assert stands_at("b", 8) is Step.BREAK, "we were put out, and came back"


def test_kafka_has_the_topics_that_sqlite_has() -> None:
    """R-46: enrolments for as long as their keys; dead letters, ids and reasons, for good."""
    files = {
        name: (count, one) for one in topic_files() for name, count in one.all_topics().items()
    }
    topics = {one.name: one for one in kafka_topics()}
    assert topics.keys() == files.keys()
    for name, (count, file) in files.items():
        assert topics[name].partitions == count
        assert topics[name].retention == (None if name.endswith(DEAD) else file.retention)
    assert {one.partitions for one in kafka_topics(12)} == {1, 12}
