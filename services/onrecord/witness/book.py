"""What a witness remembers: of each log the newest tree that it has cosigned. SQLite.

A witness that forgets is worse than none: it would cosign a second history. So what it answers
stands on disk before it answers, and checking and storing are one transaction, also between two
processes on one file.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.witness.core import NOTHING, Known

MAX_REFUSED = 1000
"""Of each log. Who can fill it holds that log's key."""
_BUSY_SECONDS = 10.0
_TABLES = """
CREATE TABLE IF NOT EXISTS logs (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    origin TEXT NOT NULL, time INTEGER NOT NULL, why TEXT NOT NULL, note TEXT NOT NULL,
    UNIQUE (origin, note)
) STRICT;
CREATE TRIGGER IF NOT EXISTS logs_only_grow BEFORE UPDATE ON logs WHEN NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END;
CREATE TRIGGER IF NOT EXISTS logs_stay BEFORE DELETE ON logs
BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """A checkpoint that its log has signed and that does not extend what was known: evidence."""

    origin: str
    time: int
    why: str
    note: str


class Book:
    """Safe between threads and between processes. Raises LEDGER_UNAVAILABLE where it cannot."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with _said():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            # In the log's mode, FULL syncs each commit before it returns.
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_TABLES)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def move(self, origin: str, decide: Callable[[Known], Known]) -> Known:
        """Replace what is known of a log by what `decide` makes of it, in one transaction.

        `decide` alone sees and changes it; what it raises leaves everything as it was. Durable
        when it returns.
        """
        with self._lock, _said(), self._transaction():
            moved = decide(self._known(origin))
            self._connection.execute(
                "INSERT INTO logs (origin, size, root, time, note) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, "
                "time = excluded.time, note = excluded.note",
                (origin, moved.size, moved.root, moved.time, moved.note),
            )
        return moved

    def known(self, origin: str) -> Known:
        """The newest tree cosigned; `NOTHING` before the first."""
        with self._lock, _said():
            return self._known(origin)

    def keep_refused(self, refused: Refused) -> None:
        """Keep a checkpoint that a log has signed and should not have."""
        with self._lock, _said(), self._transaction():
            (kept,) = self._connection.execute(
                "SELECT count(*) FROM refused WHERE origin = ?", (refused.origin,)
            ).fetchone()
            if kept < MAX_REFUSED:
                self._connection.execute(
                    "INSERT OR IGNORE INTO refused (origin, time, why, note) VALUES (?, ?, ?, ?)",
                    (refused.origin, refused.time, refused.why, refused.note),
                )

    def logs(self) -> tuple[tuple[str, Known], ...]:
        """Every log that was cosigned, by origin."""
        with self._lock, _said():
            rows = self._connection.execute(
                "SELECT origin, size, root, time, note FROM logs ORDER BY origin"
            ).fetchall()
        return tuple((str(row[0]), Known(*row[1:])) for row in rows)

    def refused(self) -> tuple[Refused, ...]:
        """The evidence, oldest first."""
        with self._lock, _said():
            rows = self._connection.execute(
                "SELECT origin, time, why, note FROM refused ORDER BY time, origin"
            ).fetchall()
        return tuple(Refused(*row) for row in rows)

    def _known(self, origin: str) -> Known:
        row = self._connection.execute(
            "SELECT size, root, time, note FROM logs WHERE origin = ?", (origin,)
        ).fetchone()
        return NOTHING if row is None else Known(*row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        _log.exception("the witness's database failed")
        raise OnRecordError(
            ErrorCode.LEDGER_UNAVAILABLE, f"the witness's database failed: {error}"
        ) from error
