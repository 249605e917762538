"""Databases: reachable, of a schema that this program works on, and of rights no wider than due."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from onrecord.chassis.database import DatabaseLimits, open_database, read_transaction
from onrecord.chassis.database.history import EVERYTHING, History, check, standing
from onrecord.chassis.settings import examine_files
from onrecord.cli.databases import DATABASES
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import OnRecordError

_EVER: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
_HAS: Final = text("SELECT has_table_privilege(:table, :right)")
_TABLES: Final = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
_CONNECTIONS: Final = 3


def examine(target: Target, _: Installation) -> Iterator[Result]:
    kept = DATABASES.get(target.service)
    if kept is None:
        return
    url, history = kept.url(target.settings), kept.history()
    try:
        parsed = make_url(url)
    except ArgumentError:
        yield missing(f"{kept.setting} is no URL of a database", "postgresql+psycopg://ROLE@HOST/…")
        return
    told = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        yield from _file(target, kept.setting, parsed.database or "", history)
        return
    engine = open_database(
        url, DatabaseLimits(_CONNECTIONS, connect_seconds=target.settings.database_connect_seconds)
    )
    try:
        with read_transaction(engine) as connection:
            found = standing(connection, history)
    except (OnRecordError, SQLAlchemyError) as error:
        why = error.message if isinstance(error, OnRecordError) else type(error).__name__
        yield missing(f"{told}: {why}", f"psql '{_for_psql(told)}' -c 'SELECT 1'")
        return
    else:
        migrate = f"ONRECORD_MIGRATE_URL=URL-AS-ITS-OWNER onrecord migrate {target.options}"
        try:
            check(found, history)
        except OnRecordError as error:
            yield missing(f"{told}: {error.message}", migrate)
            return
        left = history.newest - (found.version or 0)
        yield ok(f"{told}: step {found.version:04d}" + (f", {left} to go" if left > 0 else ""))
        yield from _rights(engine, history, migrate)
    finally:
        engine.dispose()


def _rights(engine: Engine, history: History, command: str) -> Iterator[Result]:
    """What the service's role may do, as PostgreSQL itself says: no less than it needs; where the
    history limits it (the ledger: no UPDATE or DELETE of entries), no more either.
    """
    lacking, beyond = [], []
    with read_transaction(engine) as connection:
        there = set(connection.execute(_TABLES).scalars())
        for table in sorted(there & set(history.metadata.tables)):
            due = set(history.rights.get(table, EVERYTHING).split(", "))
            for right in _EVER:
                has = connection.execute(_HAS, {"table": table, "right": right}).scalar()
                if right in due and not has:
                    lacking.append(f"{right} on {table}")
                elif has and right not in due and table in history.rights:
                    beyond.append(f"{right} on {table}")
    if lacking:
        yield missing(f"the service's role lacks {', '.join(lacking)}", command)
    if beyond:
        yield missing(f"the service's role may do what it must not: {', '.join(beyond)}", command)
    if not lacking and not beyond:
        limited = f"; nothing beyond them on {len(history.rights)} tables" if history.rights else ""
        yield ok(f"the service's role has the rights it needs{limited}")


def _file(target: Target, setting: str, path: str, history: History) -> Iterator[Result]:
    """SQLite: a file that the service makes, and brings up to date, when it opens it."""
    for one in examine_files(target.settings):
        if one.name == setting:
            yield missing(one.says, f"mkdir -p {Path(path).absolute().parent}")
            return
    if not Path(path).is_file():
        yield ok(f"{path}: the service makes it when it starts")
        return
    # A file that nobody writes is read without the files that SQLite keeps beside it at work.
    at_work = Path(f"{path}-wal").exists()
    how = "mode=ro" if at_work else "mode=ro&immutable=1"
    engine = create_engine(f"sqlite:///file:{Path(path).absolute()}?{how}&uri=true")
    try:
        with engine.connect() as connection:
            found = standing(connection, history)
    except SQLAlchemyError as error:
        yield missing(f"{path} cannot be read: {type(error).__name__}")
        return
    finally:
        engine.dispose()
    if found.version is None and not found.is_empty:
        yield missing(f"{path} notes no version", f"onrecord migrate {target.options}")
    elif found.floor > history.newest:
        yield missing(f"{path} is of a program newer than this one ({found.version:04d})")
    else:
        yield ok(f"{path}: step {found.version or 0:04d}; the service takes those that are left")


def _for_psql(told: str) -> str:
    return told.replace("postgresql+psycopg:", "postgresql:").replace(":***@", "@")
