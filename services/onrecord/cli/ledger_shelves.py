"""Where `onrecord ledger verify` keeps what it must remember: a little in memory, the rest on disk.

The file is the process's own, has no name once it is open, and is gone with the process.
"""

import json
import sqlite3
from collections import OrderedDict
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Any

# What most ledgers have open at once fits; a value is a few hundred bytes, at most some thousand.
_HELD = 2048
_PAGES_KIB = 8192


class DiskShelves:
    """Gives shelves of which each holds up to `held` values in memory, and any number on disk."""

    def __init__(self, held: int = _HELD) -> None:
        self._held = held
        self._shelves = 0
        with NamedTemporaryFile(prefix="onrecord-verify-") as file:
            self._database = sqlite3.connect(file.name, isolation_level=None)
            # Nobody reads this after a crash, so nothing is synced and nothing rolled back.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
            self._database.execute("CREATE TABLE begun (moment INTEGER)")

    def __call__(self) -> "DiskShelf":
        self._shelves += 1
        return DiskShelf(self._database, f"shelf_{self._shelves}", self._held)

    def __enter__(self) -> "DiskShelves":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()


class DiskShelf:
    """A `Shelf`: what was not touched for the longest time is written out, half of it at a time."""

    def __init__(self, database: sqlite3.Connection, table: str, held: int) -> None:
        self._database = database
        self._limit = held
        self._held: OrderedDict[str, Any] = OrderedDict()
        self._changed: set[str] = set()
        self._written = False
        database.execute(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
        self._select = f"SELECT value FROM {table} WHERE key = ?"  # noqa: S608 - a name of ours
        self._upsert = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608
        self._delete = f"DELETE FROM {table} WHERE key = ?"  # noqa: S608

    def get(self, key: str) -> Any:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if not self._written:
            return None
        row = self._database.execute(self._select, (key,)).fetchone()
        if row is None:
            return None
        value = json.loads(row[0])
        self._hold(key, value)
        return value

    def put(self, key: str, value: Any) -> None:
        self._changed.add(key)
        self._hold(key, value)

    def drop(self, key: str) -> None:
        self._held.pop(key, None)
        self._changed.discard(key)
        if self._written:
            self._database.execute(self._delete, (key,))

    def _hold(self, key: str, value: Any) -> None:
        self._held[key] = value
        self._held.move_to_end(key)
        if len(self._held) > self._limit:
            self._write_out(self._limit // 2)

    def _write_out(self, count: int) -> None:
        oldest = [self._held.popitem(last=False) for _ in range(count)]
        rows = [(key, json.dumps(value)) for key, value in oldest if key in self._changed]
        if rows:
            self._written = True
            self._database.execute("BEGIN")
            self._database.executemany(self._upsert, rows)
            self._database.execute("COMMIT")
        self._changed.difference_update(key for key, _ in oldest)
