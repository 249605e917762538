"""The plane's own values: what stands in its roster and what its index answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from onrecord.contracts.events import EnrolmentRef
from onrecord.kernel.cards import Metric
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.attestation import Attestation

NO_RECEIPT = "0" * 64
"""What the first receipt of a gallery names as the one before it."""


class RecordState(StrEnum):
    """Of one generation of one record. Only a live one is ever returned.

    Gone with a code: it never was live.
    """

    PENDING = "pending"
    LIVE = "live"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Gallery:
    """A gallery as the roster holds it. `last_receipt` is the SHA-256 of its latest receipt."""

    jurisdiction: str
    model_id: str
    dimension: int
    metric: Metric
    authority_key: str
    public_key: bytes
    live_records: int
    last_sequence: int
    last_receipt: str

    @property
    def space(self) -> "IndexSpace":
        return IndexSpace(self.jurisdiction, self.model_id, self.dimension, self.metric)


@dataclass(frozen=True, slots=True)
class IndexSpace:
    """Where vectors of one gallery and one model stand; no search crosses it."""

    gallery: str
    model_id: str
    dimension: int
    metric: Metric


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One generation of one record.

    `record_mac` names the record for good; `record_id` and `image_sha256` are None once it is
    deleted. `ticket` is the mandate of its signed `ticket_attestation`. `vault_key` is where its
    sealed portrait stands; `ciphertext_sha256` and `wrapped_key` are set when that was submitted,
    and `wrapped_key` is destroyed when the row is gone. `code` says why it never became live.
    """

    enrolment_id: str
    gallery: str
    record_mac: str
    record_id: str | None
    generation: int
    state: RecordState
    image_sha256: str | None
    model_id: str
    ticket: str
    ticket_attestation: Attestation
    index_key: str
    vault_key: str
    requested_at: datetime
    authorised_by: str
    manifest_id: str | None = None
    row: int | None = None
    duplicate: bool = False
    ciphertext_sha256: str | None = None
    wrapped_key: bytes | None = None
    template_sha256: str | None = None
    ended_at: datetime | None = None
    code: ErrorCode | None = None
    message: str = ""

    @property
    def ref(self) -> EnrolmentRef:
        return EnrolmentRef(self.gallery, self.enrolment_id, self.generation)

    @property
    def submitted(self) -> bool:
        """Whether its sealed portrait has been brought."""
        return self.wrapped_key is not None


@dataclass(frozen=True, slots=True)
class IndexHit:
    """What the index found: a key of ours and how alike, from -1 to 1. Nothing is believed yet."""

    key: str
    similarity: float


@dataclass(frozen=True, slots=True)
class RankedRecord:
    """A live record in a result, best first. `similarity` in millionths."""

    enrolment_id: str
    index_key: str
    similarity: int


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A record under the random name by which one search knows it."""

    candidate_ref: str
    gallery: str
    mandate: str
    search_id: str
    grant_index: int
    enrolment_id: str
    similarity: int
