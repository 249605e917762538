"""Records that are gone: what is left of them here, and what was said of it (law 9)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from onrecord.contracts.enrolment import Deletion, RowStatus
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.deleting import Generation, Tombstone
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster.schema import deletions, manifest_rows, records

_IN_ONE_QUERY = 500
_OPEN = (RowStatus.AWAITED.value, RowStatus.PROCESSING.value)
_NO_TICKET = canonical.encode(Attestation(b"", b"", ()).to_json()).decode()
"""In the place of a ticket of a record that is gone: a ticket names its image by hash."""


def generations(tx: Connection, gallery: str, record_mac: str) -> tuple[Generation, ...]:
    """Every generation of a record, the newest first."""
    found = (
        select(records)
        .where(records.c.gallery == gallery, records.c.record_mac == record_mac)
        .order_by(records.c.generation.desc())
    )
    return tuple(_generation(row) for row in tx.execute(found))


def latest(tx: Connection, gallery: str, record_mac: str) -> Deletion | None:
    """The receipt for the latest deletion of a record."""
    row = tx.execute(
        select(deletions)
        .where(deletions.c.gallery == gallery, deletions.c.record_mac == record_mac)
        .order_by(deletions.c.generation.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _deletion(row)


def since(tx: Connection, gallery: str, record_macs: Sequence[str], when: datetime) -> set[str]:
    """Those of these records that were deleted at `when` or later.

    A list from before a deletion says nothing about what was decided since.
    """
    held: set[str] = set()
    for start in range(0, len(record_macs), _IN_ONE_QUERY):
        found = select(deletions.c.record_mac).where(
            deletions.c.gallery == gallery,
            deletions.c.record_mac.in_(record_macs[start : start + _IN_ONE_QUERY]),
            deletions.c.not_returned_from >= format_time(when),
        )
        held.update(tx.execute(found).scalars())
    return held


def bury(tx: Connection, gallery: str, record_mac: str, now: datetime) -> None:
    """No generation is returned from now on; keys, ids and image hashes are destroyed."""
    of_record = and_(records.c.gallery == gallery, records.c.record_mac == record_mac)
    at = format_time(now)
    pending = RecordState.PENDING.value
    tx.execute(
        update(records)
        .where(of_record, records.c.state == pending)
        .values(code=ErrorCode.RECORD_DELETED.value, message="the record was deleted")
    )
    tx.execute(
        update(records)
        .where(of_record, records.c.state != RecordState.GONE.value)
        .values(state=RecordState.GONE.value, ended_at=at, remains=1)
    )
    tx.execute(
        update(records)
        .where(of_record)
        .values(
            wrapped_key=None,
            record_id=None,
            image_sha256=None,
            template_sha256=None,
            ticket_attestation=_NO_TICKET,
        )
    )


def forget_rows(tx: Connection, record_mac: str) -> None:
    """Rows of lists that have ended no longer name the record: what stands for each is its leaf."""
    tx.execute(
        update(manifest_rows)
        .where(manifest_rows.c.record_mac == record_mac, manifest_rows.c.status.not_in(_OPEN))
        .values(record_id="", image_sha256="", path="")
    )


def add(tx: Connection, tombstone: Tombstone, backups_end: datetime, deleted: Attestation) -> None:
    tx.execute(
        insert(deletions).values(
            gallery=tombstone.gallery,
            record_mac=tombstone.record_mac,
            generation=tombstone.generation,
            not_returned_from=format_time(tombstone.deleted_at),
            backups_expire_at=format_time(backups_end),
            deleted=canonical.encode(deleted.to_json()).decode(),
        )
    )


def with_remains(tx: Connection, gallery: str, limit: int) -> tuple[Generation, ...]:
    """Gone generations whose sealed portrait or vector may still be somewhere."""
    found = select(records).where(records.c.gallery == gallery, records.c.remains == 1)
    rows = tx.execute(found.order_by(records.c.enrolment_id).limit(limit))
    return tuple(_generation(row) for row in rows)


def clear_remains(tx: Connection, enrolment_ids: Sequence[str]) -> None:
    for start in range(0, len(enrolment_ids), _IN_ONE_QUERY):
        some = enrolment_ids[start : start + _IN_ONE_QUERY]
        tx.execute(update(records).where(records.c.enrolment_id.in_(some)).values(remains=0))


def add_remains(tx: Connection, enrolment_ids: Sequence[str]) -> None:
    """Something of these gone generations has come to stand somewhere again."""
    for start in range(0, len(enrolment_ids), _IN_ONE_QUERY):
        some = enrolment_ids[start : start + _IN_ONE_QUERY]
        tx.execute(
            update(records)
            .where(records.c.enrolment_id.in_(some), records.c.state == RecordState.GONE.value)
            .values(remains=1)
        )


def uncompacted(
    tx: Connection, gallery: str, before: datetime, limit: int
) -> tuple[Tombstone, ...]:
    """Deletions of before a time that may still stand in the index's files, the oldest first."""
    found = (
        select(deletions)
        .where(
            deletions.c.gallery == gallery,
            deletions.c.compacted_at.is_(None),
            deletions.c.not_returned_from <= format_time(before),
        )
        .order_by(deletions.c.not_returned_from, deletions.c.record_mac)
        .limit(limit)
    )
    return tuple(
        Tombstone(row.gallery, row.record_mac, row.generation, parse_time(row.not_returned_from))
        for row in tx.execute(found)
    )


