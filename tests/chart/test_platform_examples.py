"""R-44: the examples for operators are objects, and say what the chart is told they say."""

from pathlib import Path
from typing import Final

import yaml

from onrecord.events.kafka_topics import kafka_topics
from tests.chart.rendering import Manifest

_FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "platform"


def _objects(name: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all((_FOLDER / name).read_text("utf-8")) if one]


def test_each_is_an_object_with_a_name_and_the_page_names_its_file() -> None:
    page = (_FOLDER / "README.md").read_text("utf-8")
    files = sorted(path.name for path in _FOLDER.glob("*.yaml"))
    assert files == ["kafka-topics.yaml", "kafka.yaml", "milvus.yaml", "postgresql.yaml"]
    for name in files:
        assert f"[{name}]({name})" in page
        for one in _objects(name):
            assert one["apiVersion"].count("/") == 1
            assert one["kind"] and one["metadata"]["name"] and one["spec"]


def test_every_topic_is_there_and_kept_as_long() -> None:
    """R-46: an enrolment's events go with the keys that they are sealed under."""
    told = {one["spec"]["topicName"]: one["spec"] for one in _objects("kafka-topics.yaml")}
    assert set(told) == {topic.name for topic in kafka_topics()}
    for topic in kafka_topics():
        kept = int(told[topic.name]["config"]["retention.ms"])
        wanted = int(topic.retention.total_seconds() * 1000) if topic.retention else -1
        assert kept == wanted, topic.name
        assert told[topic.name]["partitions"] == topic.partitions


def test_kafka_loses_no_receipt_that_was_acknowledged_and_lets_nobody_in_unknown() -> None:
    """Law 3: a broker may be lost; and whoever speaks to one says who it is."""
    kafka = next(one for one in _objects("kafka.yaml") if one["kind"] == "Kafka")
    config = kafka["spec"]["kafka"]["config"]
    assert config["min.insync.replicas"] < config["default.replication.factor"]
    assert config["unclean.leader.election.enable"] is False
    for listener in kafka["spec"]["kafka"]["listeners"]:
        assert listener["tls"] is True
        assert listener["authentication"]
    user = next(one for one in _objects("kafka.yaml") if one["kind"] == "KafkaUser")
    topics = [one["resource"] for one in user["spec"]["authorization"]["acls"]]
    (prefix,) = (one["name"] for one in topics if one["type"] == "topic")
    assert all(topic.name.startswith(prefix) for topic in kafka_topics())


def test_the_service_of_a_database_is_not_its_owner() -> None:
    """R-22: what the service connects as has no rights but those that a migration grants."""
    (cluster,) = _objects("postgresql.yaml")
    made = cluster["spec"]["bootstrap"]["initdb"]
    (service,) = (one["name"] for one in cluster["spec"]["managed"]["roles"])
    assert made["owner"] != service
    assert made["localeCollate"] == "C"
