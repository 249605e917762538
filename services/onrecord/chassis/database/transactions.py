"""Transactions: those that read, those that write, and how they fail."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from onrecord.chassis.database.opening import BUSY_SECONDS, TURN, WRITES
from onrecord.kernel.errors import ErrorCode, OnRecordError

_ASK = text("SELECT 1")
_TAKE = text("SELECT pg_advisory_lock(hashtextextended(:named, 0))")
_LET_GO = text("SELECT pg_advisory_unlock(hashtextextended(:named, 0))")
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:named, 0))")
# PostgreSQL by SQLSTATE (disk_full), SQLite by its result code.
_PG_FULL: Final = "53100"
_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: committed at the end, rolled back on an error.

    Raises DATABASE_UNAVAILABLE, STORAGE_FULL; whether it was committed is then not known.
    """
    with _told_as_ours(), _turn(engine), engine.connect() as connection:
        connection.info[WRITES] = True
        with connection.begin():
            yield connection


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, on one snapshot. Raises DATABASE_UNAVAILABLE."""
    with _told_as_ours(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            yield connection


def take_turn(connection: Connection, named: str) -> None:
    """Hold the turn `named` until the transaction ends, against other processes' as well.

    For writers whom no row orders. On SQLite they come one by one as it is.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_TAKE_TURN, {"named": named})


@contextmanager
def alone(engine: Engine, named: str) -> Iterator[Callable[[], None]]:
    """One at a time between processes that share a PostgreSQL, whatever is done meanwhile.

    Gives a check that raises where the turn was lost with its connection. On SQLite there is one
    process, which has locks of its own. Raises DATABASE_UNAVAILABLE.
    """
    if engine.dialect.name != "postgresql":
        yield _nothing_to_lose
        return
    with _told_as_ours():
        connection = engine.connect()
    try:
        # Of the session and outside a transaction: one that stayed open for as long would keep
        # the server from cleaning up, and an index from being made beside it.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        with _told_as_ours():
            connection.execute(_TAKE, {"named": named})

        def still() -> None:
            with _told_as_ours():
                connection.execute(_ASK)

        yield still
    finally:
        _let_go(connection, named)


def _let_go(connection: Connection, named: str) -> None:
    try:
        connection.execute(_LET_GO, {"named": named})
    except DBAPIError:
        connection.invalidate()  # with the connection goes the turn
    connection.close()


def _nothing_to_lose() -> None:
    pass


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Writers of one process take turns before SQLite makes them.

    SQLite's own waiting is sleeping: a writer that finds the lock taken looks again after 1, 3, 8,
    18 milliseconds, however soon it was free.
    """
    turn: threading.Lock | None = engine.get_execution_options().get(TURN)
    if turn is None:
        yield
        return
    taken = turn.acquire(timeout=BUSY_SECONDS)  # beyond that SQLite decides, and says so
    try:
        yield
    finally:
        if taken:
            turn.release()


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """What is the database's own trouble, and not its caller's, as an error of ours."""
    try:
        yield
    except PoolTimeoutError as error:
        raise OnRecordError(
            ErrorCode.DATABASE_UNAVAILABLE, "every connection to the database is taken"
        ) from error
    except (OperationalError, InterfaceError) as error:
        if _is_full(error):
            raise OnRecordError(
                ErrorCode.STORAGE_FULL, "the disk that holds the database is full"
            ) from error
        if _is_away(error):
            raise OnRecordError(
                ErrorCode.DATABASE_UNAVAILABLE, "the database is away, or did not answer in time"
            ) from error
        raise


def _is_full(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) == sqlite3.SQLITE_FULL
    return getattr(error.orig, "sqlstate", None) == _PG_FULL


def _is_away(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in _AWAY
    return True


def _sqlite_code(error: sqlite3.Error) -> int:
    """The primary result code: the extended one's lowest byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def reachable(engine: Engine) -> bool:
    """Whether the database answers; for readiness. Raises DATABASE_UNAVAILABLE."""
    with _told_as_ours(), engine.connect() as connection:
        return bool(connection.execute(_ASK).scalar() == 1)
