"""Which of the vectors that an index found belong to a record that may be found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from onrecord.chassis.database import Direct
from onrecord.kernel.times import format_time
from onrecord.vector_search.core.values import Gallery, RecordState
from onrecord.vector_search.roster.schema import records

_IN_ONE_QUERY = 500

# By key alone: with gallery and state among the conditions SQLite goes through every live record of
# the gallery.
_BY_KEY = Direct(
    select(records.c.index_key, records.c.enrolment_id, records.c.gallery, records.c.state).where(
        records.c.index_key.in_(bindparam("keys", expanding=True))
    ),
    listed="keys",
)


def live_of_manifest(tx: Connection, manifest_id: str) -> int:
    """How many enrolments of a list are live."""
    count = select(func.count()).where(
        records.c.manifest_id == manifest_id, records.c.state == RecordState.LIVE.value
    )
    return int(tx.execute(count).scalar_one())


def live_since_before(tx: Connection, gallery: Gallery, moment: datetime) -> int:
    """How many records of the gallery's model have been live since `moment` or longer."""
    count = select(func.count()).where(
        records.c.gallery == gallery.jurisdiction,
        records.c.state == RecordState.LIVE.value,
        records.c.model_id == gallery.model_id,
        records.c.ended_at <= format_time(moment),
    )
    return int(tx.execute(count).scalar_one())


@dataclass(frozen=True, slots=True)
class LiveRow:
    """Whose vector a key is, and of which gallery."""

    gallery: str
    enrolment_id: str


def live_rows(tx: Connection, index_keys: Sequence[str]) -> dict[str, LiveRow]:
    """Of these index keys, of whatever gallery, those whose row is live."""
    live: dict[str, LiveRow] = {}
    for start in range(0, len(index_keys), _IN_ONE_QUERY):
        keys = index_keys[start : start + _IN_ONE_QUERY]
        for index_key, enrolment_id, gallery, state in _BY_KEY.rows(tx, {"keys": keys}):
            if state == RecordState.LIVE.value:
                live[index_key] = LiveRow(gallery, enrolment_id)
    return live
