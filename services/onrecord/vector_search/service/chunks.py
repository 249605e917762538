"""The rows of a chunk, as they are brought: held against the root that the state has signed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onrecord.chassis.database import write_transaction
from onrecord.chassis.sealing import new_data_key
from onrecord.contracts.enrolment import ChunkRef, ChunkState, RowStatus
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof.manifests import ManifestHeader, Row, check_chunk
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.names import is_record_id, is_sha256
from onrecord.vector_search.core.naming import record_macs
from onrecord.vector_search.core.statements import committed
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import (
    deletions,
    galleries,
    manifest_rows,
    manifests,
    records,
)
from onrecord.vector_search.roster.manifest_rows import HeldRow
from onrecord.vector_search.roster.manifests import Manifest
from onrecord.vector_search.service.deleting import Deletions
from onrecord.vector_search.service.ending import Endings
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.manifests import Manifests
from onrecord.vector_search.service.parts import PlaneParts

_SALT_BYTES: Final = 32
_AT_ONCE: Final = 1000
_AWAITED: Final = RowStatus.AWAITED


class Chunks:
    """Takes up chunks; a list of deletions is carried out as it comes."""

    def __init__(
        self, parts: PlaneParts, known: Galleries, lists: Manifests, deleting: Deletions
    ) -> None:
        self._parts = parts
        self._galleries = known
        self._manifests = lists
        self._deletions = deleting
        self._endings = Endings(parts)
        self._forgetting = Forgetting(parts)

    def put(self, ref: ChunkRef, rows: Sequence[Row], deadline: Deadline) -> ChunkState:
        """Repeatable, also from the middle of a list of deletions.

        Raises NOT_FOUND, MANIFEST_CHANGED.
        """
        manifest, header = self._manifests.known(ref.manifest_id)
        check_chunk(header, ref.chunk, rows)
        gallery = self._galleries.known(manifest.gallery)
        self._store(gallery, manifest, header, ref, rows)
        if manifest.act is ManifestAct.DELETE:
            self._deletions.carry_out(ref, deadline)
        self._close(gallery, ref)
        self._parts.relay.flush(deadline)
        self._forgetting.run()
        return self._manifests.chunk(ref)

    def _store(
        self,
        gallery: Gallery,
        manifest: Manifest,
        header: ManifestHeader,
        ref: ChunkRef,
        rows: Sequence[Row],
    ) -> None:
        """Some rows at a time: searches write in between."""
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            chunk = manifests.find_chunk(tx, ref.manifest_id, ref.chunk)
            salt = self._parts.random_bytes(_SALT_BYTES) if chunk is None else chunk.salt
            if chunk is None:
                manifests.add_chunk(tx, ref.manifest_id, ref.chunk, salt)
        if chunk is not None and chunk.delivered:
            return
        self._parts.reached(write_points.CHUNK_BEGUN)
        private = self._parts.keys.private_key(gallery.jurisdiction)
        first = header.first_row(ref.chunk)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            macs = record_macs(private, [row.record_id for row in part])
            held = [
                HeldRow(ref.manifest_id, first + start + place, ref.chunk, mac, row, _AWAITED)
                for place, (row, mac) in enumerate(zip(part, macs, strict=True))
            ]
            with write_transaction(self._parts.roster) as tx:
                galleries.lock(tx, gallery.jurisdiction)
                here = manifest_rows.find(tx, ref.manifest_id, [row.row for row in held])
                fresh = [row for row in held if row.row not in here]
                manifest_rows.add(tx, self._checked(tx, manifest, header, fresh, salt))
            self._parts.reached(write_points.CHUNK_ROWS_STORED)
        with write_transaction(self._parts.roster) as tx:
            manifests.deliver_chunk(tx, ref.manifest_id, ref.chunk, self._now())
        self._parts.reached(write_points.CHUNK_STORED)

    def _checked(
        self,
        tx: Connection,
        manifest: Manifest,
        header: ManifestHeader,
        rows: Sequence[HeldRow],
        salt: bytes,
    ) -> list[HeldRow]:
        """What can never be, what is named a second time, and what was deleted since, ends here."""
        macs = {row.record_mac for row in rows}
        gone: set[str] = set()
        if manifest.act is ManifestAct.ENROL:
            # An old list, kept back or brought again, must not bring back what was deleted since
            # (law 9). The state's own date counts, and that of taking it up if that is earlier.
            made = min(header.created, manifest.opened_at)
            gone = deletions.since(tx, manifest.gallery, sorted(macs), made)
        named = manifest_rows.named_before(tx, manifest.manifest_id, macs)
        named |= records.macs_of_manifest(tx, manifest.manifest_id, macs)
        checked = []
        for row in rows:
            code = _impossible(row.content, manifest.act)
            if code is None and row.record_mac in gone:
                code = ErrorCode.RECORD_DELETED
            if code is None and row.record_mac in named:
                code = ErrorCode.ROW_DUPLICATE
            if code is None:
                named.add(row.record_mac)
                checked.append(row)
                continue
            key = manifest.secret or new_data_key()
            said = committed(key, salt, row.content.record_id, row.content.image_sha256, code)
            ended = replace(row, status=RowStatus.REJECTED, code=code, leaf=said.leaf.hex())
            if row.record_mac in gone:
                ended = replace(ended, content=Row("", "", ""))  # its leaf stands for it
            checked.append(ended)
        return checked

    def _close(self, gallery: Gallery, ref: ChunkRef) -> None:
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            events = self._endings.close_if_ended(tx, gallery, ref, self._now())
            self._parts.relay.queue(tx, [message_of(one) for one in events])

    def _now(self) -> datetime:
        return parse_time(format_time(self._parts.clock.now()))


def _impossible(row: Row, act: ManifestAct) -> ErrorCode | None:
    if not is_record_id(row.record_id):
        return ErrorCode.RECORD_ID_INVALID
    if act is ManifestAct.ENROL and not is_sha256(row.image_sha256):
        return ErrorCode.FIELD_INVALID
    return None
