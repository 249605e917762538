"""The plane: galleries, their roster, their keys and their index."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from onrecord.contracts.enrolment import (
    Begun,
    ChunkRef,
    ChunkState,
    Deletion,
    EnrolmentBatch,
    EnrolmentState,
    GalleryCheck,
    ManifestRow,
    ManifestState,
    Redriven,
    RowStatus,
    Submission,
    TransportKey,
)
from onrecord.contracts.images import Template
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.manifests import Row
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
    """A gallery as anyone may know it. Portraits are sealed to `public_key` (X25519, 32 bytes).

    `plane` is the name its plane was given by its operator.
    """

    jurisdiction: str
    model_id: str
    metric: str
    authority_key: str
    public_key: bytes
    live_records: int
    last_sequence: int
    plane: str


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
class TemplateSearch:
    """A template, and the galleries that are searched with it: those of its model."""

    template: Template
    galleries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaneSearch:
    """What one search asks of one plane: its galleries, under one grant. Each is named once."""

    grant: LoggedEntry
    searches: tuple[TemplateSearch, ...]

    @classmethod
    def of_one(cls, search: GallerySearch) -> "PlaneSearch":
        return cls(search.grant, (TemplateSearch(search.template, (search.gallery,)),))

    @property
    def galleries(self) -> tuple[str, ...]:
        """All that are asked for, in order."""
        return tuple(name for one in self.searches for name in one.galleries)


@dataclass(frozen=True, slots=True)
class GalleryFailure:
    """A gallery of a search that is not answered for, and why (law 8): an error, as a value.

    `unanswered`: the plane may have been asked and said nothing. That is told by
    whoever asked; no plane says it of itself, so it does not travel.
    """

    gallery: str
    code: ErrorCode
    message: str
    field: str | None = None
    details: dict[str, str | int] = dataclasses.field(default_factory=dict)
    unanswered: bool = dataclasses.field(default=False, compare=False)

    @classmethod
    def of(cls, gallery: str, error: OnRecordError) -> "GalleryFailure":
        return cls(
            gallery,
            error.code,
            error.message,
            error.field,
            error.details,
            isinstance(error, UnansweredError),
        )

    @property
    def error(self) -> OnRecordError:
        kind = UnansweredError if self.unanswered else OnRecordError
        return kind(self.code, self.message, field=self.field, details=self.details)


GalleryAnswer = GalleryResult | GalleryFailure


@dataclass(frozen=True, slots=True)
class Lead:
    """What is released: the state's own id of the record, and nothing else about it."""

    gallery: str
    candidate_ref: str
    record_id: str
    similarity: int


class TransportKeys(Protocol):
    """Whoever hands a gallery's transport keys to the services that need them."""

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        """This key, or, for None, the one to seal with now.

        Raises GALLERY_UNKNOWN, SEAL_KEY_DESTROYED, PLANE_UNAVAILABLE.
        """
        ...


