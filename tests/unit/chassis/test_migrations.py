"""Schemas: what a program finds, makes, brings up to date, and refuses to work on."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, insert, inspect, text
from sqlalchemy.engine import make_url

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database, write_transaction
from onrecord.chassis.database.history import History, prepare
from onrecord.chassis.database.migrating import migrate
from onrecord.gateway.store.history import CASEWORK
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.roster.schema import ROSTER

HISTORIES = pytest.mark.parametrize(
    "history", [LEDGER, CASEWORK, ROSTER], ids=lambda one: one.service
)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(f"sqlite:///{tmp_path / 'x.db'}")


def refused(engine: Engine, history: History) -> str:
    with pytest.raises(OnRecordError) as caught:
        prepare(engine, history)
    assert caught.value.code is ErrorCode.SCHEMA_MISMATCH
    return caught.value.message


def run(engine: Engine, *statements: str) -> None:
    with write_transaction(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


def shape(engine: Engine) -> dict[str, object]:
    """Tables with columns, keys, indexes and triggers, in whatever order they were made."""
    found: dict[str, object] = {}
    seen = inspect(engine)
    for table in seen.get_table_names():
        columns = {
            one["name"]: (str(one["type"]), one["nullable"]) for one in seen.get_columns(table)
        }
        found[table] = (
            columns,
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted(tuple(one["column_names"]) for one in seen.get_unique_constraints(table)),
            sorted(
                (str(one["name"]), tuple(one["column_names"]), bool(one["unique"]))
                for one in seen.get_indexes(table)
            ),
            sorted(
                (tuple(one["constrained_columns"]), one["referred_table"])
                for one in seen.get_foreign_keys(table)
            ),
        )
    with engine.connect() as connection:
        triggers = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        )
        found["triggers"] = [(name, re.sub(r"\s+", " ", sql)) for name, sql in triggers]
    return found


@HISTORIES
def test_all_steps_together_make_what_the_program_works_on(
    engine: Engine, tmp_path: Path, history: History
) -> None:
    """Who changes a table without a step finds out here."""
    prepare(engine, history)
    stepwise = open_database(f"sqlite:///{tmp_path / 'steps.db'}")
    assert migrate(stepwise, history).version == history.newest
    assert shape(engine) == shape(stepwise)
    assert 1 <= history.needs <= history.newest


@HISTORIES
def test_what_is_there_stays_and_a_second_time_changes_nothing(
    engine: Engine, history: History
) -> None:
    prepare(engine, history)
    before = shape(engine)
    prepare(engine, history)
    assert migrate(engine, history).version == history.newest
    assert shape(engine) == before


def test_a_folder_from_before_migrations_is_recognised_and_brought_up_to_date(
    engine: Engine,
) -> None:
    """R-48: yesterday's ledger opens with today's program, and nothing in it is lost."""
    prepare(engine, LEDGER)
    whole = shape(engine)
    run(
        engine,
        "DROP TABLE receipt_reach",
        "DROP TABLE changes_seen",
        "DROP TABLE alembic_version",
        "DROP TABLE schema_floor",
        "UPDATE ledger_head SET last_time = 'then'",
    )
    prepare(engine, LEDGER)
    assert shape(engine) == whole
    with engine.connect() as connection:
        assert connection.execute(text("SELECT last_time FROM ledger_head")).scalar() == "then"


def test_a_folder_that_has_the_newest_tables_and_no_version_is_at_the_newest(
    engine: Engine,
) -> None:
    prepare(engine, LEDGER)
    run(engine, "DROP TABLE alembic_version", "DROP TABLE schema_floor")
    prepare(engine, LEDGER)


def test_a_folder_that_lacks_no_more_than_an_index_gets_it(engine: Engine) -> None:
    prepare(engine, CASEWORK)
    whole = shape(engine)
    run(
        engine,
        "DROP INDEX told_changes_by_time",
        "DROP TABLE alembic_version",
        "DROP TABLE schema_floor",
    )
    prepare(engine, CASEWORK)
    assert shape(engine) == whole


def test_tables_of_nobody_we_know_are_not_touched(engine: Engine) -> None:
    run(engine, "CREATE TABLE entries (something INTEGER)")
    assert "none that this program knows" in refused(engine, LEDGER)


def test_a_newer_schema_is_worked_on_until_it_is_too_new(engine: Engine) -> None:
    """Expand, then contract: beside a program of tomorrow this one goes on."""
    prepare(engine, CASEWORK)
    run(engine, "UPDATE alembic_version SET version_num = '0042'")
    prepare(engine, CASEWORK)
    run(engine, "UPDATE schema_floor SET oldest = 41")
    assert "older than 0041" in refused(engine, CASEWORK)


def test_a_step_that_fails_leaves_the_database_as_it_was(engine: Engine, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    steps.mkdir()
    for number, act in ((1, "CREATE TABLE one (id INTEGER)"), (2, "CREATE TABLE two (id)")):
        (steps / f"v{number:04d}_step.py").write_text(
            "from alembic import op\n"
            f"revision = '{number:04d}'\n"
            f"down_revision = {'None' if number == 1 else repr('0001')}\n"
            f"def upgrade():\n    op.execute({act!r})\n"
            + ("    raise RuntimeError('half way')\n" if number == 2 else "")
        )
    history = History("a service", steps, MetaData(), needs=1)
    with pytest.raises(RuntimeError, match="half way"):
        migrate(engine, history)
    assert set(inspect(engine).get_table_names()) == {"alembic_version", "one"}


def test_the_ledgers_rights_leave_no_way_to_change_what_is_written() -> None:
    """R-24: said where tables are made, so that a new one is thought of."""
    for table in schema.APPEND_ONLY:
        assert LEDGER.rights[table.name] == "SELECT, INSERT"
    assert set(LEDGER.rights) == set(schema.metadata.tables)


def test_a_server_that_is_away_is_said_at_once() -> None:
    """Law 4: not a stack trace, and not a hang."""
    url = make_url("postgresql+psycopg://nobody:secret@127.0.0.1:1/nothing")
    away = open_database(url.render_as_string(hide_password=False))
    with pytest.raises(OnRecordError) as caught, write_transaction(away) as connection:
        connection.execute(insert(schema.markers).values(marker="m", entry=1))
    assert caught.value.code is ErrorCode.DATABASE_UNAVAILABLE
    assert "secret" not in str(caught.value)
