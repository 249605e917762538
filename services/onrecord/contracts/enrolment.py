"""Filling, changing and emptying a gallery, as values (R-42, law 9)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EnrolmentStatus, ManifestAct
from onrecord.proof.attestation import Attestation
from onrecord.proof.manifests import Row


@dataclass(frozen=True, slots=True)
class TransportKey:
    """What a gallery's portraits, crops and templates are sealed under on their way (R-46).

    `key`: 32 bytes. `seal_until`: from then on another key is to be asked for. `opens_until`: then
    the plane destroys it, and whoever holds a copy forgets it.
    """

    gallery: str
    key_id: str
    key: bytes = field(repr=False)
    seal_until: datetime
    opens_until: datetime


@dataclass(frozen=True, slots=True)
class ChunkRef:
    """A chunk of a signed manifest, counted from 0."""

    manifest_id: str
    chunk: int


@dataclass(frozen=True, slots=True)
class EnrolmentStart:
    """A portrait that is to be enrolled. `record_id` is the state's own, opaque, 1 to 128 chars.

    `row`: its number in the manifest, from 1; None outside a manifest. `problem`: why there will
    be no portrait for the row (IMAGE_MISSING, IMAGE_HASH_MISMATCH, IMAGE_*); it is then rejected.
    """

    record_id: str
    image_sha256: str
    row: int | None = None
    problem: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentBatch:
    """Portraits of one gallery: rows of one chunk, or, without a manifest, a custodian's own."""

    gallery: str
    starts: tuple[EnrolmentStart, ...]
    chunk: ChunkRef | None = None


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


class BeginState(StrEnum):
    BEGUN = "begun"  # bring the sealed portrait: `submit_enrolments`
    SUBMITTED = "submitted"  # begun before, and its portrait is here already
    UNCHANGED = "unchanged"  # this very image is live for this record
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Begun:
    """What came of one start. `ticket` where begun; `code` where rejected.

    `enrolment_id` is '' for a row that never became an enrolment. `duplicate`: the very same image
    stands in this gallery under another record; it is enrolled, and reported.
    """

    state: BeginState
    enrolment_id: str
    ticket: EnrolmentTicket | None = None
    code: ErrorCode | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class VaultPortrait:
    """A portrait sealed to its gallery's key: AES-256-GCM under a data key, wrapped by HPKE.

    `object_key` is `vault_object_key`'s; the additional data of both layers is `portrait_aad`'s.
    `ciphertext_sha256` is in hexadecimal.
    """

    object_key: str
    ciphertext_sha256: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """Both sealed copies of a portrait stand in the object stores: vault and ingest.

    `key_id`: the transport key the ingest copy (`ingest_object_key`) is sealed under.
    """

    enrolment_id: str
    vault: VaultPortrait
    key_id: str


@dataclass(frozen=True, slots=True)
class EnrolmentState:
    """How far one portrait is. `code` and `message` where it was rejected."""

    gallery: str
    enrolment_id: str
    generation: int
    model_id: str
    status: EnrolmentStatus
    requested_at: datetime
    ended_at: datetime | None
    code: ErrorCode | None
    message: str
    duplicate: bool


class RowStatus(StrEnum):
    """A row of a manifest. All but the first two are ends."""

    AWAITED = "awaited"  # its portrait has not been brought yet
    PROCESSING = "processing"
    ACCEPTED = "accepted"  # live, by this row
    UNCHANGED = "unchanged"  # it was live already, with this very image
    REJECTED = "rejected"
    DELETED = "deleted"
    UNKNOWN = "unknown"  # to be deleted, and never was here


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A row and what became of it. `row` from 1."""

    row: int
    content: Row
    status: RowStatus
    enrolment_id: str
    code: ErrorCode | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class ChunkState:
    """Counts of a chunk's rows by status; `duplicates` are among the others.

    `delivered`: its rows have been brought and verified. `change`: the plane's statement, signed
    when the last of its rows had ended.
    """

    number: int
    rows: int
    delivered: bool
    counts: dict[RowStatus, int]
    duplicates: int
    change: Attestation | None

    @property
    def closed(self) -> bool:
        return self.change is not None


@dataclass(frozen=True, slots=True)
class ManifestState:
    """A manifest as its plane knows it.

    The counts of its chunks are what each row came to when it ended. `live`: of a complete list to
    enrol, how many of its portraits are live now; deleted and replaced ones are not. None before.
    """

    manifest_id: str
    gallery: str
    act: ManifestAct
    rows: int
    chunk_rows: int
    opened_at: datetime
    chunks: tuple[ChunkState, ...]
    live: int | None = None

    @property
    def complete(self) -> bool:
        return all(chunk.closed for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Deletion:
    """The receipt for a record that is gone (law 9).

    `not_returned_from`: no search begun later returns it. `vectors_compacted_at`: None until the
    index has dropped its bytes. `backups_expire_at`: when the last backup that may hold its sealed
    portrait has run out. `deleted`, `compacted`: the plane's signed statements of the first two.
    """

    gallery: str
    generation: int
    not_returned_from: datetime
    vectors_compacted_at: datetime | None
    backups_expire_at: datetime
    deleted: Attestation
    compacted: Attestation | None


@dataclass(frozen=True, slots=True)
class GalleryCheck:
    """Roster, index and vault, compared (R-48). All counts are records.

    `missing_vectors`: live, and the index has nothing. `ghosts`: vectors of no live record.
    `missing_portraits`: live, and the vault has nothing or other bytes. `repaired`: ghosts removed
    and records sent through enrolment again from the vault. `unknown_portraits`: sealed portraits
    of enrolments that the roster does not know, such as those since the backup it was made from.
    """

    gallery: str
    live: int
    indexed: int
    missing_vectors: int
    ghosts: int
    missing_portraits: int
    repaired: int
    unknown_portraits: int = 0


@dataclass(frozen=True, slots=True)
class Redriven:
    """Whether an enrolment that had stopped is on its way again; `code` where it is not."""

    enrolment_id: str
    code: ErrorCode | None


def vault_object_key(gallery: str, enrolment_id: str) -> str:
    """Where a sealed portrait stands in the object store: one place for one enrolment."""
    return f"vault/{gallery}/{enrolment_id}.sealed"


def portrait_aad(gallery: str, enrolment_id: str, image_sha256: str) -> bytes:
    """What a sealed portrait is bound to, so that it opens in no other's place."""
    return f"onrecord/portrait/v1\n{gallery}\n{enrolment_id}\n{image_sha256}\n".encode()
