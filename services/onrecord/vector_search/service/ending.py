"""How enrolments end: rows, what the ledger is told, and the chunk that ends with its last row.

Everything here happens inside a transaction of the caller's, who holds the gallery's lock and
queues the events that come back in that same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from onrecord.chassis.sealing import new_data_key
from onrecord.contracts.enrolment import ChunkRef, RowStatus
from onrecord.contracts.events import EnrolmentRejected, Event, GalleryChanged, RecordEnrolled
from onrecord.kernel.errors import ErrorCode
from onrecord.proof import canonical
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.statements import (
    Commitments,
    chunk_change_body,
    committed,
    single_change_body,
)
from onrecord.vector_search.core.values import Gallery, RecordRow
from onrecord.vector_search.measured import (
    ENROLLED,
    ENROLMENT_SECONDS,
    ENROLMENTS,
    REJECTED,
    REJECTS,
)
from onrecord.vector_search.roster import manifest_rows, manifests, records
from onrecord.vector_search.roster.manifest_rows import HeldRow, RowEnd
from onrecord.vector_search.service.chaining import signed_change
from onrecord.vector_search.service.parts import PlaneParts

_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that is live now, with its record's data key and its template's hash."""

    row: RecordRow
    data_key: bytes
    template_sha256: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that will not be live, and why. `told`: the bus knows already."""

    row: RecordRow
    code: ErrorCode
    message: str
    told: bool = False


def _count(
    gallery: Gallery, accepted: Sequence[Accepted], rejected: Sequence[Rejected], now: datetime
) -> None:
    name = gallery.jurisdiction
    for good in accepted:
        ENROLMENTS.add(gallery=name, outcome=ENROLLED)
        took = (now - good.row.requested_at).total_seconds()
        ENROLMENT_SECONDS.observe(took, gallery=name)
    for bad in rejected:
        ENROLMENTS.add(gallery=name, outcome=REJECTED)
        REJECTS.add(reason=bad.code.value)


class Endings:
    """Writes ends, and says what is to be published of them."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts

    def write(
        self,
        tx: Connection,
        gallery: Gallery,
        accepted: Sequence[Accepted],
        rejected: Sequence[Rejected],
        now: datetime,
    ) -> list[Event]:
        """The records' own rows are written by the caller; this is everything about their end."""
        _count(gallery, accepted, rejected, now)
        terms = _Terms(tx, [*(one.row for one in accepted), *(one.row for one in rejected)])
        events: list[Event] = []
        ended: list[RowEnd] = []
        chunks: set[ChunkRef] = set()
        for good in accepted:
            events.append(RecordEnrolled(good.row.ref, good.row.model_id, now))
            if good.row.manifest_id is None:
                events.append(self._single(tx, good.row, good.data_key, None, now))
                continue
            held = terms.held(good.row)
            if held is None or not held.open:
                continue
            chunk = ChunkRef(held.manifest_id, held.chunk)
            said = committed(good.data_key, terms.salt(chunk), *_named(good.row))
            ended.append(_row_end(good.row, RowStatus.ACCEPTED, said))
            chunks.add(chunk)
        for bad in rejected:
            if not bad.told:
                events.append(EnrolmentRejected(bad.row.ref, bad.code, bad.message, now))
            if bad.row.manifest_id is None:
                if records.find_change(tx, bad.row.enrolment_id) is None:
                    # Nobody keeps the key: what was rejected is nothing the roster still holds.
                    events.append(self._single(tx, bad.row, new_data_key(), bad.code, now))
                continue
            held = terms.held(bad.row)
            if held is None or not held.open:
                continue
            chunk, content = ChunkRef(held.manifest_id, held.chunk), held.content
            key = terms.manifest(bad.row.manifest_id).secret or new_data_key()
            said = committed(
                key, terms.salt(chunk), content.record_id, content.image_sha256, bad.code
            )
            ended.append(_row_end(bad.row, RowStatus.REJECTED, said))
            chunks.add(chunk)
        self._parts.reached(write_points.CHANGE_STORED)
        manifest_rows.end(tx, ended)
        self._parts.reached(write_points.ROWS_ENDED)
        for chunk in sorted(chunks, key=lambda one: (one.manifest_id, one.chunk)):
            events.extend(self.close_if_ended(tx, gallery, chunk, now))
        return events

    def refuse(
        self,
        tx: Connection,
        gallery: Gallery,
        rows: Sequence[HeldRow],
        code: ErrorCode,
        now: datetime,
    ) -> list[Event]:
        """End rows that wait for a portrait, which shall not come; their chunks with them."""
        terms = _Terms(tx, ())
        ended = []
        for row in rows:
            chunk, content = ChunkRef(row.manifest_id, row.chunk), row.content
            key = terms.manifest(row.manifest_id).secret or new_data_key()
            said = committed(key, terms.salt(chunk), content.record_id, content.image_sha256, code)
            leaf = said.leaf.hex()
            ended.append(RowEnd(row.manifest_id, row.row, RowStatus.REJECTED, leaf, code))
        manifest_rows.end(tx, ended)
        chunks = dict.fromkeys(ChunkRef(row.manifest_id, row.chunk) for row in rows)
        return [said for ref in chunks for said in self.close_if_ended(tx, gallery, ref, now)]

    def close_if_ended(
        self, tx: Connection, gallery: Gallery, ref: ChunkRef, now: datetime
    ) -> list[Event]:
        """Close a chunk, once, when none of its rows is open: the statement about it."""
        chunk = manifests.find_chunk(tx, ref.manifest_id, ref.chunk)
        if chunk is None or not chunk.delivered or chunk.change is not None:
            return []
        if manifest_rows.is_open(tx, ref):
            return []
        manifest = manifests.find(tx, ref.manifest_id)
        if manifest is None:
            return []
        ends = list(manifest_rows.leaves(tx, ref))
        counts = {status.value: 0 for status in RowStatus}
        for status, _ in ends:
            counts[status.value] += 1
        good = (RowStatus.ACCEPTED, RowStatus.DELETED)
        change = signed_change(
            self._parts,
            tx,
            chunk_change_body(
                gallery.jurisdiction,
                gallery.model_id,
                act=manifest.act,
                manifest=ref.manifest_id,
                chunk=ref.chunk,
                unchanged=counts[RowStatus.UNCHANGED] + counts[RowStatus.UNKNOWN],
                accepted=[_leaf(leaf) for status, leaf in ends if status in good],
                rejected=[_leaf(leaf) for status, leaf in ends if status is RowStatus.REJECTED],
                salt=chunk.salt,
                by=_person(manifest.opened_by),
                now=now,
            ),
        )
        twice = manifest_rows.duplicates(tx, ref.manifest_id, ref.chunk).get(ref.chunk, 0)
        present = {name: many for name, many in counts.items() if many}
        manifests.close_chunk(tx, chunk, present, twice, change, now)
        self._parts.reached(write_points.CHUNK_CLOSED)
        return [GalleryChanged(change)]

    def _single(
        self, tx: Connection, row: RecordRow, key: bytes, code: ErrorCode | None, now: datetime
    ) -> Event:
        """An enrolment outside a manifest is a chunk of one."""
        salt = self._parts.random_bytes(_SALT_BYTES)
        by: Any = canonical.decode(row.authorised_by.encode())
        said = committed(key, salt, *_named(row), code)
        body = single_change_body(row, said, salt=salt, by=by, now=now)
        change = signed_change(self._parts, tx, body)
        records.add_change(tx, row, change)
        return GalleryChanged(change)


