"""Topics as numbered logs in one SQLite file.

A message's key in the file is its partition's id in the upper bits and its offset in the lower, so
that a partition is one run of one tree, and reading it is reading forward.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.chassis.bus.sqlite.connection import Connection

_OFFSETS = 2**40
_REMOVED_AT_ONCE = 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS partition (
  id INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  number INTEGER NOT NULL,
  next INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic, number)
);
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  headers TEXT NOT NULL,
  published_at REAL NOT NULL,
  payload BLOB NOT NULL
)
"""


class Log:
    """One file of topics, through a connection of its own. Used by one thread at a time."""

    def __init__(self, path: Path, topics: Mapping[str, int]) -> None:
        """Makes the topics that are not there. One that is keeps the partitions it has: with
        another number of them, the messages of a key would lose their order.
        """
        self._connection = Connection(path, _SCHEMA)
        missing = set(topics).difference(self._ids_by_topic())
        if missing:
            with self._connection.writing() as sql:
                sql.executemany(
                    "INSERT OR IGNORE INTO partition (topic, number) VALUES (?, ?)",
                    [(name, number) for name in sorted(missing) for number in range(topics[name])],
                )
        self._ids = self._ids_by_topic()
        self._seen = -1

    def partitions(self) -> dict[str, int]:
        """How many partitions each topic has."""
        return {topic: len(ids) for topic, ids in self._ids.items()}

    def append(self, messages: Iterable[Message], now: datetime, seconds: float) -> None:
        """All of them or none; durable when it returns. Waits at most `seconds` for the lock."""
        self._connection.wait_at_most(seconds)
        with self._connection.writing() as sql:
            following: dict[int, int] = {}
            for message in messages:
                ids = self._ids[message.topic]
                partition = ids[zlib.crc32(message.key.encode()) % len(ids)]
                offset = following.get(partition)
                if offset is None:
                    offset = _next(sql, partition)
                following[partition] = offset + 1
                sql.execute(
                    "INSERT INTO message (id, key, headers, published_at, payload)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (
                        partition * _OFFSETS + offset,
                        message.key,
                        json.dumps(dict(message.headers)),
                        now.timestamp(),
                        message.payload,
                    ),
                )
            sql.executemany(
                "UPDATE partition SET next = ? WHERE id = ?",
                [(offset, partition) for partition, offset in following.items()],
            )

    def read(self, partition: Partition, offset: int, limit: int) -> list[Received]:
        """At most `limit` messages from `offset` on, in order."""
        first = self._id(partition) * _OFFSETS
        with self._connection.reading() as sql:
            rows = sql.execute(
                "SELECT id, key, headers, published_at, payload FROM message"
                " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                (first + offset, first + _OFFSETS, limit),
            ).fetchall()
        return [
            Received(
                Message(partition.topic, key, payload, json.loads(headers)),
                partition,
                id_ - first,
                datetime.fromtimestamp(published_at, UTC),
            )
            for id_, key, headers, published_at, payload in rows
        ]

    def ends(self, partition: Partition) -> tuple[int, int]:
        """The offset of the first message that is still there, and of the next to come."""
        id_ = self._id(partition)
        first = id_ * _OFFSETS
        with self._connection.reading() as sql:
            following = _next(sql, id_)
            row = sql.execute(
                "SELECT id FROM message WHERE id >= ? AND id < ? ORDER BY id LIMIT 1",
                (first, first + _OFFSETS),
            ).fetchone()
        return (following if row is None else int(row[0]) - first), following

    def changed(self) -> bool:
        """Whether others have written since this was asked last."""
        version = self._connection.version()
        changed = version != self._seen
        self._seen = version
        return changed

    def forget(self, topic: str, before: datetime) -> int:
        """Remove a few messages that were published before; how many they were."""
        removed = 0
        for id_ in self._ids[topic]:
            first = id_ * _OFFSETS
            with self._connection.reading() as sql:
                rows = sql.execute(
                    "SELECT id, published_at FROM message WHERE id >= ? AND id < ?"
                    " ORDER BY id LIMIT ?",
                    (first, first + _OFFSETS, _REMOVED_AT_ONCE),
                ).fetchall()
            old = [(message,) for message, at in rows if at < before.timestamp()]
            if old:
                with self._connection.writing() as sql:
                    sql.executemany("DELETE FROM message WHERE id = ?", old)
            removed += len(old)
        return removed

    def close(self) -> None:
        self._connection.close()

    def _id(self, partition: Partition) -> int:
        return self._ids[partition.topic][partition.number]

    def _ids_by_topic(self) -> dict[str, list[int]]:
        ids: dict[str, list[int]] = {}
        with self._connection.reading() as sql:
            for topic, id_ in sql.execute("SELECT topic, id FROM partition ORDER BY topic, number"):
                ids.setdefault(topic, []).append(id_)
        return ids


def _next(sql: sqlite3.Connection, partition: int) -> int:
    row = sql.execute("SELECT next FROM partition WHERE id = ?", (partition,)).fetchone()
    return int(row[0])
