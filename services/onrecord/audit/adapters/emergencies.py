"""Emergencies as the books keep them: what was granted as one, and the entries that settle it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, insert, select, update

from onrecord.audit.adapters import schema
from onrecord.audit.core.emergency_books import (
    OpenedEmergency,
    OpenEmergency,
    SettleEmergency,
)
from onrecord.chassis.database import read_transaction
from onrecord.kernel.times import format_time, parse_time

_TABLE = schema.emergencies
_UNSETTLED = _TABLE.c.followed.is_(None) & _TABLE.c.lifted.is_(None)


def write_emergency(
    connection: Connection, mark: OpenEmergency | SettleEmergency, index: int
) -> None:
    """Write a mark of entry `index`."""
    if isinstance(mark, OpenEmergency):
        rows = [
            {
                "search_id": mark.search_id,
                "gallery": gallery,
                "person": mark.person,
                "due": format_time(due),
                "entry": index,
            }
            for gallery, due in mark.dues
        ]
        connection.execute(insert(_TABLE), rows)
        return
    at = (_TABLE.c.search_id == mark.search_id) & _TABLE.c.gallery.in_(mark.galleries)
    connection.execute(update(_TABLE).where(at).values({mark.how.value: index}))


def read_emergencies(connection: Connection, search_id: str) -> tuple[OpenedEmergency, ...]:
    """Those of a search, by gallery."""
    return _read(connection, _TABLE.c.search_id == search_id)


def read_unsettled(connection: Connection, person: str) -> tuple[OpenedEmergency, ...]:
    """A person's that are neither followed up nor lifted, the one due first at the head."""
    return _read(connection, _UNSETTLED & (_TABLE.c.person == person))


class StoredEmergencies:
    """Implements `service.ports.Emergencies`, outside an append."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, search_id: str) -> tuple[OpenedEmergency, ...]:
        with read_transaction(self._engine) as connection:
            return read_emergencies(connection, search_id)

    def overdue(self, now: datetime, limit: int) -> tuple[str, ...]:
        late = (
            select(_TABLE.c.search_id)
            .where(_UNSETTLED & _TABLE.c.alarmed.is_(None) & (_TABLE.c.due <= format_time(now)))
            .group_by(_TABLE.c.search_id)
            .limit(limit)
        )
        with read_transaction(self._engine) as connection:
            return tuple(connection.execute(late).scalars())


def _read(connection: Connection, where: ColumnElement[bool]) -> tuple[OpenedEmergency, ...]:
    rows = connection.execute(select(_TABLE).where(where).order_by(_TABLE.c.due, _TABLE.c.gallery))
    return tuple(_emergency(row) for row in rows)


def _emergency(row: Row[Any]) -> OpenedEmergency:
    return OpenedEmergency(
        search_id=str(row.search_id),
        gallery=str(row.gallery),
        person=str(row.person),
        due=parse_time(row.due),
        grant_index=int(row.entry),
        followed=None if row.followed is None else int(row.followed),
        alarmed=None if row.alarmed is None else int(row.alarmed),
        lifted=None if row.lifted is None else int(row.lifted),
    )
