"""R-47: preflight on the installed parts: what is missing is named, what is made is gone after."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from pymilvus import MilvusClient
from sqlalchemy import text

from deploy.local.parts.postgres import Postgres
from deploy.local.parts.s3 import S3
from deploy.local.running import Running
from onrecord.chassis.database import open_database
from onrecord.chassis.database.migrating import grant, migrate
from onrecord.chassis.objects import ObjectAccess, open_objects
from onrecord.cli.main import cli
from onrecord.events.kafka_topics import kafka_topics
from tests.cluster.conftest import BUCKET
from tests.cluster.postgres.databases import HISTORIES, PostgresDatabases
from tests.cluster.test_kafka_topics import removed_at
from tests.unit.cli.preflight.conftest import Installed

ALONE = ("--replicas", "1", "--in-sync", "1")


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def of(subject: str, checks: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [one for one in checks if one["subject"] == subject]


# Kafka


def test_topics_that_are_missing_are_made_by_the_command_that_is_named(
    installed: Installed, kafka: Running
) -> None:
    """The command itself is run, as it is told."""
    server = kafka.place.at("clients")
    removed_at(server, kafka_topics())
    bus = f"kafka://{server}"
    installed.set("audit", {"bus": bus})
    installed.set("embedding", {"bus": bus})
    told = installed.preflight("audit", "embedding", *ALONE)
    assert not told.fit
    missing = of("bus", told.checks)
    assert len(missing) == len(kafka_topics())
    assert {one["process"] for one in missing} == {"audit"}, "the same brokers are asked once"
    (command,) = {one["command"] for one in missing}
    assert command.split()[:3] == ["onrecord", "bus", "make"]
    assert CliRunner().invoke(cli, command.split()[1:]).exit_code == 0
    again = installed.preflight("audit", *ALONE)
    assert again.fit
    assert [one["status"] for one in of("bus", again.checks)] == ["ok"]
    removed_at(server, kafka_topics())


def test_brokers_that_are_away(installed: Installed) -> None:
    installed.set("audit", {"bus": "kafka://127.0.0.1:9"})
    _, subject, says, command = installed.preflight("audit", *ALONE).only_missing()
    assert subject == "bus"
    assert says.startswith("kafka://127.0.0.1:9: ")
    assert command.startswith("onrecord bus check kafka://127.0.0.1:9")


# PostgreSQL

Told = Callable[[], list[dict[str, str]]]


@pytest.fixture
def databases(postgres: Running) -> Iterator[PostgresDatabases]:
    assert isinstance(postgres.part, Postgres)
    made = PostgresDatabases(postgres.part, postgres.place)
    yield made
    made.drop_since(0)


@pytest.fixture
def ledger(installed: Installed, databases: PostgresDatabases) -> tuple[str, Told]:
    """A database in which nothing is yet, and what preflight says of it."""
    name = databases.create("ledger")
    installed.set("audit", {"database_url": databases.service_url("ledger", name)})
    return name, lambda: of("database", installed.preflight("audit").checks)


def migrated(databases: PostgresDatabases, name: str) -> None:
    engine = open_database(databases.owner_url("ledger", name))
    migrate(engine, HISTORIES["ledger"])
    grant(engine, HISTORIES["ledger"], "ledger_service")
    engine.dispose()


def test_a_ledger_without_a_schema_and_one_as_it_must_be(
    ledger: tuple[str, Told], databases: PostgresDatabases
) -> None:
    name, told = ledger
    (found,) = told()
    assert found["status"] == "missing"
    assert "onrecord migrate audit --config " in found["command"]
    migrated(databases, name)
    assert [one["status"] for one in told()] == ["ok", "ok"]


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_a_role_that_could_change_the_ledger_is_told(
    ledger: tuple[str, Told], databases: PostgresDatabases, right: str
) -> None:
    """R-22: whoever may change entries must not be who appends them."""
    name, told = ledger
    migrated(databases, name)
    engine = open_database(databases.owner_url("ledger", name))
    with engine.begin() as connection:
        connection.execute(text(f"GRANT {right} ON entries TO ledger_service"))
    engine.dispose()
    _, found = told()
    assert found["status"] == "missing"
    assert f"may do what it must not: {right} on entries" in found["says"]


def test_a_role_that_lacks_a_right_and_the_owner_himself(
    installed: Installed, ledger: tuple[str, Told], databases: PostgresDatabases
) -> None:
    name, told = ledger
    migrated(databases, name)
    engine = open_database(databases.owner_url("ledger", name))
    with engine.begin() as connection:
        connection.execute(text("REVOKE INSERT ON bodies FROM ledger_service"))
    engine.dispose()
    assert "lacks INSERT on bodies" in told()[1]["says"]
    installed.set("audit", {"database_url": databases.owner_url("ledger", name)})
    assert "DELETE on entries" in told()[1]["says"]


# S3


def test_a_bucket_is_written_read_listed_and_nothing_is_left(
    installed: Installed, s3: Running
) -> None:
    assert isinstance(s3.part, S3)
    settings = {
        "objects_endpoint": s3.part.endpoint(s3.place),
        "objects_access_key": s3.part.access_key(s3.place),
        "objects_secret_key": s3.part.secret_key(s3.place),
    }
    place = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    installed.set("vector-search", {**settings, "vault": place, "ingest": place})
    found = of("objects", installed.preflight("vector-search").checks)
    assert [one["status"] for one in found] == ["not checked", "ok", "not checked", "ok"]
    assert "get-bucket-versioning --bucket onrecord-tests" in found[0]["command"]
    endpoint, key, secret = settings.values()
    access = ObjectAccess(endpoint, access_key=key, secret_key=secret)
    assert list(open_objects(place, access).keys("")) == []

    installed.set("vector-search", {**settings, "vault": "s3://no-such-bucket", "ingest": place})
    missing = [
        one
        for one in of("objects", installed.preflight("vector-search").checks)
        if one["status"] == "missing"
    ]
    assert [one["says"].split(":")[0] for one in missing] == ["vault"]
    assert "create-bucket --bucket no-such-bucket" in missing[0]["command"]
    assert settings["objects_secret_key"] not in json.dumps(missing)


# Milvus and Triton


def test_vectors_go_through_the_installed_milvus_and_no_collection_stays(
    installed: Installed, milvus_server: Running
) -> None:
    uri = f"http://{milvus_server.place.at('proxy')}"
    client = MilvusClient(uri)
    before = set(client.list_collections())
    installed.set("vector-search", {"milvus": uri})
    (found,) = of("index", installed.preflight("vector-search").checks)
    assert found["status"] == "ok", found
    # Those of other tests may be on their way out.
    assert set(client.list_collections()) <= before
    client.close()


def test_golden_answers_through_the_installed_triton(installed: Installed, triton: Running) -> None:
    at = f"triton://{triton.place.at('grpc')}"
    installed.set("detection", {"inference": at})
    installed.set("embedding", {"inference": at})
    found = of("models", installed.preflight("detection", "embedding").checks)
    assert [one["status"] for one in found] == ["ok", "ok"]
    assert all(f"on {at}: golden answer" in one["says"] for one in found)
