"""Leave to process one portrait, signed by the plane."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from onrecord.contracts.enrolment import vault_object_key
from onrecord.contracts.events import EnrolmentRef
from onrecord.kernel.times import parse_time
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.names import index_key
from onrecord.vector_search.core.statements import ticket_body
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.service.parts import PlaneParts

_ID_BYTES: Final = 16
_TOO_SHORT: Final = timedelta(hours=1)


class Tickets:
    """Signs tickets and says when one is too old to begin with."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts

    def pending(
        self,
        gallery: Gallery,
        *,
        record_mac: str,
        record_id: str,
        generation: int,
        image_sha256: str,
        authorised_by: str,
        now: datetime,
        manifest_id: str | None = None,
        row: int | None = None,
        duplicate: bool = False,
    ) -> RecordRow:
        """A new generation of a record, with its ticket; not stored yet."""
        enrolment_id = self._parts.random_bytes(_ID_BYTES).hex()
        ref = EnrolmentRef(gallery.jurisdiction, enrolment_id, generation)
        signed = self._signed(ref, image_sha256, gallery.model_id, now)
        return RecordRow(
            enrolment_id=enrolment_id,
            gallery=gallery.jurisdiction,
            record_mac=record_mac,
            record_id=record_id,
            generation=generation,
            state=RecordState.PENDING,
            image_sha256=image_sha256,
            model_id=gallery.model_id,
            ticket=statements.mandate_id(signed),
            ticket_attestation=signed,
            index_key=index_key(gallery.jurisdiction, record_mac, generation, gallery.model_id),
            vault_key=vault_object_key(gallery.jurisdiction, enrolment_id),
            requested_at=now,
            authorised_by=authorised_by,
            manifest_id=manifest_id,
            row=row,
            duplicate=duplicate,
        )

    def renewed(self, row: RecordRow, now: datetime) -> RecordRow:
        """The row with a ticket that lasts; the very same row while its own does."""
        said = statements.read(row.ticket_attestation)
        if row.image_sha256 is None or parse_time(str(said["expires_at"])) - now > _TOO_SHORT:
            return row
        signed = self._signed(row.ref, row.image_sha256, row.model_id, now)
        return replace(row, ticket=statements.mandate_id(signed), ticket_attestation=signed)

    def _signed(
        self, ref: EnrolmentRef, image_sha256: str, model_id: str, now: datetime
    ) -> Attestation:
        return self._parts.attestor.attest(
            ticket_body(
                ref,
                image_sha256=image_sha256,
                model_id=model_id,
                record=self._parts.random_bytes(_ID_BYTES).hex(),
                now=now,
                expires_at=now + self._parts.ticket_life,
            )
        )
