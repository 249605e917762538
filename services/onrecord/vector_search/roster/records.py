"""Records by generation: the truth about what may be found."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.values import RecordRow, RecordState
from onrecord.vector_search.roster.schema import gallery_changes, records

_IN_ONE_QUERY = 500
_ADD = insert(records)
_OF_ENROLMENTS = select(records).where(
    records.c.enrolment_id.in_(bindparam("named", expanding=True))
)
_OF_RECORDS = (
    select(records)
    .where(
        records.c.gallery == bindparam("of"),
        records.c.record_mac.in_(bindparam("named", expanding=True)),
    )
    .order_by(records.c.generation)
)
_BY_IMAGE = select(records.c.image_sha256, records.c.record_mac).where(
    records.c.gallery == bindparam("of"),
    records.c.image_sha256.in_(bindparam("named", expanding=True)),
    records.c.state != RecordState.GONE.value,
)


def add_pending(tx: Connection, rows: Sequence[RecordRow]) -> None:
    if rows:
        tx.execute(_ADD, [_columns(row) for row in rows])


def find(tx: Connection, enrolment_id: str) -> RecordRow | None:
    return find_all(tx, [enrolment_id]).get(enrolment_id)


def find_all(tx: Connection, enrolment_ids: Collection[str]) -> dict[str, RecordRow]:
    """Those of these enrolments that there are, by id."""
    return {row.enrolment_id: row for row in _found(tx, _OF_ENROLMENTS, enrolment_ids)}


def generations(
    tx: Connection, gallery: str, record_macs: Collection[str]
) -> dict[str, list[RecordRow]]:
    """Every generation of these records, the oldest first."""
    held: dict[str, list[RecordRow]] = {}
    for row in _found(tx, _OF_RECORDS, record_macs, {"of": gallery}):
        held.setdefault(row.record_mac, []).append(row)
    return held


def with_images(tx: Connection, gallery: str, images: Collection[str]) -> dict[str, set[str]]:
    """Which records (by mac) have one of these images, live or on its way."""
    held: dict[str, set[str]] = {}
    for some in _parts(images):
        for image, mac in tx.execute(_BY_IMAGE, {"of": gallery, "named": some}).all():
            held.setdefault(image, set()).add(mac)
    return held


def of_manifest_rows(
    tx: Connection, manifest_id: str, rows: Collection[int]
) -> dict[int, RecordRow]:
    """The enrolments of these rows, by row."""
    held: dict[int, RecordRow] = {}
    for some in _parts(rows):
        found = select(records).where(records.c.manifest_id == manifest_id, records.c.row.in_(some))
        held.update({row.row: _record(row) for row in tx.execute(found)})
    return held


def macs_of_manifest(tx: Connection, manifest_id: str, record_macs: Collection[str]) -> set[str]:
    """Those of these records that this manifest has begun to enrol."""
    held: set[str] = set()
    for some in _parts(record_macs):
        found = select(records.c.record_mac).where(
            records.c.manifest_id == manifest_id, records.c.record_mac.in_(some)
        )
        held.update(tx.execute(found).scalars())
    return held


def renew_ticket(tx: Connection, enrolment_id: str, ticket: str, signed: Attestation) -> None:
    """Another ticket takes the place of one that ran out before it was used."""
    tx.execute(
        update(records)
        .where(records.c.enrolment_id == enrolment_id)
        .values(ticket=ticket, ticket_attestation=_held(signed))
    )


def submit(
    tx: Connection, enrolment_id: str, *, ciphertext_sha256: str, wrapped_key: bytes
) -> None:
    """Its sealed portrait stands in the vault."""
    tx.execute(
        update(records)
        .where(records.c.enrolment_id == enrolment_id)
        .values(ciphertext_sha256=ciphertext_sha256, wrapped_key=wrapped_key)
    )


def make_live(tx: Connection, templates: Mapping[str, str], now: datetime) -> None:
    """`templates`: the SHA-256 of the template of each enrolment."""
    if not templates:
        return
    change = (
        update(records)
        .where(records.c.enrolment_id == bindparam("named"))
        .values(
            state=RecordState.LIVE.value,
            ended_at=format_time(now),
            template_sha256=bindparam("template"),
        )
    )
    tx.execute(change, [{"named": one, "template": said} for one, said in templates.items()])


def make_gone(
    tx: Connection,
    enrolment_ids: Sequence[str],
    now: datetime,
    code: ErrorCode | None = None,
    message: str = "",
) -> None:
    """Not returned from now on, and unreadable from now on: their data keys are destroyed.

    `code`: why they never were live; None for those that were.
    """
    for some in _parts(enrolment_ids):
        tx.execute(
            update(records)
            .where(records.c.enrolment_id.in_(some))
            .values(
                state=RecordState.GONE.value,
                wrapped_key=None,
                remains=1,
                ended_at=format_time(now),
                code=None if code is None else code.value,
                message=message or None,
            )
        )


def add_change(tx: Connection, row: RecordRow, change: Attestation) -> None:
    """Keep what was said of this enrolment, to say it once."""
    tx.execute(
        insert(gallery_changes).values(
            enrolment_id=row.enrolment_id, gallery=row.gallery, attestation=_held(change)
        )
    )


def find_change(tx: Connection, enrolment_id: str) -> Attestation | None:
    held = tx.execute(
        select(gallery_changes.c.attestation).where(gallery_changes.c.enrolment_id == enrolment_id)
    ).scalar_one_or_none()
    return None if held is None else _attestation(held)


def _found(
    tx: Connection,
    query: Select[Any],
    named: Collection[str],
    more: Mapping[str, str] | None = None,
) -> Iterator[RecordRow]:
    for some in _parts(named):
        for row in tx.execute(query, {"named": some, **(more or {})}).all():
            yield _record(row)


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    held = list(values)
    for start in range(0, len(held), _IN_ONE_QUERY):
        yield held[start : start + _IN_ONE_QUERY]


def _columns(row: RecordRow) -> dict[str, object]:
    return {
        "enrolment_id": row.enrolment_id,
        "gallery": row.gallery,
        "record_mac": row.record_mac,
        "record_id": row.record_id,
        "generation": row.generation,
        "state": row.state.value,
        "image_sha256": row.image_sha256,
        "model_id": row.model_id,
        "ticket": row.ticket,
        "ticket_attestation": _held(row.ticket_attestation),
        "index_key": row.index_key,
        "vault_key": row.vault_key,
        "remains": 0,
        "requested_at": format_time(row.requested_at),
        "duplicate": int(row.duplicate),
        "authorised_by": row.authorised_by,
        "manifest_id": row.manifest_id,
        "row": row.row,
    }


def _record(row: Row[Any]) -> RecordRow:
    held = row._mapping
    ended_at, code = held["ended_at"], held["code"]
    return RecordRow(
        enrolment_id=held["enrolment_id"],
        gallery=held["gallery"],
        record_mac=held["record_mac"],
        record_id=held["record_id"],
        generation=held["generation"],
        state=RecordState(held["state"]),
        image_sha256=held["image_sha256"],
        model_id=held["model_id"],
        ticket=held["ticket"],
        ticket_attestation=_attestation(held["ticket_attestation"]),
        index_key=held["index_key"],
        vault_key=held["vault_key"],
        requested_at=parse_time(held["requested_at"]),
        authorised_by=held["authorised_by"],
        manifest_id=held["manifest_id"],
        row=held["row"],
        duplicate=bool(held["duplicate"]),
        ciphertext_sha256=held["ciphertext_sha256"],
        wrapped_key=held["wrapped_key"],
        template_sha256=held["template_sha256"],
        ended_at=None if ended_at is None else parse_time(ended_at),
        code=None if code is None else ErrorCode(code),
        message=held["message"] or "",
    )


def _held(attestation: Attestation) -> str:
    return canonical.encode(attestation.to_json()).decode()


def _attestation(held: str) -> Attestation:
    return Attestation.from_json(canonical.decode(held.encode()))
