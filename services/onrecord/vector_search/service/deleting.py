"""Deletion: gone when it is acknowledged, whatever is still on its way (law 9)."""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.sealing import new_data_key, unwrap
from onrecord.contracts.enrolment import ChunkRef, Deletion, RowStatus, portrait_aad
from onrecord.contracts.events import Event, GalleryChanged
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical
from onrecord.proof.merkle import leaf_hash
from onrecord.proof.statements import statement_sha256
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import as_person, require_custodian
from onrecord.vector_search.core.deleting import Order, Tombstone, backups_end, deleted_body
from onrecord.vector_search.core.naming import record_mac
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import (
    deletions,
    galleries,
    manifest_rows,
    manifests,
    records,
)
from onrecord.vector_search.roster.manifest_rows import HeldRow, RowEnd
from onrecord.vector_search.service.chaining import signed_change
from onrecord.vector_search.service.ending import Endings, Rejected
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.remains import Remains

_SALT_BYTES = 32
_AT_ONCE = 128
_log = logging.getLogger(__name__)


class Deletions:
    """Deletes records, one by one for a custodian or by a list that the state has signed."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known
        self._endings = Endings(parts)
        self._remains = Remains(parts)

    def delete(self, gallery: str, record_id: str, user_token: str, deadline: Deadline) -> Deletion:
        """Every generation gone in one transaction; the same receipt for a repeat.

        Raises NOT_FOUND for a record that never was; BUS_UNAVAILABLE where the deletion stands and
        could not be told to the ledger yet, which it will be.
        """
        claims = self._parts.tokens.verify(user_token)
        require_custodian(claims, gallery)
        held = self._galleries.known(gallery)
        order = Order(by=as_person(claims))
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery)
            deletion = self._delete(tx, held, record_id, order)
        self._parts.reached(write_points.DELETION_COMMITTED)
        if deletion is None:
            raise _never_was()
        self._finish(held, deadline)
        return deletion

    def receipt(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        """The receipt of the latest deletion, as it stands. Raises NOT_FOUND."""
        deadline.check()
        require_custodian(self._parts.tokens.verify(user_token), gallery)
        mac = self._mac(self._galleries.known(gallery), record_id)
        with read_transaction(self._parts.roster) as tx:
            deletion = deletions.latest(tx, gallery, mac)
        if deletion is None:
            raise _never_was()
        return deletion

    def carry_out(self, ref: ChunkRef, deadline: Deadline) -> None:
        """End every open row of a chunk of a list of deletions, and close the chunk.

        Repeatable, and stopped anywhere it goes on: a row that has ended keeps its receipt.
        """
        with read_transaction(self._parts.roster) as tx:
            manifest = manifests.find(tx, ref.manifest_id)
        if manifest is None or manifest.act is not ManifestAct.DELETE:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such list of deletions")
        gallery = self._galleries.known(manifest.gallery)
        order = Order(by=manifest.opened_by, manifest=ref.manifest_id, chunk=ref.chunk)
        while self._carry_out_some(gallery, ref, order):
            self._remains.clear(gallery, deadline)
            deadline.check()
        self._finish(gallery, deadline)

    def _carry_out_some(self, gallery: Gallery, ref: ChunkRef, order: Order) -> bool:
        """Some rows in one transaction; whether there may be more."""
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            chunk = manifests.find_chunk(tx, ref.manifest_id, ref.chunk)
            if chunk is None or chunk.change is not None:
                return False
            rows = manifest_rows.listed(tx, ref, manifest_rows.OPEN, 0, _AT_ONCE)
            ended = [self._end_row(tx, gallery, row, order) for row in rows]
            manifest_rows.end(tx, ended)
            manifest_rows.forget_deleted(tx, ref)
            now = self._parts.clock.now()
            said = self._endings.close_if_ended(tx, gallery, ref, now)
            self._parts.relay.queue(tx, [message_of(event) for event in said])
        self._parts.reached(write_points.CHUNK_CARRIED_OUT)
        return len(rows) == _AT_ONCE

    def _end_row(self, tx: Connection, gallery: Gallery, row: HeldRow, order: Order) -> RowEnd:
        """Its leaf names the statement about the deletion: the record's key is gone."""
        deletion = self._delete(tx, gallery, row.content.record_id, order)
        if deletion is None:
            return RowEnd(row.manifest_id, row.row, RowStatus.UNKNOWN, None)
        said = canonical.encode({"deleted": statement_sha256(deletion.deleted)})
        return RowEnd(row.manifest_id, row.row, RowStatus.DELETED, leaf_hash(said).hex())

    def _delete(
        self, tx: Connection, gallery: Gallery, record_id: str, order: Order
    ) -> Deletion | None:
        """None for a record that never was. The caller holds the gallery's lock.

        Of one that a list names and nothing was enrolled of yet, generation 0 is deleted.
        """
        mac = self._mac(gallery, record_id)
        held = records.generations(tx, gallery.jurisdiction, [mac]).get(mac, [])
        awaited = manifest_rows.awaited(tx, mac)
        before = deletions.latest(tx, gallery.jurisdiction, mac)
        if not held and not awaited and before is None:
            return None
        now = parse_time(format_time(self._parts.clock.now()))
        # A row that waits for its portrait would bring the record back when it came.
        refused = self._endings.refuse(tx, gallery, awaited, ErrorCode.RECORD_DELETED, now)
        newest = held[-1].generation if held else 0
        if before is not None and before.generation >= newest:
            deletions.forget_rows(tx, mac)
            self._parts.relay.queue(tx, [message_of(event) for event in refused])
            return before
        end = backups_end(now, self._parts.backup_days)
        tombstone = Tombstone(gallery.jurisdiction, mac, newest, now)
        deleted = signed_change(
            self._parts,
            tx,
            deleted_body(
                tombstone,
                order,
                record_id=record_id,
                data_key=self._data_key(held),
                salt=self._parts.random_bytes(_SALT_BYTES),
                backups_expire_at=end,
            ),
        )
        pending = [one for one in held if one.state is RecordState.PENDING]
        said: list[Event] = [GalleryChanged(deleted), *refused]
        said += self._endings.write(tx, gallery, (), [_rejected(one) for one in pending], now)
        deletions.bury(tx, gallery.jurisdiction, mac, now)
        self._parts.reached(write_points.RECORD_BURIED)
        deletions.add(tx, tombstone, end, deleted)
        deletions.forget_rows(tx, mac)
        lost = sum(one.state is RecordState.LIVE for one in held)
        galleries.count_live(tx, gallery.jurisdiction, -lost)
        self._parts.reached(write_points.TOMBSTONE_STORED)
        self._parts.relay.queue(tx, [message_of(event) for event in said])
        self._parts.reached(write_points.DELETION_QUEUED)
        return deletions.latest(tx, gallery.jurisdiction, mac)

    def _finish(self, gallery: Gallery, deadline: Deadline) -> None:
        """The portrait goes now if it can; the ledger is told before the caller is (law 3)."""
        try:
            self._remains.clear(gallery, deadline)
        except OnRecordError as error:
            # It is not returned any more, and its key is destroyed. The rest is maintenance's.
            _log.warning("remains are left", extra={"code": error.code.value})
        self._parts.relay.flush(deadline)

    def _mac(self, gallery: Gallery, record_id: str) -> str:
        return record_mac(self._parts.keys.private_key(gallery.jurisdiction), record_id)

    def _data_key(self, held: Sequence[RecordRow]) -> bytes:
        """The key of its newest portrait; of one that never had a portrait, a key nobody keeps."""
        for one in reversed(held):
            if one.wrapped_key is not None and one.image_sha256 is not None:
                aad = portrait_aad(one.gallery, one.enrolment_id, one.image_sha256)
                return unwrap(self._parts.keys.private_key(one.gallery), one.wrapped_key, aad)
        return new_data_key()


def _rejected(one: RecordRow) -> Rejected:
    return Rejected(one, ErrorCode.RECORD_DELETED, "the record was deleted")


def _never_was() -> OnRecordError:
    return OnRecordError(ErrorCode.NOT_FOUND, "there is no such record, and none was deleted")
