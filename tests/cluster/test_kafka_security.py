"""Kafka over TLS with a login, as it is in production: who is not let in is told so."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local.parts.kafka import Kafka
from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess, KafkaLogin, KafkaTls
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.clients import open_admin
from onrecord.chassis.bus.kafka.logs import LOGGER
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.buses import KAFKA_TIMES, ONE, gather, said, soon, texts
from tests.builders.pem import Pem, loopback_certificates
from tests.cluster.conftest import started
from tests.cluster.kafka_topics import emptied, until

PASSWORD = "heliotrope"
MODULES = "org.apache.kafka.common.security"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return loopback_certificates(tmp_path_factory.mktemp("pem") / "ours")


@pytest.fixture(scope="module")
def secure(pem: Pem, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("secure")
    both = folder / "broker.pem"
    both.write_bytes(pem.key.read_bytes() + pem.certificate.read_bytes())
    part = Kafka(
        extra=(
            "listeners=PLAINTEXT://{clients},CONTROLLER://{controller},SASL_SSL://{secure}",
            "advertised.listeners=PLAINTEXT://{clients},SASL_SSL://{secure}",
            "sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={both}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={pem.root}",
            "listener.name.sasl_ssl.ssl.client.auth=required",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
            f"{MODULES}.scram.ScramLoginModule required;",
            "listener.name.sasl_ssl.plain.sasl.jaas.config="
            f'{MODULES}.plain.PlainLoginModule required user_onrecord="{PASSWORD}";',
        ),
        port_names=("clients", "controller", "secure"),
    )
    for running in started(part, folder):
        admin = open_admin(KafkaAccess((running.place.at("clients"),)), KafkaTimes())
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        scram = UserScramCredentialUpsertion("onrecord", info, PASSWORD.encode())
        admin.alter_user_scram_credentials([scram])["onrecord"].result(30.0)
        yield running


@pytest.fixture
def access(secure: Running, pem: Pem) -> KafkaAccess:
    emptied(secure.place.at("clients"))
    tls = KafkaTls(pem.root, pem.certificate, pem.key)
    return KafkaAccess((secure.place.at("secure"),), tls, KafkaLogin("onrecord", PASSWORD))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_over_tls_with_a_login(access: KafkaAccess, mechanism: str) -> None:
    login = KafkaLogin("onrecord", PASSWORD, mechanism)
    bus = KafkaBus(replace(access, login=login), KAFKA_TIMES)
    until(lambda: is_there(bus), "the login is not known to the broker")
    bus.publisher().publish([said("sealed", topic=ONE)], soon())
    assert texts(gather(bus.consumer("g", [ONE]), 1)) == ["sealed"]
    assert set(bus.lag("g", [ONE]).values()) == {1}
    bus.close()


def is_there(bus: KafkaBus) -> bool:
    try:
        return bus.partitions(ONE) == 1
    except OnRecordError:
        return False


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("password", "invalid credentials"),
        ("roots", "certificate verify failed"),
        ("no certificate", "alert bad certificate"),
        ("no login", "Disconnected"),
    ],
)
def test_who_is_not_let_in_is_told_so(
    access: KafkaAccess, wrong: str, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Within seconds, the log says why, and neither error nor log holds the password."""
    for held in logging.getLogger(LOGGER).filters[:]:
        logging.getLogger(LOGGER).removeFilter(held)  # what another test was told is told again
    assert access.tls is not None
    others = loopback_certificates(tmp_path / "others")
    tried = {
        "password": replace(access, login=KafkaLogin("onrecord", "nightshade")),
        "roots": replace(access, tls=replace(access.tls, roots=others.root)),
        "no certificate": replace(access, tls=KafkaTls(access.tls.roots)),
        "no login": replace(access, login=None),
    }[wrong]
    bus = KafkaBus(tried, KAFKA_TIMES)
    with caplog.at_level(logging.INFO), pytest.raises(OnRecordError) as caught:
        bus.partitions(ONE)
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert why in caplog.text
    for text in (caught.value.message, caplog.text, repr(tried)):
        assert "nightshade" not in text
        assert PASSWORD not in text
    bus.close()


def test_a_password_is_not_sent_in_plain_text(secure: Running) -> None:
    login = KafkaLogin("onrecord", PASSWORD, "PLAIN")
    bus = KafkaBus(KafkaAccess((secure.place.at("clients"),), None, login), KAFKA_TIMES)
    with pytest.raises(OnRecordError) as caught:
        bus.partitions(ONE)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    bus.close()
