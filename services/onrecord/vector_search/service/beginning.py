"""One batch of enrolments within its transaction: what each start comes to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onrecord.contracts.enrolment import BeginState, Begun, EnrolmentStart, EnrolmentTicket
from onrecord.kernel.errors import ErrorCode
from onrecord.vector_search.core.names import is_record_id, is_sha256
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import records
from onrecord.vector_search.service.rows import Batch
from onrecord.vector_search.service.tickets import Tickets


class Beginning:
    """What is there when a batch begins, and what is added to it."""

    def __init__(
        self,
        tx: Connection,
        gallery: Gallery,
        starts: Sequence[EnrolmentStart],
        macs: Sequence[str],
        by: str,
        now: datetime,
        tickets: Tickets,
    ) -> None:
        self._tx = tx
        self._gallery = gallery
        self._by = by
        self._now = now
        self._tickets = tickets
        self._held = records.generations(tx, gallery.jurisdiction, set(macs))
        images = {one.image_sha256 for one in starts}
        self._images = records.with_images(tx, gallery.jurisdiction, images)
        self._fresh: list[RecordRow] = []

    def begin(self, start: EnrolmentStart, mac: str, rows: Batch | None) -> Begun:
        """What comes of one start, after those before it."""
        before = None if rows is None else rows.answered(start)
        if before is not None:
            return self._again(rows, start, before) if _goes_on(before) else before
        code = _refused(start)
        if code is not None:
            return Begun(BeginState.REJECTED, "", code=code)
        held = self._held.setdefault(mac, [])
        newest = next((one for one in reversed(held) if one.state is not RecordState.GONE), None)
        if newest is not None and newest.image_sha256 == start.image_sha256:
            if newest.state is RecordState.LIVE:
                return Begun(BeginState.UNCHANGED, newest.enrolment_id)
            if rows is None and newest.manifest_id is None:
                return self._ticketed(newest)
        others = self._images.setdefault(start.image_sha256, set())
        fresh = self._tickets.pending(
            self._gallery,
            record_mac=mac,
            record_id=start.record_id,
            generation=held[-1].generation + 1 if held else 1,
            image_sha256=start.image_sha256,
            authorised_by=self._by,
            now=self._now,
            manifest_id=None if rows is None else rows.ref.manifest_id,
            row=start.row,
            duplicate=bool(others - {mac}),
        )
        held.append(fresh)
        others.add(mac)
        self._fresh.append(fresh)
        return self._begun(fresh)

    def write(self) -> None:
        records.add_pending(self._tx, self._fresh)

    def _again(self, rows: Batch | None, start: EnrolmentStart, before: Begun) -> Begun:
        """A row that was begun: its ticket, or its end where its image cannot be brought."""
        row = None if rows is None else rows.enrolments.get(start.row or 0)
        if row is None or row.state is not RecordState.PENDING:
            return Begun(BeginState.SUBMITTED, before.enrolment_id, duplicate=before.duplicate)
        if start.problem is not None and not row.submitted:
            return Begun(BeginState.REJECTED, row.enrolment_id, code=start.problem)
        return self._ticketed(row)

    def _ticketed(self, row: RecordRow) -> Begun:
        if row.submitted:
            return Begun(BeginState.SUBMITTED, row.enrolment_id, duplicate=row.duplicate)
        lasting = self._tickets.renewed(row, self._now)
        if lasting is not row and row not in self._fresh:
            signed = lasting.ticket_attestation
            records.renew_ticket(self._tx, row.enrolment_id, lasting.ticket, signed)
        return self._begun(lasting)

    def _begun(self, row: RecordRow) -> Begun:
        ticket = EnrolmentTicket(
            row.enrolment_id,
            row.generation,
            self._gallery.public_key,
            row.model_id,
            row.ticket_attestation,
        )
        return Begun(BeginState.BEGUN, row.enrolment_id, ticket, duplicate=row.duplicate)


def _goes_on(before: Begun) -> bool:
    return before.state is BeginState.BEGUN


def _refused(start: EnrolmentStart) -> ErrorCode | None:
    if not is_record_id(start.record_id):
        return ErrorCode.RECORD_ID_INVALID
    if start.problem is not None:
        return start.problem
    return None if is_sha256(start.image_sha256) else ErrorCode.FIELD_INVALID