def buried(tx: Connection, tombstone: Tombstone) -> tuple[Generation, ...]:
    """The generations that a deletion was of."""
    held = generations(tx, tombstone.gallery, tombstone.record_mac)
    return tuple(one for one in held if one.generation <= tombstone.generation)


def have_remains(tx: Connection, tombstone: Tombstone) -> bool:
    found = select(func.count()).where(
        records.c.gallery == tombstone.gallery,
        records.c.record_mac == tombstone.record_mac,
        records.c.generation <= tombstone.generation,
        records.c.remains == 1,
    )
    return bool(tx.execute(found).scalar_one())


def statement_of(tx: Connection, tombstone: Tombstone) -> Attestation:
    """What was signed when the record was deleted."""
    return _attestation(tx.execute(select(deletions.c.deleted).where(_is(tombstone))).scalar_one())


def add_compacted(
    tx: Connection, tombstone: Tombstone, now: datetime, compacted: Attestation
) -> None:
    tx.execute(
        update(deletions)
        .where(_is(tombstone), deletions.c.compacted_at.is_(None))
        .values(
            compacted_at=format_time(now),
            compacted=canonical.encode(compacted.to_json()).decode(),
        )
    )


def _is(tombstone: Tombstone) -> ColumnElement[bool]:
    return and_(
        deletions.c.gallery == tombstone.gallery,
        deletions.c.record_mac == tombstone.record_mac,
        deletions.c.generation == tombstone.generation,
    )


def _generation(row: Row[tuple[object, ...]]) -> Generation:
    held = row._mapping
    return Generation(
        enrolment_id=held["enrolment_id"],
        gallery=held["gallery"],
        generation=held["generation"],
        state=RecordState(held["state"]),
        index_key=held["index_key"],
        vault_key=held["vault_key"],
    )


def _deletion(row: Row[tuple[object, ...]]) -> Deletion:
    held = row._mapping
    compacted_at, compacted = held["compacted_at"], held["compacted"]
    return Deletion(
        gallery=held["gallery"],
        generation=held["generation"],
        not_returned_from=parse_time(held["not_returned_from"]),
        vectors_compacted_at=None if compacted_at is None else parse_time(compacted_at),
        backups_expire_at=parse_time(held["backups_expire_at"]),
        deleted=_attestation(held["deleted"]),
        compacted=None if compacted is None else _attestation(compacted),
    )


def _attestation(held: str) -> Attestation:
    return Attestation.from_json(canonical.decode(held.encode()))
