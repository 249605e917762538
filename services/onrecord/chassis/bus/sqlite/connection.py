"""One SQLite file, through one connection, with its errors in our words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError

_BUSY_SECONDS = 15.0


class Connection:
    """A connection that syncs every commit to disk. Used by one thread at a time."""

    def __init__(self, path: Path, schema: str) -> None:
        with _told_as_ours():
            self._raw = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._raw.execute("PRAGMA journal_mode=WAL")
            self._raw.execute("PRAGMA synchronous=FULL")
            self._raw.execute("BEGIN IMMEDIATE")
            for statement in schema.split(";"):
                self._raw.execute(statement)
            self._raw.execute("COMMIT")

    def wait_at_most(self, seconds: float) -> None:
        """How long the next transactions wait for another writer."""
        self._raw.execute(f"PRAGMA busy_timeout={max(1, int(min(seconds, _BUSY_SECONDS) * 1000))}")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its beginning; durable at its end.

        Raises BUS_UNAVAILABLE, STORAGE_FULL.
        """
        with _told_as_ours():
            self._raw.execute("BEGIN IMMEDIATE")
            try:
                yield self._raw
                self._raw.execute("COMMIT")
            except BaseException:
                if self._raw.in_transaction:
                    self._raw.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Statements that each see what is committed. Raises BUS_UNAVAILABLE."""
        with _told_as_ours():
            yield self._raw

    def version(self) -> int:
        """Another number once another connection, of whatever process, has committed."""
        with _told_as_ours():
            return int(self._raw.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._raw.close()


@contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OnRecordError(
                ErrorCode.STORAGE_FULL, "the disk that holds the bus is full"
            ) from error
        raise OnRecordError(
            ErrorCode.BUS_UNAVAILABLE, f"the bus cannot be reached: {error}"
        ) from error
