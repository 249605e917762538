"""What clients are told without asking everywhere (R-40), in the order in which it happened.

An event is written in the transaction that makes it true, so none is missing and none is early. It
says that something changed and where to look: never a candidate, a score or a `record_id`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, delete, event, insert, select

from onrecord.chassis.database import read_transaction, take_turn, write_transaction
from onrecord.gateway.store import tables
from onrecord.kernel.times import Clock, format_time

SEARCH_CHANGED: Final = "search.changed"
TASK_ASSIGNED: Final = "task.assigned"
ENROLMENT_CHANGED: Final = "enrolment.changed"
CHUNK_CLOSED: Final = "chunk.closed"
RECORD_DELETED: Final = "record.deleted"

_FORGET_AT_ONCE: Final = 1000

Listener = Callable[[frozenset[str]], None]
"""Told whose events have come, after the commit."""

NewEvent = tuple[str, str, str, Mapping[str, str | int]]
"""Audience, kind, ref and data."""

_TOLD = "onrecord.told"
_ORDER = "events"
_FORGETTING = "old events"


@dataclass(frozen=True, slots=True)
class Event:
    """`ref` names what changed, such as a search; `data` says what of it, in short values."""

    event_id: int
    time: str
    kind: str
    ref: str
    data: Mapping[str, str | int]


def requester(person: str, agency: str) -> str:
    """The audience of one person's searches for one agency."""
    return f"requester\n{agency}\n{person}"


def examiner(person: str) -> str:
    """The audience of one examiner's tasks."""
    return f"examiner\n{person}"


def custodian(gallery: str) -> str:
    """The audience of what happens to a gallery: its custodians."""
    return f"custodian\n{gallery}"


class EventStore:
    """Ids rise in the order in which events can be read: who has read up to one has missed none."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._listener: Listener = lambda _: None
        event.listen(engine, "checkin", self._after)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of what is written through this engine from now on."""
        self._listener = listener

    def add(
        self,
        connection: Connection,
        audience: str,
        kind: str,
        ref: str,
        data: Mapping[str, str | int],
    ) -> None:
        """Write one as part of the caller's transaction, which must be a `write_transaction`."""
        self.add_all(connection, ((audience, kind, ref, data),))

    def add_all(self, connection: Connection, events: Sequence[NewEvent]) -> None:
        """Several, in this order."""
        take_turn(connection, _ORDER)
        time = format_time(self._clock.now())
        rows = [
            {"time": time, "audience": audience, "kind": kind, "ref": ref, "data": json.dumps(data)}
            for audience, kind, ref, data in events
        ]
        connection.execute(_INSERT, rows)
        told = connection.info.setdefault(_TOLD, set())
        told.update(audience for audience, _, _, _ in events)

    def of(self, audiences: Sequence[str], after: int, limit: int) -> tuple[Event, ...]:
        """The events for any of `audiences` with an id above `after`, at most `limit`, in order."""
        given = {"audiences": list(audiences), "after": after, "limit": limit}
        with read_transaction(self._engine) as connection:
            return tuple(
                Event(row.event_id, row.time, row.kind, row.ref, json.loads(row.data))
                for row in connection.execute(_SELECT, given)
            )

    def forget_before(self, moment: datetime) -> int:
        """Delete some that are older; how many that were, 0 when none is left.

        Clients read within that time or look things up one by one.
        """
        table = tables.events
        old = (
            select(table.c.event_id)
            .where(table.c.time < format_time(moment))
            .limit(_FORGET_AT_ONCE)
        )
        with write_transaction(self._engine) as connection:
            take_turn(connection, _FORGETTING)
            gone = list(connection.execute(old).scalars())
            connection.execute(delete(table).where(table.c.event_id.in_(gone)))
        return len(gone)

    def _after(self, _: Any, record: Any) -> None:
        """A connection is back, its transaction over. After a rollback it is one look too many."""
        told = record.info.pop(_TOLD, None)
        if told:
            self._listener(frozenset(told))


_INSERT = insert(tables.events)
_SELECT = (
    select(tables.events)
    .where(
        tables.events.c.audience.in_(bindparam("audiences", expanding=True)),
        tables.events.c.event_id > bindparam("after"),
    )
    .order_by(tables.events.c.event_id)
    .limit(bindparam("limit"))
)
