"""The books as one appending transaction sees them, and how a draft's marks are written there."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from onrecord.audit.adapters import schema
from onrecord.audit.core.draft import (
    ActivatePolicy,
    AddExaminer,
    Concluded,
    Count,
    Counter,
    Decided,
    EndGalleries,
    Examiner,
    Idempotent,
    Mark,
    OpenSearch,
    PinKey,
    ReceiptSeen,
    Remember,
    SearchRecord,
    UseModel,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import canonical
from onrecord.proof.entry import parse_body

_NO_RECEIPT = (0, "0" * 64)
_CHANGES_POLICY = (ActivatePolicy, PinKey, UseModel)


class TransactionBooks:
    """Implements `core.draft.Books` on an open connection that holds the head."""

    def __init__(self, connection: Connection, now: datetime, epoch: int) -> None:
        self._connection = connection
        self.now = now
        self.epoch = epoch

    def remembered(self, marker: str) -> int | None:
        table = schema.markers
        found = self._connection.execute(
            select(table.c.entry).where(table.c.marker == marker)
        ).scalar()
        return None if found is None else int(found)

    def idempotent(self, key: str) -> tuple[str, int] | None:
        table = schema.idempotency
        row = self._connection.execute(
            select(table.c.digest, table.c.entry).where(table.c.key == key)
        ).first()
        return None if row is None else (str(row.digest), int(row.entry))

    def used(self, counters: Sequence[Counter]) -> tuple[int, ...]:
        keys = [counter_key(counter) for counter in counters]
        table = schema.counters
        rows = self._connection.execute(
            select(table.c.key, table.c.used).where(table.c.key.in_(keys))
        )
        found = {str(row.key): int(row.used) for row in rows}
        return tuple(found.get(key, 0) for key in keys)

    def search(self, search_id: str) -> SearchRecord | None:
        table = schema.searches
        row = self._connection.execute(
            select(table.c.entry, table.c.mandate, table.c.outcome).where(
                table.c.search_id == search_id
            )
        ).first()
        if row is None:
            return None
        ends = self._connection.execute(
            select(schema.ends.c.gallery, schema.ends.c.kind, schema.ends.c.entry).where(
                schema.ends.c.search_id == search_id
            )
        )
        people = self._connection.execute(
            select(
                schema.examiners.c.person, schema.examiners.c.task_id, schema.examiners.c.decided
            ).where(schema.examiners.c.search_id == search_id)
        )
        return SearchRecord(
            search_id=search_id,
            grant_index=int(row.entry),
            mandate=str(row.mandate),
            ends={str(one.gallery): (EntryKind(one.kind), int(one.entry)) for one in ends},
            examiners=tuple(Examiner(one.person, one.task_id, one.decided) for one in people),
            outcome=None if row.outcome is None else int(row.outcome),
        )

    def search_of_grant(self, grant_index: int) -> str | None:
        table = schema.searches
        found = self._connection.execute(
            select(table.c.search_id).where(table.c.entry == grant_index)
        ).scalar()
        return None if found is None else str(found)

    def body(self, index: int) -> dict[str, Any]:
        table = schema.bodies
        found = self._connection.execute(select(table.c.body).where(table.c.idx == index)).scalar()
        if found is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"the ledger has no body for entry {index}")
        return parse_body(bytes(found))[0]

    def last_receipt(self, gallery: str) -> tuple[int, str]:
        table = schema.receipt_heads
        row = self._connection.execute(
            select(table.c.sequence, table.c.digest).where(table.c.gallery == gallery)
        ).first()
        return _NO_RECEIPT if row is None else (int(row.sequence), str(row.digest))

    def active_policy(self, jurisdiction: str) -> tuple[int, str] | None:
        table = schema.bundles
        row = self._connection.execute(
            select(table.c.version, table.c.digest)
            .where(table.c.jurisdiction == jurisdiction)
            .order_by(table.c.version.desc())
            .limit(1)
        ).first()
        return None if row is None else (int(row.version), str(row.digest))

    def authority_key(self, jurisdiction: str) -> tuple[str, int] | None:
        table = schema.authority_keys
        row = self._connection.execute(
            select(table.c.key, table.c.entry).where(table.c.jurisdiction == jurisdiction)
        ).first()
        return None if row is None else (str(row.key), int(row.entry))

    def model(self, jurisdiction: str) -> tuple[str, int] | None:
        table = schema.gallery_models
        row = self._connection.execute(
            select(table.c.model_id, table.c.entry)
            .where(table.c.jurisdiction == jurisdiction)
            .order_by(table.c.entry.desc())
            .limit(1)
        ).first()
        return None if row is None else (str(row.model_id), int(row.entry))


def changes_policy(marks: Sequence[Mark]) -> bool:
    """Whether what these marks say makes evaluations made before them stale."""
    return any(isinstance(mark, _CHANGES_POLICY) for mark in marks)


def write_marks(connection: Connection, marks: Sequence[Mark], index: int, mandate: str) -> None:
    """Write what entry `index` changes beside the log."""
    for mark in marks:
        _write(connection, mark, index, mandate)


def _write(connection: Connection, mark: Mark, index: int, mandate: str) -> None:
    match mark:
        case Remember(marker):
            connection.execute(insert(schema.markers).values(marker=marker, entry=index))
        case Idempotent(key, digest):
            connection.execute(
                insert(schema.idempotency).values(key=key, digest=digest, entry=index)
            )
        case Count(counted):
            _count(connection, counted)
        case OpenSearch(search_id):
            connection.execute(
                insert(schema.searches).values(search_id=search_id, entry=index, mandate=mandate)
            )
        case EndGalleries(search_id, galleries, kind):
            rows = [
                {"search_id": search_id, "gallery": name, "kind": kind.value, "entry": index}
                for name in galleries
            ]
            connection.execute(insert(schema.ends), rows)
        case AddExaminer(search_id, person, task_id):
            connection.execute(
                insert(schema.examiners).values(search_id=search_id, person=person, task_id=task_id)
            )
        case Decided(search_id, person):
            table = schema.examiners
            at = (table.c.search_id == search_id) & (table.c.person == person)
            connection.execute(update(table).where(at).values(decided=index))
        case Concluded(search_id):
            at_search = schema.searches.c.search_id == search_id
            connection.execute(update(schema.searches).where(at_search).values(outcome=index))
        case ReceiptSeen(gallery, sequence, digest):
            _receipt_seen(connection, gallery, sequence, digest)
        case ActivatePolicy(jurisdiction, version, bundle):
            connection.execute(
                insert(schema.bundles).values(
                    digest=bundle.digest,
                    jurisdiction=jurisdiction,
                    version=version,
                    entry=index,
                    policy=bundle.policy,
                    authority=bundle.authority,
                    manifest=bundle.manifest,
                    signature=bundle.signature,
                )
            )
        case PinKey(jurisdiction, key):
            connection.execute(
                insert(schema.authority_keys).values(
                    jurisdiction=jurisdiction, key=key, entry=index
                )
            )
        case UseModel(jurisdiction, model_id):
            connection.execute(
                insert(schema.gallery_models).values(
                    entry=index, jurisdiction=jurisdiction, model_id=model_id
                )
            )


def _count(connection: Connection, counted: Sequence[Counter]) -> None:
    """One more use of each. The head is held, so what is read here stays true."""
    table = schema.counters
    keys = {counter_key(counter): counter for counter in counted}
    known = set(connection.execute(select(table.c.key).where(table.c.key.in_(keys))).scalars())
    if known:
        connection.execute(
            update(table).where(table.c.key.in_(known)).values(used=table.c.used + 1)
        )
    fresh = [
        {
            "key": key,
            "gallery": counter.gallery,
            "scope": counter.scope,
            "time_window": counter.window,
            "used": 1,
        }
        for key, counter in keys.items()
        if key not in known
    ]
    if fresh:
        connection.execute(insert(table), fresh)


def _receipt_seen(connection: Connection, gallery: str, sequence: int, digest: str) -> None:
    table = schema.receipt_heads
    changed = connection.execute(
        update(table).where(table.c.gallery == gallery).values(sequence=sequence, digest=digest)
    )
    if changed.rowcount == 0:
        connection.execute(insert(table).values(gallery=gallery, sequence=sequence, digest=digest))


def counter_key(counter: Counter) -> str:
    """A digest, so that the counters' table names no person and no case."""
    parts = [counter.gallery, counter.scope, counter.subject, counter.window]
    return hashlib.sha256(canonical.encode(parts)).hexdigest()
