"""What of the last hours somebody should look at: alarms, and keys of states that changed.

Read from the entries themselves: whichever process wrote them, and however it ended since.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, bindparam, select

from onrecord.audit import measured
from onrecord.audit.adapters import schema
from onrecord.audit.adapters.entry_times import first_since
from onrecord.chassis.database import read_transaction
from onrecord.chassis.telemetry import Value
from onrecord.kernel.times import Clock, parse_time
from onrecord.kernel.vocabulary import EntryKind

RECENT: Final = timedelta(hours=6)
_KEY: Final = "key"
_SIZE = select(schema.head.c.size)
_FOUND = (
    select(schema.entries.c.kind, schema.entries.c.time, schema.bodies.c.body)
    .outerjoin(schema.bodies, schema.bodies.c.idx == schema.entries.c.idx)
    .where(
        schema.entries.c.idx >= bindparam("first"),
        schema.entries.c.idx < bindparam("behind"),
        schema.entries.c.kind.in_([EntryKind.ALARM_RAISED.value, EntryKind.KEY_CHANGED.value]),
    )
    .order_by(schema.entries.c.idx)
)


class RecentEntries:
    """Each entry is looked at once, when it is first there to be read."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._next: int | None = None
        self._found: deque[tuple[datetime, str]] = deque()

    def read(self) -> Iterable[Value]:
        since = self._clock.now() - RECENT
        self._look(since)
        while self._found and self._found[0][0] < since:
            self._found.popleft()
        counts = Counter(about for _, about in self._found)
        for what in measured.ALARMED:
            yield Value(measured.ALARMS_RECENT, counts[what], {"what": what})
        yield Value(measured.KEYS_RECENT, counts[_KEY])

    def _look(self, since: datetime) -> None:
        with read_transaction(self._engine) as connection:
            size = int(connection.execute(_SIZE).scalar_one())
            first = first_since(connection, since, size) if self._next is None else self._next
            rows = connection.execute(_FOUND, {"first": first, "behind": size}).all()
        self._next = size
        for row in rows:
            about = _KEY if row.kind == EntryKind.KEY_CHANGED.value else _what(row.body)
            self._found.append((parse_time(str(row.time)), about))


def _what(body: bytes | None) -> str:
    """What an alarm is about; '' where its body is no more (R-26)."""
    return "" if body is None else str(json.loads(bytes(body)).get("what"))
