"""Groups in one SQLite file: members and their leases, owners of partitions, positions.

A member is gone when its process is (`life`), or when its lease has run out because it no longer
polls. A lease is a time of the machine's monotonic clock, which all of its processes share. After a
restart of the machine that clock begins anew, and a lease that ends further ahead than any lease
lasts is one from before.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from onrecord.chassis.bus.ports import Partition, Position
from onrecord.chassis.bus.sqlite.assignment import shared
from onrecord.chassis.bus.sqlite.connection import Connection
from onrecord.chassis.bus.sqlite.life import Life
from onrecord.kernel.errors import ErrorCode, OnRecordError

_NOTE_LENGTH = 1_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS generation (
  group_name TEXT PRIMARY KEY,
  number INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS member (
  group_name TEXT NOT NULL,
  id TEXT NOT NULL,
  life TEXT NOT NULL,
  topics TEXT NOT NULL,
  lease_ends REAL NOT NULL,
  PRIMARY KEY (group_name, id)
);
CREATE TABLE IF NOT EXISTS owner (
  group_name TEXT NOT NULL,
  topic TEXT NOT NULL,
  number INTEGER NOT NULL,
  member TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (group_name, topic, number)
);
CREATE TABLE IF NOT EXISTS position (
  group_name TEXT NOT NULL,
  topic TEXT NOT NULL,
  number INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (group_name, topic, number)
)
"""


class Groups:
    """The file, through a connection of its own. Used by one thread at a time.

    `partitions`: how many each topic has. `lease`: seconds until a member that
    does not poll is taken for gone.
    """

    def __init__(
        self,
        path: Path,
        partitions: Mapping[str, int],
        life: Life,
        lease: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._connection = Connection(path, _SCHEMA)
        self._partitions = partitions
        self._life = life
        self._lease = lease
        self._monotonic = monotonic

    def join(self, group: str, member: str, topics: Sequence[str]) -> None:
        """Become a member, and share anew."""
        with self._connection.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO member (group_name, id, life, topics, lease_ends)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    group,
                    member,
                    self._life.id,
                    json.dumps(list(topics)),
                    self._monotonic() + self._lease,
                ),
            )
            self._drop_silent(sql, group)
            self._share(sql, group)

    def leave(self, group: str, member: str) -> None:
        with self._connection.writing() as sql:
            left = sql.execute(
                "DELETE FROM member WHERE group_name = ? AND id = ?", (group, member)
            )
            if left.rowcount:
                self._share(sql, group)

    def renew(self, members: Iterable[tuple[str, str]]) -> None:
        """Lengthen the leases of these (group, member), where they are still members."""
        ends = self._monotonic() + self._lease
        with self._connection.writing() as sql:
            sql.executemany(
                "UPDATE member SET lease_ends = ? WHERE group_name = ? AND id = ?",
                [(ends, group, member) for group, member in members],
            )

    def sweep(self, group: str) -> None:
        """Share anew where a member has fallen silent."""
        with self._connection.reading() as sql:
            silent = self._silent(sql, group)
        if silent:
            with self._connection.writing() as sql:
                self._drop_silent(sql, group)
                self._share(sql, group)

    def generation(self, group: str) -> int:
        """Rises whenever the partitions of the group are shared anew."""
        with self._connection.reading() as sql:
            row = sql.execute(
                "SELECT number FROM generation WHERE group_name = ?", (group,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def version(self) -> int:
        """Another number once another connection has committed."""
        return self._connection.version()

    def is_member(self, group: str, member: str) -> bool:
        with self._connection.reading() as sql:
            row = sql.execute(
                "SELECT 1 FROM member WHERE group_name = ? AND id = ?", (group, member)
            ).fetchone()
        return row is not None

    def owned(self, group: str, member: str) -> dict[Partition, int]:
        """The member's partitions, and the generation since which each is its own."""
        with self._connection.reading() as sql:
            rows = sql.execute(
                "SELECT topic, number, since FROM owner WHERE group_name = ? AND member = ?",
                (group, member),
            ).fetchall()
        return {Partition(topic, number): since for topic, number, since in rows}

    def position(self, group: str, partition: Partition) -> Position:
        with self._connection.reading() as sql:
            row = sql.execute(
                'SELECT "offset", note FROM position'
                " WHERE group_name = ? AND topic = ? AND number = ?",
                (group, partition.topic, partition.number),
            ).fetchone()
        return Position(0) if row is None else Position(row[0], row[1])

    def commit(
        self,
        group: str,
        member: str,
        held: Mapping[Partition, int],
        positions: Mapping[Partition, Position],
    ) -> None:
        """Move the group, where each partition is the member's since the generation in `held`.

        A partition that went to another and came back is not the one it was: what this member
        read of it before, the other has worked on. Raises BUS_REBALANCED.
        """
        with self._connection.writing() as sql:
            for partition, position in positions.items():
                if len(position.note) > _NOTE_LENGTH:
                    raise ValueError(f"a note has at most {_NOTE_LENGTH} characters")
                row = sql.execute(
                    "SELECT member, since FROM owner"
                    " WHERE group_name = ? AND topic = ? AND number = ?",
                    (group, partition.topic, partition.number),
                ).fetchone()
                if row is None or tuple(row) != (member, held.get(partition)):
                    raise OnRecordError(
                        ErrorCode.BUS_REBALANCED,
                        f"partition {partition.number} of {partition.topic} is another member's",
                    )
            sql.executemany(
                'INSERT OR REPLACE INTO position (group_name, topic, number, "offset", note)'
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (group, partition.topic, partition.number, position.offset, position.note)
                    for partition, position in positions.items()
                ],
            )

    def close(self) -> None:
        self._connection.close()

    def _silent(self, sql: sqlite3.Connection, group: str) -> list[str]:
        now = self._monotonic()
        rows = sql.execute(
            "SELECT id, life, lease_ends FROM member WHERE group_name = ?", (group,)
        ).fetchall()
        return [
            member
            for member, life, ends in rows
            if not now <= ends <= now + self._lease or self._life.ended(life)
        ]

    def _drop_silent(self, sql: sqlite3.Connection, group: str) -> None:
        silent = self._silent(sql, group)
        sql.executemany(
            "DELETE FROM member WHERE group_name = ? AND id = ?",
            [(group, member) for member in silent],
        )

    def _share(self, sql: sqlite3.Connection, group: str) -> None:
        members = {
            member: json.loads(topics)
            for member, topics in sql.execute(
                "SELECT id, topics FROM member WHERE group_name = ?", (group,)
            )
        }
        before = {
            Partition(topic, number): (member, since)
            for topic, number, member, since in sql.execute(
                "SELECT topic, number, member, since FROM owner WHERE group_name = ?", (group,)
            )
        }
        sql.execute(
            "INSERT INTO generation (group_name, number) VALUES (?, 1)"
            " ON CONFLICT (group_name) DO UPDATE SET number = number + 1",
            (group,),
        )
        (generation,) = sql.execute(
            "SELECT number FROM generation WHERE group_name = ?", (group,)
        ).fetchone()
        held = {partition: member for partition, (member, _) in before.items()}
        owners = shared(members, held, self._partitions)
        sql.execute("DELETE FROM owner WHERE group_name = ?", (group,))
        sql.executemany(
            "INSERT INTO owner (group_name, topic, number, member, since) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    group,
                    partition.topic,
                    partition.number,
                    member,
                    before[partition][1] if held.get(partition) == member else generation,
                )
                for partition, member in owners.items()
            ],
        )
