"""What an investigator is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus

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
class Emergency:
    """A gallery granted before its instrument: when the follow-up is `due`, and how that stands.

    `status`: `due`, `overdue`, `followed_up`, `lifted` or `unknown`.
    """

    gallery: str
    due: str
    status: str
    entry_index: int | None

    @classmethod
    def read(cls, said: Json) -> "Emergency":
        return cls(said["gallery"], said["due"], said["status"], said["entry_index"])


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
    emergencies: tuple[Emergency, ...] = ()

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
            emergencies=tuple(Emergency.read(one) for one in said.get("emergencies", ())),
        )


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
