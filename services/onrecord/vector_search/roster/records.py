"""Records by generation: the truth about what may be found."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, func, insert, select, update

from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.values import RecordRow, RecordState
from onrecord.vector_search.roster.schema import gallery_changes, records

_IN_ONE_QUERY = 500


def next_generation(tx: Connection, gallery: str, record_id: str) -> int:
    """One more than any generation ever allocated; the caller holds the gallery's lock."""
    highest = tx.execute(
        select(func.max(records.c.generation)).where(
            records.c.gallery == gallery, records.c.record_id == record_id
        )
    ).scalar_one()
    return int(highest or 0) + 1


def add_pending(tx: Connection, row: RecordRow) -> None:
    tx.execute(
        insert(records).values(
            enrolment_id=row.enrolment_id,
            gallery=row.gallery,
            record_id=row.record_id,
            generation=row.generation,
            state=row.state.value,
            image_sha256=row.image_sha256,
            model_id=row.model_id,
            ticket=row.ticket,
            index_key=row.index_key,
            vault_key=row.vault_key,
            remains=0,
        )
    )


def find(tx: Connection, enrolment_id: str) -> RecordRow | None:
    row = tx.execute(select(records).where(records.c.enrolment_id == enrolment_id)).one_or_none()
    return None if row is None else _record(row)


def older(tx: Connection, row: RecordRow) -> tuple[RecordRow, ...]:
    """The older generations of the same record that are not gone yet."""
    found = select(records).where(
        records.c.gallery == row.gallery,
        records.c.record_id == row.record_id,
        records.c.generation < row.generation,
        records.c.state != RecordState.GONE.value,
    )
    return tuple(_record(held) for held in tx.execute(found.order_by(records.c.generation)))


def make_live(
    tx: Connection, enrolment_id: str, *, template_sha256: str, wrapped_key: bytes
) -> None:
    tx.execute(
        update(records)
        .where(records.c.enrolment_id == enrolment_id)
        .values(
            state=RecordState.LIVE.value,
            template_sha256=template_sha256,
            wrapped_key=wrapped_key,
        )
    )


def make_gone(tx: Connection, enrolment_ids: Sequence[str]) -> None:
    """Not returned from now on, and unreadable from now on: their data keys are destroyed."""
    tx.execute(
        update(records)
        .where(records.c.enrolment_id.in_(enrolment_ids))
        .values(state=RecordState.GONE.value, wrapped_key=None, remains=1)
    )


def with_remains(tx: Connection, gallery: str) -> tuple[RecordRow, ...]:
    """Gone generations whose sealed portrait or vector may still be somewhere."""
    found = select(records).where(records.c.gallery == gallery, records.c.remains == 1)
    return tuple(_record(row) for row in tx.execute(found.order_by(records.c.enrolment_id)))


def clear_remains(tx: Connection, enrolment_id: str) -> None:
    tx.execute(update(records).where(records.c.enrolment_id == enrolment_id).values(remains=0))


def live_keys(tx: Connection, gallery: str, index_keys: Sequence[str]) -> dict[str, str]:
    """Of these index keys, those whose row is live, each with its enrolment."""
    live: dict[str, str] = {}
    for start in range(0, len(index_keys), _IN_ONE_QUERY):
        found = select(records.c.index_key, records.c.enrolment_id).where(
            records.c.index_key.in_(index_keys[start : start + _IN_ONE_QUERY]),
            records.c.gallery == gallery,
            records.c.state == RecordState.LIVE.value,
        )
        live.update((row.index_key, row.enrolment_id) for row in tx.execute(found))
    return live


def add_change(tx: Connection, row: RecordRow, change: Attestation) -> None:
    """Keep what was said of this enrolment, to say the same again."""
    tx.execute(
        insert(gallery_changes).values(
            enrolment_id=row.enrolment_id,
            gallery=row.gallery,
            attestation=canonical.encode(change.to_json()).decode(),
        )
    )


def find_change(tx: Connection, enrolment_id: str) -> Attestation | None:
    held = tx.execute(
        select(gallery_changes.c.attestation).where(gallery_changes.c.enrolment_id == enrolment_id)
    ).scalar_one_or_none()
    return None if held is None else Attestation.from_json(canonical.decode(held.encode()))


def _record(row: Row[tuple[object, ...]]) -> RecordRow:
    held = row._mapping
    return RecordRow(
        enrolment_id=held["enrolment_id"],
        gallery=held["gallery"],
        record_id=held["record_id"],
        generation=held["generation"],
        state=RecordState(held["state"]),
        image_sha256=held["image_sha256"],
        model_id=held["model_id"],
        ticket=held["ticket"],
        index_key=held["index_key"],
        vault_key=held["vault_key"],
        template_sha256=held["template_sha256"],
        wrapped_key=held["wrapped_key"],
    )
