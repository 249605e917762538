"""The schema of a database, and which version of it a program works on.

A history is a folder of steps (`v0001_....py`, `v0002_....py`). Which one a database has reached
stands in it (`alembic_version`), and so does the oldest program that may still work on it
(`schema_floor`): a step that only adds (expand) leaves the floor, one that takes away (contract)
raises it. So a program runs on every schema from the step that it needs to the one that forgot it,
and two versions of it run side by side while one takes the other's place.

A SQLite file belongs to one program, which brings it up to date when it opens it. On a server only
`onrecord migrate` changes a schema, with rights that no service has.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, insert, select
from sqlalchemy import inspect as inspector_of

from onrecord.chassis.database.transactions import read_transaction, write_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError

EVERYTHING: Final = "SELECT, INSERT, UPDATE, DELETE"
_STEP: Final = re.compile(r"v(\d{4})_\w+\.py")

bookkeeping = MetaData()
versions = Table(
    "alembic_version", bookkeeping, Column("version_num", String(32), primary_key=True)
)
floors = Table(
    "schema_floor",
    bookkeeping,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("oldest", Integer, nullable=False),
)
FLOOR_ID: Final = 1


def _nothing_more(_: Connection) -> None:
    pass


@dataclass(frozen=True, slots=True)
class History:
    """One database's schema. `service`: whose it is, as `onrecord migrate` names it.

    `needs`: the number of the step without which the program does not work. `complete` makes what
    `metadata` cannot say (guards, first rows) in a database whose tables were just made.
    `rights`: what the service's role may do with a table, where that is not everything.
    """

    service: str
    steps: Path
    metadata: MetaData
    needs: int
    complete: Callable[[Connection], None] = _nothing_more
    rights: Mapping[str, str] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The number of the last step that this program carries."""
        found = (_STEP.fullmatch(path.name) for path in self.steps.iterdir())
        return max(int(one[1]) for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database stands. `version`: None where none is noted; `floor`: see above."""

    version: int | None
    floor: int
    is_empty: bool


def standing(connection: Connection, history: History) -> Standing:
    """Of this database, by what stands in it."""
    tables = set(inspector_of(connection).get_table_names())
    version = floor = None
    if versions.name in tables:
        version = connection.execute(select(versions.c.version_num)).scalar_one_or_none()
    if floors.name in tables:
        floor = connection.execute(select(floors.c.oldest)).scalar_one_or_none()
    known = tables & set(history.metadata.tables)
    return Standing(None if version is None else int(version), int(floor or 1), not known)


def prepare(engine: Engine, history: History) -> None:
    """Before a program works on a database: see that its schema is one that it can work on.

    Raises SCHEMA_MISMATCH, DATABASE_UNAVAILABLE.
    """
    with read_transaction(engine) as connection:
        found = standing(connection, history)
    if engine.dialect.name == "sqlite":
        if found.is_empty and found.version is None:
            found = _made(engine, history)
        elif found.version is None or found.version < history.newest:
            # Alembic takes its time to import, and mostly nothing is to be done.
            from onrecord.chassis.database.migrating import migrate

            found = migrate(engine, history)
    check(found, history)


def check(found: Standing, history: History) -> None:
    """Whether this program works on such a schema. Raises SCHEMA_MISMATCH."""
    if found.version is None or found.version < history.needs:
        has = "has no schema" if found.version is None else f"is at {found.version:04d}"
        raise OnRecordError(
            ErrorCode.SCHEMA_MISMATCH,
            f"the database of {history.service} {has} and this program needs "
            f"{history.needs:04d}: run `onrecord migrate {history.service}`",
        )
    if found.floor > history.newest:
        raise OnRecordError(
            ErrorCode.SCHEMA_MISMATCH,
            f"the database of {history.service} is at {found.version:04d} and no longer serves "
            f"programs older than {found.floor:04d}; this one is of {history.newest:04d}",
        )


def stamp(connection: Connection, version: int) -> None:
    """Note that a database that notes nothing yet stands at `version`."""
    bookkeeping.create_all(connection)
    connection.execute(insert(versions).values(version_num=f"{version:04d}"))
    if connection.execute(select(floors.c.oldest)).first() is None:
        connection.execute(insert(floors).values(id=FLOOR_ID, oldest=1))


def _made(engine: Engine, history: History) -> Standing:
    """A new database, at once as its last step leaves it."""
    with write_transaction(engine) as connection:
        found = standing(connection, history)
        if found.is_empty and found.version is None:  # or somebody else was faster
            history.metadata.create_all(connection)
            history.complete(connection)
            stamp(connection, history.newest)
        return standing(connection, history)