class _Terms:
    """What is asked of manifests within one transaction, once each."""

    def __init__(self, tx: Connection, rows: Sequence[RecordRow]) -> None:
        self._tx = tx
        self._manifests: dict[str, manifests.Manifest] = {}
        self._salts: dict[ChunkRef, bytes] = {}
        named: dict[str, list[int]] = {}
        for row in rows:
            if row.manifest_id is not None and row.row is not None:
                named.setdefault(row.manifest_id, []).append(row.row)
        self._rows = {one: manifest_rows.find(tx, one, at) for one, at in named.items()}

    def manifest(self, manifest_id: str) -> manifests.Manifest:
        held = self._manifests.get(manifest_id) or manifests.find(self._tx, manifest_id)
        if held is None:
            raise LookupError(f"no manifest {manifest_id}")
        self._manifests[manifest_id] = held
        return held

    def held(self, row: RecordRow) -> manifest_rows.HeldRow | None:
        """None where it was forgotten with its closed chunk."""
        return self._rows.get(row.manifest_id or "", {}).get(row.row or 0)

    def salt(self, chunk: ChunkRef) -> bytes:
        if chunk not in self._salts:
            held = manifests.find_chunk(self._tx, chunk.manifest_id, chunk.chunk)
            self._salts[chunk] = b"" if held is None else held.salt
        return self._salts[chunk]


def _named(row: RecordRow) -> tuple[str, str]:
    """Record id and image as commitments take them; '' where they have been destroyed."""
    return row.record_id or "", row.image_sha256 or ""


def _row_end(row: RecordRow, status: RowStatus, said: Commitments) -> RowEnd:
    return RowEnd(row.manifest_id or "", row.row or 0, status, said.leaf.hex(), said.code)


def _leaf(held: str | None) -> bytes:
    return bytes.fromhex(held or "")


def _person(held: dict[str, str]) -> dict[str, Any]:
    return dict(held)
