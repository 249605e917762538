"""SQLite and PostgreSQL through one code path.

A writer takes the write lock when its transaction begins, not when it first writes: on SQLite by
`BEGIN IMMEDIATE`, on PostgreSQL by `SELECT ... FOR UPDATE` on the row that orders the writers
(the caller's `with_for_update()`, which SQLite leaves out of the statement).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, text

_BUSY_SECONDS = 15
_WRITES = "onrecord writes"


def open_database(url: str) -> Engine:
    """An engine for `url`. On SQLite: WAL, every commit synced to disk, foreign keys on.

    An error names its statement and never what was to be written: errors end in logs (R-43).
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(
        url,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        # The driver must not begin transactions by itself: we say when, and of which kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        # secure_delete: a destroyed key must not linger in a free page.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # Not an event: an engine that has one asks after listeners with every statement.
    engine.dialect.do_begin = _begin  # type: ignore[assignment, method-assign]
    return engine.execution_options(onrecord_turn=threading.Lock())


def _begin(connection: PoolProxiedConnection) -> None:
    kind = "IMMEDIATE" if connection.info.pop(_WRITES, False) else "DEFERRED"
    connection.cursor().execute(f"BEGIN {kind}")


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: committed at the end, rolled back on an error."""
    with _turn(engine), engine.connect() as connection:
        connection.info[_WRITES] = True
        with connection.begin():
            yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Writers of one process take turns before SQLite makes them.

    SQLite's own waiting is sleeping: a writer that finds the lock taken looks again after 1, 3, 8,
    18 milliseconds, however soon it was free.
    """
    turn: threading.Lock | None = engine.get_execution_options().get("onrecord_turn")
    if turn is None:
        yield
        return
    taken = turn.acquire(timeout=_BUSY_SECONDS)  # beyond that SQLite decides, and says so
    try:
        yield
    finally:
        if taken:
            turn.release()


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, on one snapshot."""
    with engine.connect() as connection, connection.begin():
        yield connection


def forget(engine: Engine) -> None:
    """After the commit of a transaction that destroyed a key: empty the write-ahead log.

    SQLite keeps each page as it was there until somebody overwrites it, whatever `secure_delete`
    does in the database itself. Repeatable; while somebody reads, it waits, and where they do not
    end it is done by the next. PostgreSQL's log is the operator's to recycle.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        connection.close()


def reachable(engine: Engine) -> bool:
    """Whether the database answers; for readiness."""
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT 1")).scalar() == 1)
