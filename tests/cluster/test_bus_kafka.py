"""The bus contract on Kafka: the very suite that SQLite passes."""

import pytest

from deploy.local.running import Running
from tests.cluster.kafka_topics import emptied
from tests.contract.test_bus import *  # noqa: F403 - the suite, with another bus under it


@pytest.fixture(name="address")
def kafka_address(kafka: Running) -> str:
    """In the place of the suite's own."""
    return emptied(kafka.place.at("clients"))


def test_it_is_kafka_that_this_suite_runs_on(address: str) -> None:
    assert address.startswith("kafka:")
