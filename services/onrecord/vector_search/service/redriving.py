"""Redrive: an enrolment that had stopped begins again, from the roster and the vault.

Whatever was on the bus may be gone, and its transport key with it. What is left is the row and the
portrait sealed to the gallery's own key, and that is enough. A live record whose vector is missing
takes the same way: its template comes back under its own generation and index key, and the row is
live already, so there is nothing to tell the ledger.
"""

import hashlib
from collections.abc import Sequence

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.sealing import Sealed, encrypt, open_sealed
from onrecord.contracts.enrolment import Redriven, TransportKey, portrait_aad
from onrecord.contracts.events import (
    EnrolmentRef,
    EnrolmentRequested,
    ingest_object_key,
    transport_aad,
)
from onrecord.contracts.vector_search import TransportKeys
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.proof.attestation import Attestation
from onrecord.proof.statements import ENROLMENT_TICKET
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import require_upkeep
from onrecord.vector_search.core.values import Gallery, RecordState
from onrecord.vector_search.roster import galleries, redrives
from onrecord.vector_search.roster.redrives import Stopped
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts

_RANDOM_BYTES = 16
_PUBLISH_AFTER = 64


class Redrives:
    """Seals portraits for transport anew and asks for them to be processed."""

    def __init__(self, parts: PlaneParts, known: Galleries, transport: TransportKeys) -> None:
        self._parts = parts
        self._galleries = known
        self._transport = transport

    def redrive(
        self, gallery: str, enrolment_ids: Sequence[str], user_token: str, deadline: Deadline
    ) -> tuple[Redriven, ...]:
        """One answer an id, in order. A code says why an enrolment is not on its way again:
        NOT_FOUND, UPLOAD_INCOMPLETE (its portrait was never brought), RECORD_DELETED,
        GENERATION_STALE, the reason it was rejected for, IMAGE_MISSING or SEAL_INVALID (of the
        vault's object). For custodians and operators: it is begun again under the same generation
        and the same authority. Raises ROLE_MISSING.
        """
        require_upkeep(self._parts.tokens.verify(user_token), gallery)
        return self.send(self._galleries.known(gallery), enrolment_ids, deadline)

    def send(
        self, gallery: Gallery, enrolment_ids: Sequence[str], deadline: Deadline
    ) -> tuple[Redriven, ...]:
        """As `redrive`, for whoever has been let in already."""
        done = []
        for number, enrolment_id in enumerate(enrolment_ids, 1):
            deadline.check()
            done.append(Redriven(enrolment_id, self._send(gallery, enrolment_id, deadline)))
            if number % _PUBLISH_AFTER == 0:
                self._parts.relay.flush(deadline)
        self._parts.relay.flush(deadline)
        return tuple(done)

    def _send(self, gallery: Gallery, enrolment_id: str, deadline: Deadline) -> ErrorCode | None:
        with read_transaction(self._parts.roster) as tx:
            held = redrives.find(tx, gallery.jurisdiction, enrolment_id)
        if held is None:
            return ErrorCode.NOT_FOUND
        if held.state is RecordState.GONE:
            return held.code or ErrorCode.GENERATION_STALE
        try:
            image = self._portrait(held)
        except OnRecordError as error:
            return error.code
        key = self._transport.transport_key(gallery.jurisdiction, None, deadline)
        self._seal(held, image, key)
        return self._ask(held, key)

    def _portrait(self, held: Stopped) -> bytes:
        """The encoded image, as the ledger knows it by its hash."""
        if held.wrapped_key is None or held.image_sha256 is None:
            raise OnRecordError(ErrorCode.UPLOAD_INCOMPLETE, "its portrait was never brought")
        try:
            ciphertext = self._parts.vault.get(held.vault_key)
        except OnRecordError as error:
            if error.code is ErrorCode.NOT_FOUND:
                raise OnRecordError(ErrorCode.IMAGE_MISSING, "the vault has lost it") from error
            raise
        aad = portrait_aad(held.gallery, held.enrolment_id, held.image_sha256)
        private = self._parts.keys.private_key(held.gallery)
        image = open_sealed(private, Sealed(ciphertext, held.wrapped_key), aad)
        if hashlib.sha256(image).hexdigest() != held.image_sha256:
            raise OnRecordError(ErrorCode.SEAL_INVALID, "the vault holds another image")
        return image

    def _seal(self, held: Stopped, image: bytes, key: TransportKey) -> None:
        aad = transport_aad("portrait", _ref(held))
        self._parts.ingest.put(
            ingest_object_key(held.gallery, held.enrolment_id), encrypt(key.key, image, aad)
        )
        self._parts.reached(write_points.REDRIVE_SEALED)

    def _ask(self, held: Stopped, key: TransportKey) -> ErrorCode | None:
        """The new ticket and the event in one transaction: an older event finds another ticket."""
        ticket = self._ticket(held)
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, held.gallery)
            if not redrives.set_ticket(tx, held.enrolment_id, ticket):
                overtaken = redrives.find(tx, held.gallery, held.enrolment_id)
                code = (overtaken and overtaken.code) or ErrorCode.GENERATION_STALE
            else:
                code = None
                requested = EnrolmentRequested(
                    enrolment=_ref(held),
                    ticket=ticket,
                    object_key=ingest_object_key(held.gallery, held.enrolment_id),
                    image_sha256=held.image_sha256 or "",
                    key_id=key.key_id,
                )
                self._parts.relay.queue(tx, [message_of(requested)])
        self._parts.reached(write_points.REDRIVE_STORED)
        if code is not None:
            self._parts.ingest.delete(ingest_object_key(held.gallery, held.enrolment_id))
        return code

    def _ticket(self, held: Stopped) -> Attestation:
        now = self._parts.clock.now()
        return self._parts.attestor.attest(
            {
                "type": ENROLMENT_TICKET,
                "time": format_time(now),
                "gallery": held.gallery,
                "enrolment_id": held.enrolment_id,
                "generation": held.generation,
                "image_sha256": held.image_sha256,
                "model_id": held.model_id,
                "expires_at": format_time(now + self._parts.ticket_life),
                "record": self._parts.random_bytes(_RANDOM_BYTES).hex(),
            }
        )


def _ref(held: Stopped) -> EnrolmentRef:
    return EnrolmentRef(held.gallery, held.enrolment_id, held.generation)
