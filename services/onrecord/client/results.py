"""What the gateway answers, as values. Fields this client does not know are passed over.

Similarities are whole millionths of a cosine in [-1, 1], never a probability.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onrecord.kernel.vocabulary import Conclusion, GalleryStatus, SearchStatus, TaskStatus

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, with a stable code."""

    code: str
    message: str

    @classmethod
    def read(cls, said: Json) -> "Reason":
        return cls(said["code"], said["message"])


@dataclass(frozen=True, slots=True)
class Receipt:
    """The ledger entry of a plane's receipt, and the SHA-256 of what the plane signed."""

    entry_index: int
    statement_sha256: str

    @classmethod
    def read(cls, said: Json) -> "Receipt":
        return cls(said["entry_index"], said["statement_sha256"])


@dataclass(frozen=True, slots=True)
class Gallery:
    """One gallery of a search. `retryable`: trying again may reach it."""

    gallery: str
    status: GalleryStatus
    reasons: tuple[Reason, ...]
    retryable: bool
    policy: str | None
    model_id: str | None
    list_size: int
    receipt: Receipt | None

    @classmethod
    def read(cls, said: Json) -> "Gallery":
        receipt = said["receipt"]
        return cls(
            gallery=said["gallery"],
            status=GalleryStatus(said["status"]),
            reasons=tuple(Reason.read(one) for one in said["reasons"]),
            retryable=said["retryable"],
            policy=said["policy"],
            model_id=said["model_id"],
            list_size=said["list_size"],
            receipt=None if receipt is None else Receipt.read(receipt),
        )


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A ledger entry with its proof, as JSON: what `LoggedEntry.from_json` of `proof` reads."""

    index: int
    document: Json = field(repr=False, hash=False)

    @property
    def checkpoint(self) -> str:
        return str(self.document["checkpoint"])

    @classmethod
    def read(cls, said: Json) -> "LedgerEntry":
        return cls(said["index"], said)


@dataclass(frozen=True, slots=True)
class Search:
    """A search as its requester sees it. `receipt` proves that the request is on the record."""

    search_id: str
    status: SearchStatus
    case_number: str
    probe_sha256: str
    list_size: int
    created_at: str
    expires_at: str | None
    galleries: tuple[Gallery, ...]
    reasons: tuple[Reason, ...]
    receipt: LedgerEntry

    def gallery(self, name: str) -> Gallery:
        """Raises KeyError for one that was not asked for."""
        for one in self.galleries:
            if one.gallery == name:
                return one
        raise KeyError(name)

    @classmethod
    def read(cls, said: Json) -> "Search":
        return cls(
            search_id=said["search_id"],
            status=SearchStatus(said["status"]),
            case_number=said["case_number"],
            probe_sha256=said["probe_sha256"],
            list_size=said["list_size"],
            created_at=said["created_at"],
            expires_at=said["expires_at"],
            galleries=tuple(Gallery.read(one) for one in said["galleries"]),
            reasons=tuple(Reason.read(one) for one in said["reasons"]),
            receipt=LedgerEntry.read(said["receipt"]),
        )


@dataclass(frozen=True, slots=True)
class TaskSummary:
    task_id: str
    status: TaskStatus

    @classmethod
    def read(cls, said: Json) -> "TaskSummary":
        return cls(said["task_id"], TaskStatus(said["status"]))


@dataclass(frozen=True, slots=True)
class Task:
    """A task and its candidates, in an order that says nothing."""

    task_id: str
    status: TaskStatus
    candidate_refs: tuple[str, ...]

    @classmethod
    def read(cls, said: Json) -> "Task":
        references = tuple(one["candidate_ref"] for one in said["candidates"])
        return cls(said["task_id"], TaskStatus(said["status"]), references)


@dataclass(frozen=True, slots=True)
class Decision:
    """What an examiner concludes about one candidate: why, and in how many seconds."""

    candidate_ref: str
    conclusion: Conclusion
    reasons: tuple[str, ...]
    seconds: int

    def to_json(self) -> dict[str, Any]:
        return {
            "candidate_ref": self.candidate_ref,
            "conclusion": self.conclusion.value,
            "reasons": list(self.reasons),
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Examiner:
    person: str
    agency: str
    training_completed: str

    @classmethod
    def read(cls, said: Json) -> "Examiner":
        return cls(said["person"], said["agency"], said["training_completed"])


@dataclass(frozen=True, slots=True)
class Quality:
    """One component of the probe's quality; `value` and `gate` in millionths of `unit`."""

    component: str
    value: int
    gate: int
    unit: str
    passed: bool

    @classmethod
    def read(cls, said: Json) -> "Quality":
        return cls(said["component"], said["value"], said["gate"], said["unit"], said["passed"])


