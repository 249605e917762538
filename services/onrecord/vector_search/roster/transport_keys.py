"""When which transport key is used. The keys themselves are never here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from onrecord.kernel.times import format_time, parse_time
from onrecord.vector_search.roster.schema import transport_keys as held_keys


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """A key seals until `seal_until`; at `opens_until` it is destroyed."""

    key_id: str
    seal_until: datetime
    opens_until: datetime
    destroyed: bool = False


def newest(tx: Connection, gallery: str) -> KeyTimes | None:
    """The key that seals longest, if any is left."""
    found = (
        select(held_keys)
        .where(held_keys.c.gallery == gallery, held_keys.c.destroyed_at.is_(None))
        .order_by(held_keys.c.seal_until.desc())
        .limit(1)
    )
    row = tx.execute(found).one_or_none()
    return None if row is None else _times(row)


def find(tx: Connection, gallery: str, key_id: str) -> KeyTimes | None:
    found = select(held_keys).where(held_keys.c.gallery == gallery, held_keys.c.key_id == key_id)
    row = tx.execute(found).one_or_none()
    return None if row is None else _times(row)


def standing(tx: Connection, gallery: str) -> tuple[KeyTimes, ...]:
    """Every key that is not destroyed."""
    found = select(held_keys).where(
        held_keys.c.gallery == gallery, held_keys.c.destroyed_at.is_(None)
    )
    return tuple(_times(row) for row in tx.execute(found))


def add(tx: Connection, gallery: str, key: KeyTimes) -> None:
    tx.execute(
        insert(held_keys).values(
            gallery=gallery,
            key_id=key.key_id,
            seal_until=format_time(key.seal_until),
            opens_until=format_time(key.opens_until),
        )
    )


def mark_destroyed(tx: Connection, gallery: str, key_ids: Sequence[str], now: datetime) -> None:
    tx.execute(
        update(held_keys)
        .where(held_keys.c.gallery == gallery, held_keys.c.key_id.in_(key_ids))
        .values(destroyed_at=format_time(now))
    )


def _times(row: Row[Any]) -> KeyTimes:
    return KeyTimes(
        key_id=row.key_id,
        seal_until=parse_time(row.seal_until),
        opens_until=parse_time(row.opens_until),
        destroyed=row.destroyed_at is not None,
    )