class Plane(TransportKeys, Protocol):
    """Searches only what the ledger shows to be granted, where the data is (law 2).

    MUST verify the grant itself: entry, inclusion, checkpoint, consistency with the highest
    checkpoint it has ever seen, expiry, gallery, list size, model, the policy's signature by the
    state's pinned key, and the signed chain from the granted probe to the template. MUST store
    and publish the receipt before it answers (law 3). MUST answer a repeat under one grant with
    what it answered first, and refuse another probe or model under it. MUST NOT return a record
    whose roster row is not live. MUST NOT let a `record_id` or a portrait out but against a proof.
    MUST verify a `user_token` itself, and change a gallery only for its own custodian or by a
    list that the state's pinned key has signed (law 10).
    """

    def create_gallery(
        self, setup: GallerySetup, user_token: str, deadline: Deadline
    ) -> GalleryInfo:
        """Mint the gallery's keys and its collection; an operator's act. Repeatable.

        Raises ROLE_MISSING, GALLERY_EXISTS if different.
        """
        ...

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]: ...

    def begin_enrolments(
        self, batch: EnrolmentBatch, user_token: str, deadline: Deadline
    ) -> tuple[Begun, ...]:
        """Allocate generations; one answer a start, in order. Repeatable: the same answers.

        Rows of a chunk must be the rows of the manifest (MANIFEST_CHANGED, MANIFEST_STATE), and
        need no token; without one, the token is that of the gallery's custodian. Raises
        GALLERY_UNKNOWN, ROLE_MISSING, CALLER_NOT_ALLOWED.
        """
        ...

    def submit_enrolments(
        self, gallery: str, submissions: Sequence[Submission], deadline: Deadline
    ) -> None:
        """The sealed copies stand: publish `enrolment.requested`. Repeatable, in part or whole.

        Raises NOT_FOUND for an enrolment that is not this gallery's, FIELD_INVALID.
        """
        ...

    def enrolment(self, gallery: str, enrolment_id: str, deadline: Deadline) -> EnrolmentState:
        """Raises NOT_FOUND."""
        ...

    def open_manifest(
        self, header: bytes, signature: str, user_token: str, deadline: Deadline
    ) -> ManifestState:
        """Take up a list that the state has signed; its custodian's act. Repeatable.

        Raises MANIFEST_INVALID, SIGNATURE_INVALID, GALLERY_UNKNOWN, ROLE_MISSING.
        """
        ...

    def put_chunk(self, chunk: ChunkRef, rows: Sequence[Row], deadline: Deadline) -> ChunkState:
        """The rows of one chunk. A list of deletions is carried out here. Repeatable.

        A record named before in this manifest, or an id that is none, is a rejected row. Raises
        NOT_FOUND, MANIFEST_CHANGED.
        """
        ...

    def manifest(self, manifest_id: str, deadline: Deadline) -> ManifestState:
        """Raises NOT_FOUND."""
        ...

    def manifest_rows(
        self,
        chunk: ChunkRef,
        statuses: Sequence[RowStatus],
        after: int,
        limit: int,
        deadline: Deadline,
    ) -> tuple[ManifestRow, ...]:
        """Rows of a chunk in these states (or, with none named, that are duplicates), by number
        above `after`. Rows that were accepted are forgotten once their chunk is closed.
        """
        ...

    def delete_record(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        """Gone when it returns, whatever is still on its way; its custodian's act. Repeatable: the
        same receipt. Raises NOT_FOUND for a record that never was.
        """
        ...

    def deletion(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        """The receipt as it stands. Raises NOT_FOUND where the record was not deleted."""
        ...

    def check_gallery(
        self,
        gallery: str,
        repair: bool,
        user_token: str,
        remove_unknown: int | None,
        deadline: Deadline,
    ) -> GalleryCheck:
        """Compare roster, index and vault; repair the index from the other two if asked to.

        `remove_unknown`: how many sealed portraits of no known enrolment there are, all of which
        are destroyed, on the record; a custodian's act. Raises FIELD_INVALID for another number.
        """
        ...

    def redrive(
        self, gallery: str, enrolment_ids: Sequence[str], user_token: str, deadline: Deadline
    ) -> tuple[Redriven, ...]:
        """Send enrolments that stopped on their way again, sealed anew from the vault."""
        ...

    def foresee(self, grant: LoggedEntry, deadline: Deadline) -> None:
        """A search under this grant will come: make ready for it what does not need its template.

        It promises, stores and tells nothing: a search that was foreseen is judged when it comes,
        as one that was not, and may come though this failed. A plane that is busy does nothing.
        Raises GRANT_*, LEDGER_*.
        """
        ...

    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        """One answer a gallery, in the order asked; each is searched or fails by itself (law 8).

        A gallery that fails with PLANE_UNAVAILABLE has left no receipt. Raises GRANT_MALFORMED,
        GRANT_NOT_IN_LEDGER and GRANT_CHECKPOINT_INVALID for a grant that is none, and
        REQUEST_MALFORMED for a gallery that is named twice.
        """
        ...

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        """As `search_galleries`, of one gallery; raises what it failed with."""
        ...

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        """The portrait (encoded image) that a logged look names. Raises GRANT_*, NOT_FOUND."""
        ...

    def unseal(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        """The record ids of the released candidates that are this plane's. At most two.

        For the person the grant was given to, and nobody else: CALLER_NOT_ALLOWED.
        """
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
