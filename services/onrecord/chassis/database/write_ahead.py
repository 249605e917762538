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
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.close()
    finally:
        connection.close()
