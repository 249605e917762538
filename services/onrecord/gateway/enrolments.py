"""Enrolling one record: the same three services, under the plane's ticket instead of a grant.

The gateway holds the portrait only for this request. It seals it to the gallery's public key and
cannot open it again.
"""

import hashlib
from dataclasses import dataclass

from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.sealing import seal
from onrecord.contracts.audit import Audit
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.images import DetectionRefusal, Template
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.contracts.vector_search import (
    EnrolmentCompletion,
    EnrolmentStart,
    EnrolmentTicket,
    VaultPortrait,
    portrait_aad,
    vault_object_key,
)
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import WritePoint


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A live record, and the ledger entry that says so."""

    ticket: EnrolmentTicket
    gallery: str
    entry_index: int


class Enrolments:
    """Synchronous for one record; the bus carries many."""

    def __init__(
        self,
        *,
        audit: Audit,
        detection: FaceDetection,
        embedding: FaceEmbedding,
        planes: PlaneDirectory,
        vault: ObjectStore,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._detection = detection
        self._embedding = embedding
        self._planes = planes
        self._vault = vault
        self._limits = limits
        self._reached = reached

    def enrol(self, caller: Caller, gallery: str, record_id: str, portrait: bytes) -> Enrolled:
        """Make a portrait (encoded image) searchable. The older one of the record is gone with it.

        Raises ROLE_MISSING, CALLER_NOT_ALLOWED, GALLERY_UNKNOWN, RECORD_ID_INVALID, IMAGE_* and
        QUALITY_* for the portrait, and *_UNAVAILABLE.
        """
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        if not portrait:
            raise OnRecordError(ErrorCode.IMAGE_EMPTY, "the portrait is empty", field="portrait")
        deadline = Deadline.after(self._limits.search_seconds)
        plane = self._planes.of(gallery, deadline)
        image_sha256 = hashlib.sha256(portrait).hexdigest()
        ticket = plane.begin_enrolment(EnrolmentStart(gallery, record_id, image_sha256), deadline)
        self._reached(write_points.ENROLMENT_BEGUN)
        template = self._template(portrait, ticket, deadline)
        vaulted = self._put(portrait, gallery, image_sha256, ticket)
        self._reached(write_points.ENROLMENT_VAULTED)
        change = plane.complete_enrolment(EnrolmentCompletion(ticket, vaulted, template), deadline)
        self._reached(write_points.ENROLMENT_COMPLETED)
        entry = self._audit.record_gallery_change(change, caller.token, deadline)
        return Enrolled(ticket, gallery, entry.index)

    def _template(self, portrait: bytes, ticket: EnrolmentTicket, deadline: Deadline) -> Template:
        found = self._detection.detect(portrait, ticket.attestation, [ticket.model_id], deadline)
        if isinstance(found, DetectionRefusal):
            raise OnRecordError(
                found.code, found.message, field="portrait", details={**found.details}
            )
        wanted = [EmbedRequest(crop, ticket.attestation) for crop in found.crops]
        (template,) = self._embedding.embed(wanted, deadline)
        return template

    def _put(
        self, portrait: bytes, gallery: str, image_sha256: str, ticket: EnrolmentTicket
    ) -> VaultPortrait:
        about = portrait_aad(gallery, ticket.enrolment_id, image_sha256)
        sealed = seal(ticket.public_key, portrait, about)
        key = vault_object_key(gallery, ticket.enrolment_id)
        self._vault.put(key, sealed.ciphertext)
        return VaultPortrait(key, hashlib.sha256(sealed.ciphertext).hexdigest(), sealed.wrapped_key)
