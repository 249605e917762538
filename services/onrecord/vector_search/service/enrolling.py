"""Enrolment: a ticket first, then the sealed portrait and its template; never two generations."""

import hashlib

from sqlalchemy import Connection

from onrecord.chassis.database import forget, read_transaction, write_transaction
from onrecord.chassis.sealing import decrypt, unwrap
from onrecord.contracts.images import Template, Vector
from onrecord.contracts.vector_search import (
    EnrolmentCompletion,
    EnrolmentStart,
    EnrolmentTicket,
    VaultPortrait,
    portrait_aad,
    vault_object_key,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.names import check_record_id, check_sha256, index_key
from onrecord.vector_search.core.statements import change_body, ticket_body
from onrecord.vector_search.core.templates import check_template
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import answers, galleries, records
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts

TOPIC = "onrecord.gallery.changed.v1"
_ID_BYTES = 16
_SALT_BYTES = 32


class Enrolments:
    """Begins enrolments and makes them live."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known

    def begin(self, start: EnrolmentStart) -> EnrolmentTicket:
        """Allocate the record's next generation and sign leave to process its portrait."""
        check_record_id(start.record_id)
        check_sha256(start.image_sha256, "image_sha256")
        gallery = self._galleries.known(start.gallery)
        enrolment_id = self._parts.random_bytes(_ID_BYTES).hex()
        now = self._parts.clock.now()
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            generation = records.next_generation(tx, gallery.jurisdiction, start.record_id)
            attestation = self._parts.attestor.attest(
                ticket_body(
                    start,
                    enrolment_id=enrolment_id,
                    generation=generation,
                    model_id=gallery.model_id,
                    record=self._parts.random_bytes(_ID_BYTES).hex(),
                    now=now,
                    expires_at=now + self._parts.ticket_life,
                )
            )
            records.add_pending(tx, _pending(start, gallery, enrolment_id, generation, attestation))
        self._parts.reached(write_points.TICKET_STORED)
        return EnrolmentTicket(
            enrolment_id, generation, gallery.public_key, gallery.model_id, attestation
        )

    def complete(self, completion: EnrolmentCompletion, deadline: Deadline) -> Attestation:
        """Insert the vector, then make the row live and the older one gone in one transaction."""
        row = self._ticketed(completion.ticket.attestation)
        gallery = self._galleries.known(row.gallery)
        said = self._said_before(row, completion.template)
        if said is None:
            vector = self._trusted_vector(gallery, row, completion)
            data_key = self._checked_portrait(row, completion.vault)
            self._check_room(gallery, row)
            self._parts.index.insert(gallery.space, [(row.index_key, vector)], deadline)
            self._parts.reached(write_points.VECTOR_INSERTED)
            said = self._make_live(row, completion, data_key)
        self.clear_remains(gallery, deadline)
        return said

    def clear_remains(self, gallery: Gallery, deadline: Deadline) -> None:
        """Destroy what is left of gone generations: sealed portrait, then vector. Repeatable."""
        with read_transaction(self._parts.roster) as tx:
            remaining = records.with_remains(tx, gallery.jurisdiction)
        if remaining:  # their keys were destroyed in the roster, and stand in its log until now
            forget(self._parts.roster)
        for row in remaining:
            self._parts.vault.delete(row.vault_key)
            self._parts.reached(write_points.PORTRAIT_DESTROYED)
            self._parts.index.delete(gallery.space, [row.index_key], deadline)
            self._parts.reached(write_points.VECTOR_DELETED)
            with write_transaction(self._parts.roster) as tx:
                records.clear_remains(tx, row.enrolment_id)
            self._parts.reached(write_points.REMAINS_CLEARED)

    def _ticketed(self, ticket: Attestation) -> RecordRow:
        """The row that this ticket of ours was written for."""
        said = self._parts.verifier.verify(
            ticket, Service.VECTOR_SEARCH, statements.ENROLMENT_TICKET
        )
        with read_transaction(self._parts.roster) as tx:
            row = records.find(tx, str(said["enrolment_id"]))
        if row is None or row.ticket != statements.mandate_id(ticket):
            raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "the ticket is not this plane's")
        expired = self._parts.clock.now() >= parse_time(str(said["expires_at"]))
        if expired and row.state is RecordState.PENDING:
            raise OnRecordError(ErrorCode.GRANT_EXPIRED, "the enrolment ticket has expired")
        return row

    def _said_before(self, row: RecordRow, template: Template) -> Attestation | None:
        """What was answered when this enrolment went live. Raises GENERATION_STALE."""
        if row.state is RecordState.PENDING:
            return None
        if row.state is RecordState.GONE:
            # It can never be live again; a portrait that was sealed for it late goes now.
            self._parts.vault.delete(row.vault_key)
        with read_transaction(self._parts.roster) as tx:
            return _repeated(tx, row, template)

    def _trusted_vector(
        self, gallery: Gallery, row: RecordRow, completion: EnrolmentCompletion
    ) -> Vector:
        template = completion.template
        vector = check_template(template, gallery.space)
        statements.verify_template(
            self._parts.verifier,
            template.detected,
            template.embedded,
            mandate=row.ticket,
            image=row.image_sha256,
            template=template.sha256,
            model_id=row.model_id,
        )
        return vector

    def _checked_portrait(self, row: RecordRow, vault: VaultPortrait) -> bytes:
        """The portrait's data key, if what stands in the vault is the portrait of the ticket."""
        if vault.object_key != row.vault_key:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID,
                "a portrait stands under the key of its own enrolment",
                field="object_key",
            )
        sealed = self._parts.vault.get(vault.object_key)
        if hashlib.sha256(sealed).hexdigest() != vault.ciphertext_sha256:
            raise _not_sealed("the vault holds other bytes than were announced")
        aad = portrait_aad(row.gallery, row.enrolment_id, row.image_sha256)
        data_key = unwrap(self._parts.keys.private_key(row.gallery), vault.wrapped_key, aad)
        if hashlib.sha256(decrypt(data_key, sealed, aad)).hexdigest() != row.image_sha256:
            raise _not_sealed("it is not the image that the ticket names")
        return data_key

    def _check_room(self, gallery: Gallery, row: RecordRow) -> None:
        with read_transaction(self._parts.roster) as tx:
            replaces = any(_is_live(older) for older in records.older(tx, row))
        if gallery.live_records >= self._parts.max_records and not replaces:
            raise OnRecordError(
                ErrorCode.GALLERY_TOO_LARGE,
                f"this index holds at most {self._parts.max_records} records a gallery; "
                "a larger gallery needs a Milvus server",
                details={"limit": self._parts.max_records},
            )

    def _make_live(
        self, row: RecordRow, completion: EnrolmentCompletion, data_key: bytes
    ) -> Attestation:
        salt = self._parts.random_bytes(_SALT_BYTES)
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, row.gallery)
            held = records.find(tx, row.enrolment_id) or row
            if held.state is not RecordState.PENDING:
                return _repeated(tx, held, completion.template)
            now = self._parts.clock.now()
            records.make_live(
                tx,
                row.enrolment_id,
                template_sha256=completion.template.sha256,
                wrapped_key=completion.vault.wrapped_key,
            )
            self._parts.reached(write_points.ROW_LIVE)
            replaced = records.older(tx, row)
            records.make_gone(tx, [older.enrolment_id for older in replaced])
            galleries.count_live(tx, row.gallery, 1 - sum(map(_is_live, replaced)))
            self._parts.reached(write_points.OLDER_GONE)
            change = self._parts.attestor.attest(
                change_body(row, data_key=data_key, salt=salt, now=now)
            )
            records.add_change(tx, row, change)
            self._parts.reached(write_points.CHANGE_STORED)
            answers.queue(tx, TOPIC, row.gallery, change, format_time(now))
        self._parts.reached(write_points.ENROLMENT_COMMITTED)
        return change


def _is_live(row: RecordRow) -> bool:
    return row.state is RecordState.LIVE


def _repeated(tx: Connection, row: RecordRow, template: Template) -> Attestation:
    said = records.find_change(tx, row.enrolment_id)
    if said is None or not _is_live(row) or row.template_sha256 != template.sha256:
        raise OnRecordError(
            ErrorCode.GENERATION_STALE,
            "this or a newer generation of the record has been live already",
        )
    return said


def _pending(
    start: EnrolmentStart, gallery: Gallery, enrolment_id: str, generation: int, ticket: Attestation
) -> RecordRow:
    return RecordRow(
        enrolment_id=enrolment_id,
        gallery=gallery.jurisdiction,
        record_id=start.record_id,
        generation=generation,
        state=RecordState.PENDING,
        image_sha256=start.image_sha256,
        model_id=gallery.model_id,
        ticket=statements.mandate_id(ticket),
        index_key=index_key(gallery.jurisdiction, start.record_id, generation, gallery.model_id),
        vault_key=vault_object_key(gallery.jurisdiction, enrolment_id),
        template_sha256=None,
        wrapped_key=None,
    )


def _not_sealed(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SEAL_INVALID, f"the sealed portrait is refused: {why}")
