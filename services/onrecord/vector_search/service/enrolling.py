"""The beginning of enrolments: generations, tickets, and the sealed portraits that are brought."""

from collections.abc import Sequence

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.enrolment import (
    Begun,
    EnrolmentBatch,
    EnrolmentState,
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
from onrecord.vector_search.core.names import check_sha256
from onrecord.vector_search.core.naming import record_macs
from onrecord.vector_search.core.values import RecordRow, RecordState
from onrecord.vector_search.roster import (
    deletions,
    galleries,
    manifest_rows,
    records,
    transport_keys,
)
from onrecord.vector_search.service.beginning import Beginning
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.rows import RowsOfChunk
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
            work = Beginning(tx, gallery, batch.starts, macs, by, now, self._tickets)
            rows = self._rows.of(tx, batch)
            pairs = zip(batch.starts, macs, strict=True)
            begun = [work.begin(start, mac, rows) for start, mac in pairs]
            work.write()
            self._parts.reached(write_points.TICKETS_WRITTEN)
            events = self._rows.write(tx, gallery, rows, batch.starts, begun, now)
            self._parts.reached(write_points.ROWS_BEGUN)
            self._parts.relay.queue(tx, [message_of(one) for one in events])
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
            gone, brought, requested = [], [], []
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
                if row.manifest_id is not None and row.row is not None:
                    brought.append((row.manifest_id, row.row))
                self._parts.reached(write_points.SUBMISSION_WRITTEN)
                requested.append(message_of(_requested(row, one.key_id)))
            self._parts.relay.queue(tx, requested)
            manifest_rows.brought(tx, brought)
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
