"""The requests that stand in the ledger, read in order and outside an append."""

import json
from datetime import date

from sqlalchemy import Engine, bindparam, select

from onrecord.audit.adapters import schema
from onrecord.audit.core.fan_out import Asking
from onrecord.chassis.database import read_transaction
from onrecord.kernel.vocabulary import EntryKind

_SIZE = select(schema.head.c.size)
_TIME = select(schema.entries.c.time).where(schema.entries.c.idx == bindparam("at"))
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
        begins = (
            day.isoformat()
        )  # entry times are in UTC and of one form: their order is the texts'
        with read_transaction(self._engine) as connection:
            low, high = 0, int(connection.execute(_SIZE).scalar_one())
            while low < high:
                middle = (low + high) // 2
                if str(connection.execute(_TIME, {"at": middle}).scalar_one()) < begins:
                    low = middle + 1
                else:
                    high = middle
            return low

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
