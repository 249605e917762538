"""The tree's hashes, out of the database, with the recent ones kept in memory."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from sqlalchemy import Connection, Engine

from onrecord.audit.adapters import questions
from onrecord.chassis.database import read_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError

_KEPT = 65_536
_ROW = 256


class StoredHashes:
    """A `HashSource` over committed hashes, which never change once they are there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def hash_at(self, level: int, index: int) -> bytes:
        """Raises LEDGER_UNAVAILABLE where the database lacks a hash it must have."""
        kept = self.at_hand(level, index)
        if kept is not None:
            return kept
        # With its neighbours: who publishes or proves asks for those next, and a log that is
        # published from its beginning would ask the database once for every entry.
        first = index - index % _ROW
        with read_transaction(self._engine) as connection:
            rows = connection.execute(
                questions.HASHES, {"at_level": level, "first": first, "end": first + _ROW}
            )
            row = [(level, int(one.idx), bytes(one.hash)) for one in rows]
            found = next((value for _, at, value in row if at == index), None)
            if found is None:
                found = read_hash(connection, level, index)
        self.keep(row)
        return found

    def at_hand(self, level: int, index: int) -> bytes | None:
        with self._lock:
            return self._kept.get((level, index))

    def keep(self, hashes: Iterable[tuple[int, int, bytes]]) -> None:
        """Keep committed hashes at hand."""
        with self._lock:
            for level, index, value in hashes:
                self._kept[level, index] = value
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


class TransactionHashes:
    """A `HashSource` inside the appending transaction: its own connection, then what is kept."""

    def __init__(self, connection: Connection, stored: StoredHashes) -> None:
        self._connection = connection
        self._stored = stored

    def hash_at(self, level: int, index: int) -> bytes:
        kept = self._stored.at_hand(level, index)
        return kept if kept is not None else read_hash(self._connection, level, index)


def read_hash(connection: Connection, level: int, index: int) -> bytes:
    found = connection.execute(questions.HASH, {"at_level": level, "at": index}).scalar()
    if found is None:
        raise OnRecordError(
            ErrorCode.LEDGER_UNAVAILABLE, f"the ledger lacks the hash {index} of level {level}"
        )
    return bytes(found)
