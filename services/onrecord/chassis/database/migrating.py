"""Bringing a database to the last step of its history, while others work on it."""

import logging
import time
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy import inspect as inspector_of
from sqlalchemy.exc import OperationalError

from onrecord.chassis.database.history import (
    EVERYTHING,
    History,
    Standing,
    bookkeeping,
    floors,
    stamp,
    standing,
    versions,
)
from onrecord.chassis.database.transactions import alone, read_transaction, write_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError

_LOCKED: Final = "55P03"
_ATTEMPTS: Final = 30
_PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


def migrate(engine: Engine, history: History) -> Standing:
    """Take every step that is left, each in a transaction of its own; where it stands then.

    Repeatable, also after a step that failed. A database without a version, whose tables are those
    of a step, is taken to have come that far. Raises SCHEMA_MISMATCH where they are not.
    """
    with alone(engine, "migrations"):
        with read_transaction(engine) as connection:
            found = standing(connection, history)
        if found.version is None and not found.is_empty:
            with write_transaction(engine) as connection:
                stamp(connection, _recognised(connection, history))
        _upgrade(engine, history)
        with write_transaction(engine) as connection:
            bookkeeping.create_all(connection)
            if connection.execute(floors.select()).first() is None:
                connection.execute(floors.insert().values(id=1, oldest=1))
            return standing(connection, history)


def grant(engine: Engine, history: History, role: str) -> None:
    """Let the service's role do what its history says, and nothing else. PostgreSQL alone."""
    quoted = engine.dialect.identifier_preparer.quote(role)
    with read_transaction(engine) as connection:
        there = set(inspector_of(connection).get_table_names())
    wanted = {
        name: history.rights.get(name, EVERYTHING) for name in there & set(history.metadata.tables)
    }
    wanted |= dict.fromkeys(there & {versions.name, floors.name}, "SELECT")
    with write_transaction(engine) as connection:
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(text(f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM {quoted}"))
        for table, rights in sorted(wanted.items()):
            connection.execute(text(f"GRANT {rights} ON {table} TO {quoted}"))
        connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}"))


def _upgrade(engine: Engine, history: History) -> None:
    """A step that needs a table to itself waits for it shortly and comes again: whoever waits for
    a table keeps everybody behind it waiting too.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _once(engine, history)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCKED:
                raise
            _log.warning("a table is in use; the step comes again in a second")
            time.sleep(_PAUSE_SECONDS)
    return _once(engine, history)


def _once(engine: Engine, history: History) -> None:
    with engine.connect() as connection:
        take_steps(connection, history, "head")


def take_steps(connection: Connection, history: History, to: str) -> None:
    """Take those up to the number `to`, or to `head`, each in a transaction of its own.

    As alembic's own command does, without a script that acts when it is imported.
    """
    steps = str(history.steps)
    scripts = ScriptDirectory(steps, version_locations=[steps])

    def left(standing_at: Any, _: Any) -> Any:
        return scripts._upgrade_revs(to, standing_at)

    with EnvironmentContext(Config(), scripts, fn=left, destination_rev=to) as environment:
        environment.configure(
            connection=connection, transactional_ddl=True, transaction_per_migration=True
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _recognised(connection: Connection, history: History) -> int:
    """The last step whose tables, columns and indexes all stand in this database."""
    here = _columns(connection)
    for number in range(history.newest, 0, -1):
        wanted = _columns_of(history, number)
        if all(columns <= here.get(table, frozenset()) for table, columns in wanted.items()):
            return number
    raise OnRecordError(
        ErrorCode.SCHEMA_MISMATCH,
        f"the database of {history.service} has tables, notes no version and is none that this "
        "program knows",
    )


def _columns_of(history: History, number: int) -> dict[str, frozenset[str]]:
    """What a database has after this step: by taking the steps in a database in memory."""
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            take_steps(connection, history, f"{number:04d}")
            found = _columns(connection)
    finally:
        engine.dispose()
    return {name: columns for name, columns in found.items() if name != versions.name}


def _columns(connection: Connection) -> dict[str, frozenset[str]]:
    """Of each table the names of its columns and indexes."""
    inspector: Any = inspector_of(connection)
    return {
        name: frozenset(column["name"] for column in inspector.get_columns(name))
        | frozenset(f"index {index['name']}" for index in inspector.get_indexes(name))
        for name in inspector.get_table_names()
    }
