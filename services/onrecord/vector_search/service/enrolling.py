"""The beginning of enrolments: generations, tickets, and the sealed portraits that are brought."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    EnrolmentBatch,
    EnrolmentStart,
    EnrolmentState,
    EnrolmentTicket,
    Submission,
)
from onrecord.contracts.events import EnrolmentRequested, Event, ingest_object_key
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EnrolmentStatus
from onrecord.proof import canonical
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import as_person, require_custodian
from onrecord.vector_search.core.names import check_sha256, is_record_id, is_sha256
from onrecord.vector_search.core.naming import record_macs
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import deletions, galleries, outbox, records, transport_keys
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.rows import Batch, RowsOfChunk
from onrecord.vector_search.service.tickets import Tickets

_WRAPPED_BYTES = 80


class Enrolments:
    """Allocates generations, and asks for what has been brought to be processed."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known
        self._tickets = Tickets(parts)
        self._rows = RowsOfChunk(parts)
        self._forgetting = Forgetting(parts)

    def begin(
        self, batch: EnrolmentBatch, user_token: str, deadline: Deadline
    ) -> tuple[Begun, ...]:
        """One transaction for the batch; one answer a start, in order."""
        gallery = self._galleries.known(batch.gallery)
        by = self._authority(batch, user_token)
        private = self._parts.keys.private_key(gallery.jurisdiction)
        macs = record_macs(private, [one.record_id for one in batch.starts])
        now = parse_time(format_time(self._parts.clock.now()))
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            work = _Beginning(tx, gallery, batch.starts, macs, by, now, self._tickets)
            rows = self._rows.of(tx, batch)
            pairs = zip(batch.starts, macs, strict=True)
            begun = [work.begin(start, mac, rows) for start, mac in pairs]
            work.write()
            self._parts.reached(write_points.TICKETS_WRITTEN)
            events = self._rows.write(tx, gallery, rows, batch.starts, begun, now)
            self._parts.reached(write_points.ROWS_BEGUN)
            outbox.queue(tx, [message_of(one) for one in events])
        self._parts.reached(write_points.TICKET_STORED)
        if events:
            self._parts.relay.flush(deadline)
            self._forgetting.run()
        return tuple(begun)

    def submit(self, gallery: str, submissions: Sequence[Submission], deadline: Deadline) -> None:
        """Keep the wrapped keys and queue what detection is to do, in one transaction."""
        self._galleries.known(gallery)
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery)
            held = records.find_all(tx, [one.enrolment_id for one in submissions])
            seals = {one.key_id for one in transport_keys.standing(tx, gallery)}
            gone = []
            for one in submissions:
                row = held.get(one.enrolment_id)
                if row is None or row.gallery != gallery:
                    raise _no_enrolment()
                _check(one, row, seals)
                if row.state is RecordState.GONE:
                    gone.append(row.enrolment_id)  # what was put into the vault late goes again
                if row.state is not RecordState.PENDING or _is_here(row, one):
                    continue
                records.submit(
                    tx,
                    row.enrolment_id,
                    ciphertext_sha256=one.vault.ciphertext_sha256,
                    wrapped_key=one.vault.wrapped_key,
                )
                self._parts.reached(write_points.SUBMISSION_WRITTEN)
                outbox.queue(tx, [message_of(_requested(row, one.key_id))])
            deletions.add_remains(tx, gone)
        self._parts.reached(write_points.SUBMISSION_STORED)
        self._parts.relay.flush(deadline)

    def state(self, gallery: str, enrolment_id: str) -> EnrolmentState:
        """How far it is; what happens between plane and plane is the gateway's to project."""
        with read_transaction(self._parts.roster) as tx:
            row = records.find(tx, enrolment_id)
        if row is None or row.gallery != gallery:
            raise _no_enrolment()
        return EnrolmentState(
            gallery=row.gallery,
            enrolment_id=row.enrolment_id,
            generation=row.generation,
            model_id=row.model_id,
            status=_status(row),
            requested_at=row.requested_at,
            ended_at=row.ended_at,
            code=row.code,
            message=row.message,
            duplicate=row.duplicate,
        )

    def _authority(self, batch: EnrolmentBatch, user_token: str) -> str:
        """By whom, as it is kept with each enrolment: canonical JSON."""
        if batch.chunk is not None:
            return canonical.encode({"manifest": batch.chunk.manifest_id}).decode()
        claims = self._parts.tokens.verify(user_token)
        require_custodian(claims, batch.gallery)
        return canonical.encode(as_person(claims)).decode()


class _Beginning:
    """One batch within its transaction: what is there, and what is added to it."""

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


def _check(submission: Submission, row: RecordRow, seals: set[str]) -> None:
    if submission.vault.object_key != row.vault_key:
        raise _invalid("object_key", "a portrait stands under the key of its own enrolment")
    check_sha256(submission.vault.ciphertext_sha256, "ciphertext_sha256")
    if len(submission.vault.wrapped_key) != _WRAPPED_BYTES:
        raise _invalid("wrapped_key", f"a wrapped data key has {_WRAPPED_BYTES} bytes")
    if submission.key_id not in seals:
        raise _invalid("key_id", "no transport key of this gallery has that name")


def _is_here(row: RecordRow, submission: Submission) -> bool:
    held = (row.ciphertext_sha256, row.wrapped_key)
    return held == (submission.vault.ciphertext_sha256, submission.vault.wrapped_key)


def _requested(row: RecordRow, key_id: str) -> Event:
    return EnrolmentRequested(
        enrolment=row.ref,
        ticket=row.ticket_attestation,
        object_key=ingest_object_key(row.gallery, row.enrolment_id),
        image_sha256=row.image_sha256 or "",
        key_id=key_id,
    )


def _status(row: RecordRow) -> EnrolmentStatus:
    """Gone without a code: it was live once."""
    if row.state is RecordState.PENDING:
        return EnrolmentStatus.REQUESTED
    return EnrolmentStatus.REJECTED if row.code is not None else EnrolmentStatus.LIVE


def _invalid(field: str, why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.FIELD_INVALID, why, field=field)


def _no_enrolment() -> OnRecordError:
    return OnRecordError(ErrorCode.NOT_FOUND, "there is no such enrolment in this gallery")
