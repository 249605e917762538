"""Deletion: gone when it is acknowledged, whatever is still on its way (law 9)."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.sealing import new_data_key, unwrap
from onrecord.contracts.enrolment import Deletion, RowStatus, portrait_aad
from onrecord.contracts.events import EnrolmentRef, EnrolmentRejected, Event, GalleryChanged
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof.manifests import Row
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import as_person, require_custodian
from onrecord.vector_search.core.deleting import (
    Generation,
    Order,
    Tombstone,
    backups_end,
    deleted_body,
)
from onrecord.vector_search.core.naming import record_mac
from onrecord.vector_search.core.values import Gallery, RecordState
from onrecord.vector_search.roster import deletions, galleries, outbox
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

    def carry_out(
        self, gallery: str, rows: Sequence[tuple[Row, Order]], deadline: Deadline
    ) -> tuple[RowStatus, ...]:
        """Rows of a list that the state has signed: DELETED, or UNKNOWN, for each in order.

        Repeatable: a row carried out before keeps its receipt.
        """
        held = self._galleries.known(gallery)
        ended: list[RowStatus] = []
        for start in range(0, len(rows), _AT_ONCE):
            deadline.check()
            with write_transaction(self._parts.roster) as tx:
                galleries.lock(tx, gallery)
                for row, order in rows[start : start + _AT_ONCE]:
                    deletion = self._delete(tx, held, row.record_id, order)
                    ended.append(RowStatus.UNKNOWN if deletion is None else RowStatus.DELETED)
            self._parts.reached(write_points.DELETION_COMMITTED)
        self._finish(held, deadline)
        return tuple(ended)

    def _delete(
        self, tx: Connection, gallery: Gallery, record_id: str, order: Order
    ) -> Deletion | None:
        """None for a record that never was. The caller holds the gallery's lock."""
        mac = self._mac(gallery, record_id)
        held = deletions.generations(tx, gallery.jurisdiction, mac)
        if not held:
            return None
        before = deletions.latest(tx, gallery.jurisdiction, mac)
        if before is not None and before.generation >= held[0].generation:
            return before
        now = parse_time(format_time(self._parts.clock.now()))
        end = backups_end(now, self._parts.backup_days)
        tombstone = Tombstone(gallery.jurisdiction, mac, held[0].generation, now)
        deleted = self._parts.attestor.attest(
            deleted_body(
                tombstone,
                order,
                record_id=record_id,
                data_key=self._data_key(held),
                salt=self._parts.random_bytes(_SALT_BYTES),
                backups_expire_at=end,
            )
        )
        deletions.bury(tx, gallery.jurisdiction, mac, now)
        self._parts.reached(write_points.RECORD_BURIED)
        deletions.forget_rows(tx, mac)
        lost = sum(one.state is RecordState.LIVE for one in held)
        galleries.count_live(tx, gallery.jurisdiction, -lost)
        deletions.add(tx, tombstone, end, deleted)
        self._parts.reached(write_points.TOMBSTONE_STORED)
        said: list[Event] = [GalleryChanged(deleted)]
        said += [_rejected(one, now) for one in held if one.state is RecordState.PENDING]
        outbox.queue(tx, [message_of(event) for event in said])
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

    def _data_key(self, held: Sequence[Generation]) -> bytes:
        """The key of its newest portrait; of one that never had a portrait, a key nobody keeps."""
        for one in held:
            if one.wrapped_key is not None and one.image_sha256 is not None:
                aad = portrait_aad(one.gallery, one.enrolment_id, one.image_sha256)
                return unwrap(self._parts.keys.private_key(one.gallery), one.wrapped_key, aad)
        return new_data_key()


def _rejected(one: Generation, now: datetime) -> EnrolmentRejected:
    return EnrolmentRejected(
        EnrolmentRef(one.gallery, one.enrolment_id, one.generation),
        ErrorCode.RECORD_DELETED,
        "the record was deleted",
        now,
    )


def _never_was() -> OnRecordError:
    return OnRecordError(ErrorCode.NOT_FOUND, "there is no such record, and none was deleted")
