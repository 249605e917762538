"""The plane's own values: what stands in its roster and what its index answers."""

from dataclasses import dataclass
from enum import StrEnum

from onrecord.kernel.cards import Metric

NO_RECEIPT = "0" * 64
"""What the first receipt of a gallery names as the one before it."""


class RecordState(StrEnum):
    """Of one generation of one record. Only a live one is ever returned."""

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

    `vault_key` is where its sealed portrait stands. `template_sha256` and `wrapped_key` are set
    when it goes live; `wrapped_key` is destroyed when it is gone.
    """

    enrolment_id: str
    gallery: str
    record_id: str
    generation: int
    state: RecordState
    image_sha256: str
    model_id: str
    ticket: str
    index_key: str
    vault_key: str
    template_sha256: str | None
    wrapped_key: bytes | None


@dataclass(frozen=True, slots=True)
class IndexHit:
    """What the index found: a key of ours and how alike, from -1 to 1. Nothing is believed yet."""

    key: str
    similarity: float


@dataclass(frozen=True, slots=True)
class RankedRecord:
    """A live record in a result, best first. `similarity` in millionths."""

    enrolment_id: str
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
