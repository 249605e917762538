"""Migrations on a server: rights, versions that do not fit, and a step taken under load."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, Table, inspect, text
from sqlalchemy.exc import DatabaseError

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database, read_transaction, write_transaction
from onrecord.chassis.database.history import History, prepare
from onrecord.chassis.database.migrating import grant, migrate, take_steps
from onrecord.cli.migrate import migrate as command
from onrecord.gateway.core.changes import ChangeNews
from onrecord.gateway.store.changes import ChangeStore
from onrecord.gateway.store.events import EventStore
from onrecord.gateway.store.history import CASEWORK
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.vector_search.roster.schema import ROSTER
from tests.builders.audit import SetClock, open_audit
from tests.cluster.postgres.databases import PostgresDatabases

WRITERS = 4
BEFORE, AFTER = 300, 50


@pytest.fixture
def opened() -> Iterator[list[Engine]]:
    engines: list[Engine] = []
    yield engines
    for one in engines:
        one.dispose()


def new(databases: PostgresDatabases, name: str, opened: list[Engine]) -> tuple[Engine, str]:
    """A database in which nothing is, as its owner, and its name."""
    made = databases.create(name)
    engine = open_database(databases.owner_url(name, made))
    opened.append(engine)
    return engine, made


def at(engine: Engine, history: History, version: str) -> None:
    with engine.connect() as connection:
        take_steps(connection, history, version)


@pytest.mark.parametrize("history", [LEDGER, CASEWORK, ROSTER], ids=lambda one: one.service)
def test_the_steps_make_what_the_program_works_on(
    databases: PostgresDatabases, opened: list[Engine], history: History
) -> None:
    name = {"audit": "ledger", "gateway": "casework"}.get(history.service, "roster")
    engine, _ = new(databases, name, opened)
    migrate(engine, history)
    other, _ = new(databases, name, opened)
    with other.begin() as connection:
        history.metadata.create_all(connection)
    left, right = inspect(engine), inspect(other)
    for table in history.metadata.tables:
        for of in (left, right):
            assert of.has_table(table), table
        columns = [
            {one["name"]: (str(one["type"]), one["nullable"]) for one in of.get_columns(table)}
            for of in (left, right)
        ]
        assert columns[0] == columns[1], table
        indexes = [{one["name"] for one in of.get_indexes(table)} for of in (left, right)]
        assert indexes[0] == indexes[1], table


@pytest.mark.parametrize("table", schema.APPEND_ONLY, ids=lambda table: table.name)
def test_the_service_has_no_right_to_change_what_is_written(
    databases: PostgresDatabases, opened: list[Engine], table: Table
) -> None:
    """R-24: without the triggers, too, which whoever owns the tables could take away."""
    engine = open_database(databases.service_url("ledger", "ledger"))
    opened.append(engine)
    column = next(iter(table.columns)).name
    for act in (
        f"UPDATE {table.name} SET {column} = {column}",  # noqa: S608 - names of ours
        f"DELETE FROM {table.name}",  # noqa: S608
        f"TRUNCATE {table.name}",
        f"ALTER TABLE {table.name} DISABLE TRIGGER ALL",
        f"DROP TABLE {table.name}",
    ):
        with (
            pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
            write_transaction(engine) as connection,
        ):
            connection.execute(text(act))


def test_no_role_reaches_another_database(databases: PostgresDatabases) -> None:
    """R-30: what steals the gateway's password reads no roster and no ledger."""
    for role in ("ledger", "casework", "roster"):
        for other in {"ledger", "casework", "roster"} - {role}:
            with pytest.raises(OnRecordError) as caught:
                engine = open_database(databases.service_url(role, other))
                with read_transaction(engine):
                    pass
            assert "permission denied for database" in str(caught.value.__cause__)


def test_a_service_does_not_start_on_a_schema_older_than_it_needs(
    databases: PostgresDatabases, opened: list[Engine], tmp_path: Path
) -> None:
    engine, made = new(databases, "ledger", opened)
    at(engine, LEDGER, "0001")
    grant(engine, LEDGER, "ledger_service")
    with pytest.raises(OnRecordError, match="run `onrecord migrate audit`") as caught:
        open_audit(tmp_path, clock=SetClock(), url=databases.service_url("ledger", made))
    assert caught.value.code is ErrorCode.SCHEMA_MISMATCH


