"""Opening a database by its URL."""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

BUSY_SECONDS: Final = 15
WRITES: Final = "onrecord writes"
TURN: Final = "onrecord_turn"
_LAST_USED: Final = "onrecord last used"
_PAUSE_SECONDS: Final = 0.1
"""Shorter than any server takes to start again."""


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """Of one process, towards PostgreSQL. Seconds, but for `connections`.

    `connections`: held at most; a call that finds none free waits `wait_seconds` for one, and as
    long for a row that another writer holds. `connect_seconds`: until a server that says nothing
    counts as away. `statement_seconds`: after which the server gives up a statement.
    """

    connections: int = 10
    wait_seconds: float = 5.0
    connect_seconds: float = 5.0
    statement_seconds: float = 20.0


def open_database(url: str, limits: DatabaseLimits | None = None) -> Engine:
    """An engine for `url`. On SQLite: WAL, every commit synced to disk, foreign keys on.

    An error names its statement and never what was to be written: errors end in logs (R-43).
    """
    if not url.startswith("sqlite"):
        return _open_server(url, limits or DatabaseLimits())
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
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
    return engine.execution_options(**{TURN: threading.Lock()})


def _begin(connection: PoolProxiedConnection) -> None:
    kind = "IMMEDIATE" if connection.info.pop(WRITES, False) else "DEFERRED"
    connection.cursor().execute(f"BEGIN {kind}")


def _open_server(url: str, limits: DatabaseLimits) -> Engine:
    milliseconds = {
        "statement_timeout": limits.statement_seconds,
        "lock_timeout": limits.wait_seconds,
    }
    # Of a client that the server can no longer reach: what it holds is let go soon.
    seen = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
    settings = {name: int(1000 * seconds) for name, seconds in milliseconds.items()} | seen
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.wait_seconds,
        pool_use_lifo=True,
        connect_args={
            "connect_timeout": max(2, round(limits.connect_seconds)),
            "options": f"{options} -c timezone=UTC",
            "application_name": "onrecord",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": int(1000 * limits.statement_seconds),
        },
    )
    _ask_after_a_pause(engine)
    return engine


def _ask_after_a_pause(engine: Engine) -> None:
    """A server that was started again is found before a call meets it: whoever takes a connection
    that nobody has used for a moment asks whether it is still there. One that was used just now is
    not asked: that would be one more way there and back in every transaction.
    """

    @event.listens_for(engine, "checkin")
    def _used(_: Any, record: Any) -> None:
        record.info[_LAST_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _: Any) -> None:
        used = record.info.get(_LAST_USED)
        if used is None or time.monotonic() - used < _PAUSE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error
