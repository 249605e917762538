"""The requests that stand in the ledger, read in order and outside an append."""

import json
from datetime import UTC, date, datetime, time

from sqlalchemy import Engine, bindparam, select

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.entry_times import first_since
from onrecord.audit.core.fan_out import Asking
from onrecord.chassis.database import read_transaction
from onrecord.kernel.vocabulary import EntryKind

_SIZE = select(schema.head.c.size)
_REQUESTS = (
    select(schema.bodies.c.body)
    .join(schema.entries, schema.entries.c.idx == schema.bodies.c.idx)
    .where(
        schema.entries.c.idx >= bindparam("first"),
        schema.entries.c.idx < bindparam("behind"),
        schema.entries.c.kind.in_(
            [EntryKind.REQUEST_GRANTED.value, EntryKind.REQUEST_REFUSED.value]
        ),
    )
    .order_by(schema.entries.c.idx)
)


class StoredRequests:
    """Implements `service.ports.RequestsMade`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first_of(self, day: date) -> int:
        begins = datetime.combine(day, time(), UTC)
        with read_transaction(self._engine) as connection:
            return first_since(connection, begins, int(connection.execute(_SIZE).scalar_one()))

    def after(self, index: int, limit: int) -> tuple[tuple[Asking, ...], int]:
        with read_transaction(self._engine) as connection:
            size = int(connection.execute(_SIZE).scalar_one())
            behind = min(index + limit, size)
            rows = connection.execute(_REQUESTS, {"first": index, "behind": behind})
            return tuple(_asking(bytes(body)) for body in rows.scalars()), max(index, behind)


def _asking(data: bytes) -> Asking:
    body = json.loads(data)
    asked = body["request"]
    return Asking(
        person=str(body["by"]["person"]),
        agency=str(body["by"]["agency"]),
        case_number=str(asked["case_number"]),
        galleries=tuple(str(name) for name in asked["galleries"]),
    )