@dataclass(frozen=True, slots=True)
class Lead:
    """The state's own id of a record. An investigative lead, never an identification."""

    gallery: str
    record_id: str
    candidate_ref: str
    similarity: int

    @classmethod
    def read(cls, said: Json) -> "Lead":
        return cls(said["gallery"], said["record_id"], said["candidate_ref"], said["similarity"])


@dataclass(frozen=True, slots=True)
class Leads:
    """What is released, with its stamps and all that R-16 demands."""

    search_id: str
    case_number: str
    stamps: tuple[str, ...]
    leads: tuple[Lead, ...]
    reason: str
    probe_sha256: str
    probe_quality: tuple[Quality, ...]
    models: tuple[str, ...]
    galleries: tuple[Gallery, ...]
    threshold: str
    entry_index: int

    @classmethod
    def read(cls, said: Json) -> "Leads":
        return cls(
            search_id=said["search_id"],
            case_number=said["case_number"],
            stamps=tuple(said["stamps"]),
            leads=tuple(Lead.read(one) for one in said["leads"]),
            reason=said["reason"],
            probe_sha256=said["probe_sha256"],
            probe_quality=tuple(Quality.read(one) for one in said["probe_quality"]),
            models=tuple(said["models"]),
            galleries=tuple(Gallery.read(one) for one in said["galleries"]),
            threshold=said["threshold"],
            entry_index=said["entry_index"],
        )


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """A gallery. `public_key`: X25519, 32 bytes."""

    gallery: str
    model_id: str
    metric: str
    authority_key: str
    public_key: bytes
    live_records: int

    @classmethod
    def read(cls, said: Json) -> "GalleryInfo":
        return cls(
            said["gallery"],
            said["model_id"],
            said["metric"],
            said["authority_key"],
            base64.b64decode(said["public_key"]),
            said["live_records"],
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force."""

    gallery: str
    version: int
    digest: str
    effective: str
    expires: str
    citation: str
    legal_review: str

    @classmethod
    def read(cls, said: Json) -> "Policy":
        return cls(
            said["gallery"],
            said["version"],
            said["digest"],
            said["effective"],
            said["expires"],
            said["citation"],
            said["legal_review"],
        )


@dataclass(frozen=True, slots=True)
class Logged:
    """Something was written to the ledger; None where its answer was lost once."""

    entry_index: int | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A record that is live."""

    enrolment_id: str
    gallery: str
    generation: int
    model_id: str
    status: str
    entry_index: int

    @classmethod
    def read(cls, said: Json) -> "Enrolment":
        return cls(
            said["enrolment_id"],
            said["gallery"],
            said["generation"],
            said["model_id"],
            said["status"],
            said["entry_index"],
        )


@dataclass(frozen=True, slots=True)
class Body:
    """An entry's body (canonical JSON) and nonce (32 bytes), as its leaf commits to them."""

    index: int
    nonce: bytes
    body: bytes

    @classmethod
    def read(cls, said: Json) -> "Body":
        return cls(said["index"], base64.b64decode(said["nonce"]), base64.b64decode(said["body"]))
