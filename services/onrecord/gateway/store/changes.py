"""Changes of galleries that custodians have been told of, each once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, delete, insert, select

from onrecord.chassis.database import take_turn, write_transaction
from onrecord.gateway.core.changes import ChangeNews
from onrecord.gateway.store.events import CHUNK_CLOSED, RECORD_DELETED, EventStore, custodian
from onrecord.gateway.store.gallery_tables import told_changes
from onrecord.kernel.times import Clock, format_time

_FORGET_AT_ONCE: Final = 1000
_TURN: Final = "changes"


class ChangeStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine, events: EventStore, clock: Clock) -> None:
        self._engine = engine
        self._events = events
        self._clock = clock

    def tell(self, found: Sequence[ChangeNews]) -> None:
        """Tell the custodians of what they have not been told of."""
        news = {one.statement_sha256: one for one in found}
        table = told_changes
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            known = connection.execute(
                select(table.c.statement_sha256).where(table.c.statement_sha256.in_(list(news)))
            ).scalars()
            fresh = [news[key] for key in sorted(set(news) - set(known))]
            if not fresh:
                return
            time = format_time(self._clock.now())
            connection.execute(
                insert(table),
                [{"statement_sha256": one.statement_sha256, "time": time} for one in fresh],
            )
            self._events.add_all(
                connection,
                [
                    (
                        custodian(one.gallery),
                        RECORD_DELETED if one.manifest_id is None else CHUNK_CLOSED,
                        one.manifest_id or one.statement_sha256,
                        {"gallery": one.gallery, **one.data},
                    )
                    for one in fresh
                ],
            )

    def forget_before(self, moment: datetime) -> int:
        """Forget some that were told earlier; how many that were, 0 when none is left."""
        digest = told_changes.c.statement_sha256
        old = select(digest).where(told_changes.c.time < format_time(moment)).limit(_FORGET_AT_ONCE)
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            gone = list(connection.execute(old).scalars())
            connection.execute(delete(told_changes).where(digest.in_(gone)))
        return len(gone)
