"""What the ledger's books say of the ends of searches, read outside an append."""

import base64
import hashlib
import json
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from onrecord.audit.adapters import schema
from onrecord.audit.core.searching import EXPIRY_GRACE
from onrecord.chassis.database import read_transaction
from onrecord.contracts.audit import SearchEnd
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind


class StoredEnds:
    """Implements `service.ports.EndsOfSearches`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, search_id: str) -> tuple[SearchEnd, ...]:
        """Raises NOT_FOUND."""
        known, table = schema.searches, schema.ends
        with read_transaction(self._engine) as connection:
            if not connection.execute(
                select(known.c.entry).where(known.c.search_id == search_id)
            ).first():
                raise OnRecordError(ErrorCode.NOT_FOUND, f"no search {search_id[:64]} was granted")
            rows = connection.execute(
                select(table.c.gallery, table.c.kind, table.c.entry)
                .where(table.c.search_id == search_id)
                .order_by(table.c.gallery)
            ).all()
            return tuple(
                SearchEnd(
                    gallery=str(row.gallery),
                    kind=EntryKind(row.kind),
                    index=int(row.entry),
                    receipt_sha256=_receipt(connection, int(row.entry))
                    if row.kind == EntryKind.SEARCH_EXECUTED
                    else None,
                )
                for row in rows
            )

    def overdue(self, now: datetime, limit: int) -> tuple[tuple[str, datetime], ...]:
        table = schema.open_grants
        with read_transaction(self._engine) as connection:
            rows = connection.execute(
                select(table.c.search_id, table.c.due)
                .where(table.c.due <= format_time(now))
                .distinct()
                .order_by(table.c.due)
                .limit(limit)
            )
            return tuple((str(row.search_id), parse_time(row.due)) for row in rows)

    def passed(self, limit: int) -> tuple[str, ...]:
        open_grants, searches, reach = schema.open_grants, schema.searches, schema.receipt_reach
        found: set[str] = set()
        with read_transaction(self._engine) as connection:
            for row in connection.execute(select(reach)).all():
                rows = connection.execute(
                    select(open_grants.c.search_id)
                    .join(searches, searches.c.search_id == open_grants.c.search_id)
                    .where(
                        open_grants.c.gallery == row.gallery,
                        open_grants.c.due < format_time(parse_time(row.made_at) + EXPIRY_GRACE),
                        searches.c.entry > row.gap,
                    )
                    .limit(limit)
                )
                found.update(str(one) for one in rows.scalars())
        return tuple(sorted(found))

    def changes_missing(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        table = schema.changes_seen
        with read_transaction(self._engine) as connection:
            rows = connection.execute(
                select(table.c.gallery, table.c.sequence)
                .where(table.c.since <= format_time(before))
                .order_by(table.c.since)
                .limit(limit)
            )
            return tuple((str(row.gallery), int(row.sequence)) for row in rows)

    def any_held(self) -> bool:
        with read_transaction(self._engine) as connection:
            return connection.execute(select(schema.held_receipts.c.digest)).first() is not None


def _receipt(connection: Connection, index: int) -> str:
    """The digest of the statement that stands in an entry."""
    table = schema.bodies
    body = connection.execute(select(table.c.body).where(table.c.idx == index)).scalar_one()
    statement = json.loads(bytes(body))["attestation"]["statement"]
    return hashlib.sha256(base64.b64decode(statement)).hexdigest()