def test_one_step_more_than_a_program_knows_is_none_of_its_business(
    databases: PostgresDatabases, opened: list[Engine]
) -> None:
    engine, _ = new(databases, "casework", opened)
    migrate(engine, CASEWORK)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    prepare(engine, CASEWORK)


def test_the_command_migrates_grants_and_checks(
    databases: PostgresDatabases, opened: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, made = new(databases, "ledger", opened)
    for name, value in {
        "certificate": "c",
        "certificate_key": "k",
        "roots": "r",
        "token_issuer": "i",
        "token_keys": "j",
        "bus": "b",
        "ledger_objects": "o",
        "ledger_signing_key": "s",
        "database_url": databases.service_url("ledger", made),
    }.items():
        monkeypatch.setenv(f"ONRECORD_AUDIT_{name.upper()}", value)
    monkeypatch.setenv("ONRECORD_MIGRATE_URL", databases.owner_url("ledger", made))
    run = CliRunner()
    refused = run.invoke(command, ["audit", "--check"])
    assert refused.exit_code == 1
    newest = LEDGER.newest
    assert f"has no schema; {newest} to go to {newest:04}" in refused.output
    done = run.invoke(command, ["audit"])
    assert done.exit_code == 0, done.output
    assert "ledger_service may do what audit does, and nothing else" in done.output
    assert run.invoke(command, ["audit", "--check"]).exit_code == 0
    service = open_database(databases.service_url("ledger", made))
    opened.append(service)
    prepare(service, LEDGER)
    with read_transaction(service) as connection:
        assert connection.execute(text("SELECT size FROM ledger_head")).scalar() == 0


def test_a_step_is_taken_while_the_version_before_it_goes_on_writing(
    databases: PostgresDatabases, opened: list[Engine]
) -> None:
    """An upgrade loses no request: every write of four writers succeeds throughout."""
    engine, made = new(databases, "casework", opened)
    at(engine, CASEWORK, "0001")
    grant(engine, CASEWORK, "casework_service")
    service = open_database(databases.service_url("casework", made))
    opened.append(service)
    warm, migrated = threading.Barrier(WRITERS + 1), threading.Event()
    clock = SystemClock()

    def write(writer: int) -> int:
        store = ChangeStore(service, EventStore(service, clock), clock)
        written, left = 0, AFTER
        while left:
            store.tell([ChangeNews("US-UT", f"{writer:02d}{written:062d}")])
            written += 1
            if written == BEFORE:
                warm.wait()
            left -= migrated.is_set()
        return written

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, writer) for writer in range(WRITERS)]
        warm.wait()
        assert migrate(engine, CASEWORK).version == 2
        migrated.set()
        written = sum(one.result() for one in writing)
    with read_transaction(service) as connection:
        for table in ("told_changes", "events"):
            count = text(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert connection.execute(count).scalar() == written
        valid = connection.execute(
            text(
                "SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid "
                "WHERE relname IN ('told_changes_by_time', 'searches_by_person')"
            )
        )
        assert valid.scalars().all() == [True, True]
    late = ChangeStore(service, EventStore(service, clock), clock)
    assert late.forget_before(datetime(2100, 1, 1, tzinfo=UTC)) == min(1000, written)


@pytest.mark.parametrize("table", schema.APPEND_ONLY, ids=lambda table: table.name)
def test_the_owner_is_refused_as_well(databases: PostgresDatabases, table: Table) -> None:
    """R-24: a slip at the console, where somebody has all the rights there are."""
    engine = open_database(databases.owner_url("ledger", "ledger"))
    for act in (f"DELETE FROM {table.name}", f"TRUNCATE {table.name} CASCADE"):  # noqa: S608
        with (
            pytest.raises(DatabaseError, match="append-only"),
            write_transaction(engine) as connection,
        ):
            connection.execute(text(act))
    engine.dispose()
