"""Messages that nobody could work on, projected from the dead-letter topics: ids and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, select, tuple_, update

from onrecord.chassis.database import read_transaction, take_turn, write_transaction
from onrecord.contracts.events import DeadLetter, EnrolmentRef
from onrecord.gateway.store.gallery_tables import dead_letters
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time

_TURN = "dead letters"


@dataclass(frozen=True, slots=True)
class HeldLetter:
    """A dead letter by the number it was given here. `redriven_at`: when it was last sent on."""

    letter_id: int
    letter: DeadLetter
    redriven_at: datetime | None


class DeadLetterStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Take in what was told; what is known already stays as it is."""
        by_place = {(one.topic, one.partition, one.offset): one for one in letters}
        table = dead_letters
        place = tuple_(table.c.topic, table.c.partition, table.c.offset)
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            known = connection.execute(
                select(table.c.topic, table.c.partition, table.c.offset).where(
                    place.in_(list(by_place))
                )
            )
            held = {tuple(row) for row in known}
            fresh = [_columns(one) for at, one in by_place.items() if at not in held]
            if fresh:
                connection.execute(insert(table), fresh)

    def get(self, letter_id: int) -> HeldLetter:
        """Raises NOT_FOUND."""
        wanted = select(dead_letters).where(dead_letters.c.letter_id == letter_id)
        with read_transaction(self._engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such dead letter")
        return _read(row)

    def list(
        self, gallery: str | None, after: int, limit: int, *, waiting: bool = False
    ) -> tuple[HeldLetter, ...]:
        """By rising id above `after`; of one gallery, or of all. `waiting`: not sent on yet."""
        table = dead_letters
        wanted = select(table).where(table.c.letter_id > after)
        if gallery is not None:
            wanted = wanted.where(table.c.gallery == gallery)
        if waiting:
            wanted = wanted.where(table.c.redriven_at.is_(None), table.c.enrolment_id != "")
        with read_transaction(self._engine) as connection:
            rows = connection.execute(wanted.order_by(table.c.letter_id).limit(limit))
            return tuple(_read(row) for row in rows)

    def redriven(self, letter_ids: Sequence[int], now: datetime) -> None:
        """They are on their way again."""
        table = dead_letters
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.letter_id.in_(list(letter_ids)))
                .values(redriven_at=format_time(now))
            )


def _columns(letter: DeadLetter) -> dict[str, Any]:
    ref = letter.enrolment
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "gallery": "" if ref is None else ref.gallery,
        "enrolment_id": "" if ref is None else ref.enrolment_id,
        "generation": 0 if ref is None else ref.generation,
        "code": letter.code.value,
        "message": letter.message,
        "attempts": letter.attempts,
        "time": format_time(letter.time),
    }


def _read(row: Row[Any]) -> HeldLetter:
    ref = EnrolmentRef(row.gallery, row.enrolment_id, row.generation) if row.enrolment_id else None
    letter = DeadLetter(
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        enrolment=ref,
        code=ErrorCode(row.code),
        message=row.message,
        attempts=row.attempts,
        time=parse_time(row.time),
    )
    redriven = None if row.redriven_at is None else parse_time(row.redriven_at)
    return HeldLetter(row.letter_id, letter, redriven)
