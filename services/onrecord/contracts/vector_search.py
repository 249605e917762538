"""The plane: galleries, their roster, their keys and their index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from onrecord.contracts.images import Template
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof


@dataclass(frozen=True, slots=True)
class GallerySetup:
    """A new gallery: its state, the model it is searched with and the state's first authority key.

    `authority_key` is a C2SP verifier key (`US-UT/authority+…`), pinned by the plane's operator.
    """

    jurisdiction: str
    model_id: str
    dimension: int
    metric: str
    authority_key: str


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """A gallery as anyone may know it. Portraits are sealed to `public_key` (X25519, 32 bytes)."""

    jurisdiction: str
    model_id: str
    metric: str
    authority_key: str
    public_key: bytes
    live_records: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class EnrolmentStart:
    """A portrait that is to be enrolled. `record_id` is the state's own, opaque, 1 to 128 chars."""

    gallery: str
    record_id: str
    image_sha256: str


@dataclass(frozen=True, slots=True)
class EnrolmentTicket:
    """The plane's leave to process one portrait: `ENROLMENT_TICKET`, signed by the plane.

    The statement names gallery, enrolment_id, generation, image_sha256, model_id, expires_at.
    """

    enrolment_id: str
    generation: int
    public_key: bytes
    model_id: str
    attestation: Attestation


@dataclass(frozen=True, slots=True)
class VaultPortrait:
    """A portrait sealed to its gallery's key: AES-256-GCM under a data key, wrapped by HPKE.

    `object_key` is `vault_object_key`'s; the additional data of both layers is `portrait_aad`'s.
    `ciphertext_sha256` is in hexadecimal.
    """

    object_key: str
    ciphertext_sha256: str
    wrapped_key: bytes


def vault_object_key(gallery: str, enrolment_id: str) -> str:
    """Where a sealed portrait stands in the object store: one place for one enrolment."""
    return f"vault/{gallery}/{enrolment_id}.sealed"


def portrait_aad(gallery: str, enrolment_id: str, image_sha256: str) -> bytes:
    """What a sealed portrait is bound to, so that it opens in no other's place."""
    return f"onrecord/portrait/v1\n{gallery}\n{enrolment_id}\n{image_sha256}\n".encode()


@dataclass(frozen=True, slots=True)
class EnrolmentCompletion:
    """What makes an enrolment live: the sealed portrait and its template."""

    ticket: EnrolmentTicket
    vault: VaultPortrait
    template: Template


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record as it is seen outside the plane. `similarity` in millionths."""

    candidate_ref: str
    similarity: int


@dataclass(frozen=True, slots=True)
class GallerySearch:
    """A search of one gallery under a grant."""

    gallery: str
    grant: LoggedEntry
    template: Template


@dataclass(frozen=True, slots=True)
class GalleryResult:
    """What the gallery holds that is most alike, and the receipt for having looked (`RECEIPT`)."""

    gallery: str
    candidates: tuple[Candidate, ...]
    receipt: Attestation


@dataclass(frozen=True, slots=True)
class Lead:
    """What is released: the state's own id of the record, and nothing else about it."""

    gallery: str
    candidate_ref: str
    record_id: str
    similarity: int


class Plane(Protocol):
    """Searches only what the ledger shows to be granted, where the data is (law 2).

    MUST verify the grant itself: entry, inclusion, checkpoint, consistency with the highest
    checkpoint it has ever seen, expiry, gallery, list size, model, the policy's signature by the
    state's pinned key, and the signed chain from the granted probe to the template. MUST store
    the receipt before it answers. MUST answer a repeat under one grant with what it answered
    first, and refuse another probe or model under it. MUST NOT return a record whose roster row
    is not live. MUST NOT let a `record_id` or a portrait out but against a proof.
    """

    def create_gallery(self, setup: GallerySetup, deadline: Deadline) -> GalleryInfo:
        """Mint the gallery's keys and its collection. Repeatable; GALLERY_EXISTS if different."""
        ...

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]: ...

    def begin_enrolment(self, start: EnrolmentStart, deadline: Deadline) -> EnrolmentTicket:
        """Allocate the record's next generation. Raises GALLERY_UNKNOWN, RECORD_ID_INVALID."""
        ...

    def complete_enrolment(
        self, completion: EnrolmentCompletion, deadline: Deadline
    ) -> Attestation:
        """Insert and make live; the older generation is gone in the same step.

        Returns `GALLERY_CHANGED`, for the ledger. Raises GENERATION_STALE, ATTESTATION_INVALID,
        MODEL_MISMATCH, GALLERY_TOO_LARGE.
        """
        ...

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult: ...

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        """The portrait (encoded image) that a logged look names. Raises GRANT_*, NOT_FOUND."""
        ...

    def unseal(self, proof: ReleaseProof, deadline: Deadline) -> tuple[Lead, ...]:
        """The record ids of the released candidates that are this plane's. At most two."""
        ...

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> Sequence[Attestation]:
        """Receipts with a sequence above `after`, in order, at most 1,000."""
        ...


@dataclass(frozen=True, slots=True)
class LookScope:
    """What a `look.granted` body says about a candidate: read by the plane, written by audit."""

    search_id: str
    grant_index: int
    gallery: str
    candidate_ref: str
    expires_at: datetime
