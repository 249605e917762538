"""The Kafka bus where no broker is: what is told before anybody is called, and when nobody answers.

What it does with brokers stands in `tests/cluster`.
"""

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from onrecord.chassis.bus.kafka.access import KafkaAccess, KafkaLogin, KafkaTls, kafka_servers
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.clients import open_producer
from onrecord.chassis.bus.kafka.membership import Membership
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import DEAD, LARGEST, Message, Partition
from onrecord.events.kafka_topics import kafka_topics
from onrecord.events.topics import topic_files
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.pem import loopback_certificates


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
    assert KafkaAccess(("one:1",)).options()["security.protocol"] == "PLAINTEXT"
    assert KafkaAccess(("one:1",), None, KafkaLogin("a", "b")).options()["security.protocol"] == (
        "SASL_PLAINTEXT"
    )


@pytest.mark.parametrize("is_apart", [True, False])
def test_a_certificate_is_presented_also_with_its_key_in_the_same_file(
    is_apart: bool, tmp_path: Path
) -> None:
    pem = loopback_certificates(tmp_path / "pem")
    both = tmp_path / "both.pem"
    both.write_bytes(pem.certificate.read_bytes() + pem.key.read_bytes())
    ours = (pem.certificate, pem.key) if is_apart else (both, None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem.certificate, pem.key)
    context.load_verify_locations(pem.root)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(30.0)
        access = KafkaAccess((f"127.0.0.1:{broker.getsockname()[1]}",), KafkaTls(pem.root, *ours))
        producer = open_producer(access, KafkaTimes())
        plain, _ = broker.accept()
        plain.settimeout(30.0)
        with context.wrap_socket(plain, server_side=True) as spoken:
            assert spoken.getpeercert()
        del producer
    assert "ssl.key.location" not in KafkaTls(pem.root).options()


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
    """What `Membership` asks of a consumer of librdkafka."""

    member: str = ""
    reads: dict[TopicPartition, int] = field(default_factory=dict)

    def memberid(self) -> str:
        return self.member

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        assert not self.reads.keys() & set(places)
        self.reads |= {place: place.offset for place in places}

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        for place in places:
            del self.reads[place]  # librdkafka, too, refuses what it does not read


ZERO, ONE, TWO = (TopicPartition("t", number) for number in range(3))


def test_what_comes_is_read_once_it_is_placed_and_what_goes_is_told_once() -> None:
    """R-45: what was given up or lost may have been somebody else's, also where it came back."""
    client, membership = Client(), Membership()
    consumer = cast(Consumer, client)
    assert not membership.is_member(consumer)
    client.member = "a"
    membership.on_assign(consumer, [ZERO, ONE])
    assert membership.is_member(consumer)
    assert membership.held == {Partition("t", 0), Partition("t", 1)}
    assert not client.reads, "nobody knows yet where it stands"
    membership.place(consumer, {Partition("t", 0): 7})
    assert client.reads == {ZERO: 7}
    assert not membership.gone()
    membership.on_revoke(consumer, [ZERO, ONE])
    membership.on_assign(consumer, [ONE, TWO])
    assert not client.reads
    assert membership.held == {Partition("t", 1), Partition("t", 2)}
    assert membership.gone() == {Partition("t", 0), Partition("t", 1)}
    assert not membership.gone()
    client.member = ""
    assert not membership.is_member(consumer), "it was put out, and has not polled since"


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
