"""SQLite's write-ahead log, emptied beside the commits and not within them.

By itself SQLite copies the log into the database, and syncs both, within whichever commit finds it
long: once in a while a request waits for it. PostgreSQL does this in the background.
"""

from typing import Any

from sqlalchemy import Engine, event

_LONGEST_PAGES = 20_000
"""Of 4 KiB. Where nobody came round to it in time, a commit does it after all."""


def leave_to_the_background(engine: Engine) -> None:
    """Connections of this engine, from now on, do not empty the log when they commit."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA wal_autocheckpoint={_LONGEST_PAGES}")


def empty(engine: Engine) -> None:
    """Copy what is committed into the database, as far as nobody is in the way of it."""
    _checkpoint(engine, "PASSIVE")


def forget(engine: Engine) -> None:
    """After the commit of a transaction that destroyed a key: empty the write-ahead log.

    SQLite keeps each page as it was there until somebody overwrites it, whatever `secure_delete`
    does in the database itself. Repeatable; while somebody reads, it waits, and where they do not
    end it is done by the next. PostgreSQL's log is the operator's to recycle.
    """
    _checkpoint(engine, "TRUNCATE")


def _checkpoint(engine: Engine, how: str) -> None:
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA wal_checkpoint({how})")
        cursor.close()
    finally:
        connection.close()
