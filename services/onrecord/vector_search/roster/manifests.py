"""Lists that a state has signed, and their chunks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from onrecord.contracts.enrolment import ChunkRef
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.roster.schema import chunks, manifests


@dataclass(frozen=True, slots=True)
class Manifest:
    """`opened_by`: the custodian, as entries name a person. `secret`: 32 bytes, None once gone."""

    manifest_id: str
    gallery: str
    act: ManifestAct
    opened_at: datetime
    opened_by: dict[str, str]
    secret: bytes | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of which rows were brought: all of them, once it is `delivered`.

    `counts` by status, `change`: once it is closed.
    """

    manifest_id: str
    number: int
    salt: bytes
    delivered: bool
    counts: dict[str, int]
    duplicates: int
    change: Attestation | None


def add(tx: Connection, manifest: Manifest, header: bytes, signature: str) -> None:
    tx.execute(
        insert(manifests).values(
            manifest_id=manifest.manifest_id,
            gallery=manifest.gallery,
            act=manifest.act.value,
            header=header,
            signature=signature,
            opened_at=format_time(manifest.opened_at),
            opened_by=canonical.encode(manifest.opened_by).decode(),
            secret=manifest.secret,
        )
    )


def find(tx: Connection, manifest_id: str) -> Manifest | None:
    held = manifests.c
    row = tx.execute(
        select(
            held.manifest_id, held.gallery, held.act, held.opened_at, held.opened_by, held.secret
        ).where(held.manifest_id == manifest_id)
    ).one_or_none()
    if row is None:
        return None
    opened_by: Any = canonical.decode(row.opened_by.encode())
    return Manifest(
        manifest_id=row.manifest_id,
        gallery=row.gallery,
        act=ManifestAct(row.act),
        opened_at=parse_time(row.opened_at),
        opened_by=opened_by,
        secret=row.secret,
    )


def header(tx: Connection, manifest_id: str) -> bytes:
    """The header of a manifest that there is: up to some megabytes."""
    found = select(manifests.c.header).where(manifests.c.manifest_id == manifest_id)
    return bytes(tx.execute(found).scalar_one())


def add_chunk(tx: Connection, manifest_id: str, number: int, salt: bytes) -> None:
    tx.execute(
        insert(chunks).values(manifest_id=manifest_id, number=number, salt=salt, forgotten=0)
    )


def deliver_chunk(tx: Connection, manifest_id: str, number: int, now: datetime) -> None:
    """Every row of it is held."""
    tx.execute(
        update(chunks)
        .where(chunks.c.manifest_id == manifest_id, chunks.c.number == number)
        .values(delivered_at=format_time(now))
    )


def to_forget(tx: Connection) -> tuple[ChunkRef, ...]:
    """Closed chunks whose rows have not been cut down to a report yet."""
    found = select(chunks.c.manifest_id, chunks.c.number).where(
        chunks.c.closed_at.is_not(None), chunks.c.forgotten == 0
    )
    return tuple(ChunkRef(row.manifest_id, row.number) for row in tx.execute(found))


def mark_forgotten(tx: Connection, ref: ChunkRef) -> None:
    tx.execute(
        update(chunks)
        .where(chunks.c.manifest_id == ref.manifest_id, chunks.c.number == ref.chunk)
        .values(forgotten=1)
    )


def find_chunk(tx: Connection, manifest_id: str, number: int) -> Chunk | None:
    found = select(chunks).where(chunks.c.manifest_id == manifest_id, chunks.c.number == number)
    row = tx.execute(found).one_or_none()
    return None if row is None else _chunk(row)


def delivered(tx: Connection, manifest_id: str) -> dict[int, Chunk]:
    """Every chunk of which rows were brought, by number."""
    found = select(chunks).where(chunks.c.manifest_id == manifest_id)
    return {row.number: _chunk(row) for row in tx.execute(found)}


def close_chunk(
    tx: Connection,
    chunk: Chunk,
    counts: dict[str, int],
    duplicates: int,
    change: Attestation,
    now: datetime,
) -> None:
    tx.execute(
        update(chunks)
        .where(chunks.c.manifest_id == chunk.manifest_id, chunks.c.number == chunk.number)
        .values(
            closed_at=format_time(now),
            change=canonical.encode(change.to_json()).decode(),
            counts=canonical.encode(counts).decode(),
            duplicates=duplicates,
        )
    )


def _chunk(row: Row[Any]) -> Chunk:
    counts: Any = canonical.decode(row.counts.encode()) if row.counts else {}
    change = row.change
    return Chunk(
        manifest_id=row.manifest_id,
        number=row.number,
        salt=row.salt,
        delivered=row.delivered_at is not None,
        counts=counts,
        duplicates=row.duplicates or 0,
        change=None if change is None else Attestation.from_json(canonical.decode(change.encode())),
    )
