"""How far enrolments are, projected from the bus. The plane's roster is the truth behind it."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, insert, select, update

from onrecord.chassis.database import read_transaction, take_turn, write_transaction
from onrecord.contracts.events import EnrolmentRef
from onrecord.gateway.core.enrolments import RANKS, EnrolmentProgress, furthest
from onrecord.gateway.store.events import ENROLMENT_CHANGED, EventStore, custodian
from onrecord.gateway.store.gallery_tables import enrolments
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import Clock, format_time, parse_time
from onrecord.kernel.vocabulary import EnrolmentStatus

_FORGET_AT_ONCE = 1000
_TURN = "enrolments"


class EnrolmentStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine, events: EventStore, clock: Clock) -> None:
        self._engine = engine
        self._events = events
        self._clock = clock

    def expect(self, enrolment: EnrolmentRef, model_id: str) -> None:
        """Somebody has asked for this one by name: its custodians hear how it ends."""
        asked = EnrolmentProgress(enrolment, EnrolmentStatus.REQUESTED, model_id)
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            held = self._held(connection, [enrolment.enrolment_id])
            if enrolment.enrolment_id not in held:
                connection.execute(_INSERT, [self._columns(asked, announced=True)])

    def advance(self, found: Sequence[EnrolmentProgress]) -> frozenset[str]:
        """Take in what events have told, whatever their order; the ids that have ended by it.

        Of what nobody asked for by name only the end is kept: a list of millions would be written
        four times, and the plane knows how far a row is.
        """
        told = furthest(list(found))
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            held = self._held(connection, list(told))
            fresh = [one for key, one in told.items() if key not in held and one.ended]
            further = [
                one
                for key, one in told.items()
                if key in held and RANKS[one.status] > held[key].rank
            ]
            if fresh:
                connection.execute(_INSERT, [self._columns(one, announced=False) for one in fresh])
            if further:
                connection.execute(
                    _ADVANCE,
                    [
                        self._changed(one, held[one.enrolment.enrolment_id].model_id)
                        for one in further
                    ],
                )
            ended = [one for one in (*fresh, *further) if one.ended]
            self._tell(connection, ended, held)
        return frozenset(one.enrolment.enrolment_id for one in ended)

    def find(self, enrolment_id: str) -> EnrolmentProgress | None:
        wanted = select(enrolments).where(enrolments.c.enrolment_id == enrolment_id)
        with read_transaction(self._engine) as connection:
            row = connection.execute(wanted).first()
        return None if row is None else _read(row)

    def forget_before(self, moment: datetime) -> int:
        """Forget some that have not moved since; how many that were, 0 when none is left.

        The roster is asked for them from then on.
        """
        old = (
            select(enrolments.c.enrolment_id)
            .where(enrolments.c.changed_at < format_time(moment))
            .limit(_FORGET_AT_ONCE)
        )
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            gone = list(connection.execute(old).scalars())
            connection.execute(delete(enrolments).where(enrolments.c.enrolment_id.in_(gone)))
        return len(gone)

    def _held(self, connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
        rows: Iterable[Row[Any]] = connection.execute(_HELD, {"ids": list(ids)})
        return {row.enrolment_id: row for row in rows}

    def _tell(
        self, connection: Connection, ended: Sequence[EnrolmentProgress], held: dict[str, Row[Any]]
    ) -> None:
        """Every reject, and what was asked for by name. A list of millions tells its chunks."""
        said: list[tuple[str, str, str, dict[str, str | int]]] = []
        for one in ended:
            row = held.get(one.enrolment.enrolment_id)
            if one.code is None and (row is None or not row.announced):
                continue
            data: dict[str, str | int] = {
                "gallery": one.enrolment.gallery,
                "status": one.status.value,
                **({} if one.code is None else {"code": one.code.value}),
            }
            audience = custodian(one.enrolment.gallery)
            said.append((audience, ENROLMENT_CHANGED, one.enrolment.enrolment_id, data))
        if said:
            self._events.add_all(connection, said)

    def _columns(self, one: EnrolmentProgress, *, announced: bool) -> dict[str, Any]:
        ref = one.enrolment
        return {
            "enrolment_id": ref.enrolment_id,
            "gallery": ref.gallery,
            "generation": ref.generation,
            "model_id": one.model_id,
            "status": one.status.value,
            "rank": RANKS[one.status],
            "code": None if one.code is None else one.code.value,
            "message": one.message,
            "details": json.dumps(one.details),
            "announced": announced,
            "changed_at": format_time(one.changed_at or self._clock.now()),
        }

    def _changed(self, one: EnrolmentProgress, known_model: str) -> dict[str, Any]:
        columns = self._columns(one, announced=False)
        columns["model_id"] = one.model_id or known_model
        del columns["announced"]
        return {f"to_{name}": value for name, value in columns.items()}


_INSERT = insert(enrolments)
_HELD = select(
    enrolments.c.enrolment_id,
    enrolments.c.rank,
    enrolments.c.announced,
    enrolments.c.model_id,
).where(enrolments.c.enrolment_id.in_(bindparam("ids", expanding=True)))
_MOVING = ("model_id", "status", "rank", "code", "message", "details", "changed_at")
_ADVANCE = (
    update(enrolments)
    .where(
        enrolments.c.enrolment_id == bindparam("to_enrolment_id"),
        enrolments.c.rank < bindparam("to_rank"),
    )
    .values({name: bindparam(f"to_{name}") for name in _MOVING})
)


def _read(row: Row[Any]) -> EnrolmentProgress:
    return EnrolmentProgress(
        EnrolmentRef(row.gallery, row.enrolment_id, row.generation),
        EnrolmentStatus(row.status),
        row.model_id,
        None if row.code is None else ErrorCode(row.code),
        row.message,
        json.loads(row.details),
        parse_time(row.changed_at),
    )
