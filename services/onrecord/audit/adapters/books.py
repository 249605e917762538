"""The books as one appending transaction sees them."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from onrecord.audit.adapters import questions, schema
from onrecord.audit.adapters.emergencies import read_emergencies, read_unsettled
from onrecord.audit.adapters.marks import (
    counter_key,
    read_counters,
    read_held,
    write_counters,
    write_mark,
)
from onrecord.audit.core.draft import (
    ActivatePolicy,
    Count,
    Counter,
    Examiner,
    Foreseen,
    Held,
    Idempotent,
    Mark,
    NumberedChange,
    OpenSearch,
    PinKey,
    Reach,
    Remember,
    SearchRecord,
    UseModel,
)
from onrecord.audit.core.emergency_books import OpenedEmergency
from onrecord.chassis.database import sent_together
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind

_INSERTS = {table: insert(table) for table in schema.metadata.tables.values()}
_NO_RECEIPT = (0, "0" * 64)
_CHANGES_POLICY = (ActivatePolicy, PinKey, UseModel)


class TransactionBooks:
    """Implements `core.draft.Books` on an open connection that holds the head.

    What every request writes is gathered and written many rows at a time: before anything is read
    that it could change, and at the end. Nothing is written for a request that raises.
    """

    def __init__(self, connection: Connection, now: datetime, epoch: int) -> None:
        self._connection = connection
        self._pending: dict[Table, list[dict[str, Any]]] = {}
        self._answered: dict[str, tuple[str, int] | None] = {}
        self._used: dict[Counter, int] = {}
        self._stored: dict[Counter, int] = {}
        self.now = now
        self.epoch = epoch

    def add(self, table: Table, **row: Any) -> None:
        """A row to be written with the next flush."""
        self._pending.setdefault(table, []).append(row)

    def foresee(self, proposals: Iterable[Foreseen]) -> None:
        """Ask once what all of these will ask. Nothing may have been written yet."""
        keys: set[str] = set()
        counters: dict[str, Counter] = {}
        for one in proposals:
            try:
                counted = {counter_key(counter): counter for counter in one.counters(self.now)}
            except Exception:  # noqa: BLE001, S112 - raises again when it is asked, and falls alone
                continue
            keys.add(one.key)
            counters.update(counted)
        if not keys:
            return
        asked = {"keys": sorted(keys), "counters": sorted(counters)}
        self._answered.update(dict.fromkeys(keys))
        self._stored.update(dict.fromkeys(counters.values(), 0))
        for answered, key, digest, number in self._connection.execute(questions.FORESEEN, asked):
            if answered:
                self._answered[str(key)] = (str(digest), int(number))
            else:
                self._stored[counters[str(key)]] = int(number)
        self._used.update(self._stored)

    def write_marks(self, marks: Sequence[Mark], index: int, mandate: str) -> None:
        """Write what entry `index` changes beside the log."""
        for mark in marks:
            match mark:
                case Idempotent(key, digest):
                    self._answered[key] = (digest, index)
                    self.add(schema.idempotency, key=key, digest=digest, entry=index)
                case Remember(marker):
                    self.add(schema.markers, marker=marker, entry=index)
                case OpenSearch(search_id, galleries, due):
                    self.add(schema.searches, search_id=search_id, entry=index, mandate=mandate)
                    for name in galleries:
                        self.add(
                            schema.open_grants,
                            search_id=search_id,
                            gallery=name,
                            due=format_time(due),
                        )
                case Count(counted):
                    for counter, used in zip(counted, self.used(counted), strict=True):
                        self._used[counter] = used + 1
                case _:
                    self.flush()
                    write_mark(self._connection, mark, index)
        self.epoch += any(isinstance(mark, _CHANGES_POLICY) for mark in marks)

    def flush(self) -> None:
        """Write what was gathered."""
        with sent_together(self._connection):
            # Entries first, because everything else points at them.
            for table in sorted(self._pending, key=_order):
                self._connection.execute(_INSERTS[table], self._pending[table])
            changed = {
                counter: used
                for counter, used in self._used.items()
                if self._stored[counter] != used
            }
            write_counters(self._connection, changed, self._stored)
        self._pending.clear()
        self._stored.update(changed)

    def remembered(self, marker: str) -> int | None:
        self.flush()
        found = self._connection.execute(questions.REMEMBERED, {"at": marker}).scalar()
        return None if found is None else int(found)

    def idempotent(self, key: str) -> tuple[str, int] | None:
        if key in self._answered:
            return self._answered[key]
        row = self._connection.execute(questions.ANSWERED, {"at": key}).first()
        return None if row is None else (str(row.digest), int(row.entry))

    def used(self, counters: Sequence[Counter]) -> tuple[int, ...]:
        unread = [counter for counter in counters if counter not in self._used]
        if unread:
            read = read_counters(self._connection, unread)
            self._used.update(read)
            self._stored.update(read)
        return tuple(self._used[counter] for counter in counters)

    def search(self, search_id: str) -> SearchRecord | None:
        self.flush()
        at = {"at": search_id}
        row = self._connection.execute(questions.SEARCH, at).first()
        if row is None:
            return None
        ends = self._connection.execute(questions.ENDS, at)
        people = self._connection.execute(questions.EXAMINERS, at)
        return SearchRecord(
            search_id=search_id,
            grant_index=int(row.entry),
            mandate=str(row.mandate),
            ends={str(one.gallery): (EntryKind(one.kind), int(one.entry)) for one in ends},
            examiners=tuple(Examiner(one.person, one.task_id, one.decided) for one in people),
            outcome=None if row.outcome is None else int(row.outcome),
        )

    def search_of_grant(self, grant_index: int) -> str | None:
        self.flush()
        found = self._connection.execute(questions.SEARCH_OF_GRANT, {"at": grant_index}).scalar()
        return None if found is None else str(found)

    def emergencies(self, search_id: str) -> tuple[OpenedEmergency, ...]:
        self.flush()
        return read_emergencies(self._connection, search_id)

    def emergencies_of(self, person: str) -> tuple[OpenedEmergency, ...]:
        self.flush()
        return read_unsettled(self._connection, person)

    def body(self, index: int) -> dict[str, Any]:
        self.flush()
        found = self._connection.execute(questions.BODY, {"at": index}).scalar()
        if found is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"the ledger has no body for entry {index}")
        body: dict[str, Any] = json.loads(bytes(found))
        return body

    def last_receipt(self, gallery: str) -> tuple[int, str]:
        row = self._connection.execute(questions.LAST_RECEIPT, {"at": gallery}).first()
        return _NO_RECEIPT if row is None else (int(row.sequence), str(row.digest))

    def reach(self, gallery: str) -> Reach | None:
        row = self._connection.execute(questions.REACH, {"at": gallery}).first()
        return None if row is None else Reach(parse_time(row.made_at), int(row.gap))

    def change(self, gallery: str, sequence: int) -> NumberedChange | None:
        at = {"at": gallery, "number": sequence}
        row = self._connection.execute(questions.CHANGE, at).first()
        if row is None:
            return None
        since = None if row.since is None else parse_time(row.since)
        return NumberedChange(gallery, sequence, str(row.digest), str(row.previous), since)

    def change_before(self, gallery: str, sequence: int) -> int:
        at = {"at": gallery, "number": sequence}
        return int(self._connection.execute(questions.CHANGE_BEFORE, at).scalar() or 0)

    def held(self) -> tuple[Held, ...]:
        return read_held(self._connection)

    def active_policy(self, jurisdiction: str) -> tuple[int, str] | None:
        row = self._connection.execute(questions.ACTIVE_POLICY, {"at": jurisdiction}).first()
        return None if row is None else (int(row.version), str(row.digest))

    def authority_key(self, jurisdiction: str) -> tuple[str, int] | None:
        row = self._connection.execute(questions.AUTHORITY_KEY, {"at": jurisdiction}).first()
        return None if row is None else (str(row.key), int(row.entry))

    def model(self, jurisdiction: str) -> tuple[str, int] | None:
        row = self._connection.execute(questions.MODEL, {"at": jurisdiction}).first()
        return None if row is None else (str(row.model_id), int(row.entry))


def _order(table: Table) -> int:
    return 0 if table is schema.entries else 1
