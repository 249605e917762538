"""A plane's receipts as they enter the ledger: dense, chained, within a grant (law 3).

A receipt that is signed but breaks a rule is not thrown away: it says that somebody looked. It is
logged as an alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from onrecord.audit.core.draft import (
    Books,
    Draft,
    EndGalleries,
    Existing,
    Mark,
    ReceiptSeen,
    Remember,
)
from onrecord.audit.core.people import service
from onrecord.audit.core.searching import GrantedSearch, find_search
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.mandate import CLOCK_SKEW

_TEXTS = ("gallery", "model_id", "policy", "previous", "probe_sha256", "time")
_COUNTS = ("grant_index", "list_size", "sequence")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature was checked and whose fields are there."""

    said: Mapping[str, Any] = field(hash=False)
    attestation: Attestation

    @property
    def gallery(self) -> str:
        return str(self.said["gallery"])

    @property
    def sequence(self) -> int:
        return int(self.said["sequence"])

    @property
    def digest(self) -> str:
        return statements.statement_sha256(self.attestation)

    @property
    def marker(self) -> str:
        return f"receipt:{self.digest}"


def read_receipt(said: Mapping[str, Any], attestation: Attestation) -> Receipt:
    """Raises ATTESTATION_INVALID where a field is missing or of another type."""
    for name in _TEXTS:
        if not isinstance(said.get(name), str):
            raise _unreadable(name)
    for name in _COUNTS:
        if type(said.get(name)) is not int or said[name] < 0:
            raise _unreadable(name)
    listed = said.get("candidates")
    if not isinstance(listed, list):
        raise _unreadable("candidates")
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("ref"), str) or not one["ref"]:
            raise _unreadable("candidates")
        if type(one.get("similarity")) is not int or abs(one["similarity"]) > _MILLION:
            raise _unreadable("candidates")
    if len({one["ref"] for one in listed}) != len(listed):
        raise _unreadable("candidates")
    return Receipt(said, attestation)


def log_receipt(receipt: Receipt, books: Books) -> Draft | Existing:
    """`search.executed`, or `alarm.raised` where the receipt breaks a rule.

    Raises RECEIPT_GAP where an earlier receipt of the gallery has not been logged yet.
    """
    before = books.remembered(receipt.marker)
    if before is not None:
        return Existing(before)
    sequence, digest = books.last_receipt(receipt.gallery)
    if receipt.sequence > sequence + 1:
        raise OnRecordError(
            ErrorCode.RECEIPT_GAP,
            f"receipt {sequence + 1} of {receipt.gallery} must be logged before {receipt.sequence}",
            details={"gallery": receipt.gallery, "expected": sequence + 1},
        )
    if receipt.sequence <= sequence or receipt.said["previous"] != digest:
        # The chain forks: the ledger keeps the branch it has, and says that there is another.
        return _alarm(receipt, f"it does not follow receipt {sequence} of its gallery", ())
    seen = ReceiptSeen(receipt.gallery, receipt.sequence, receipt.digest)
    search_id = books.search_of_grant(int(receipt.said["grant_index"]))
    if search_id is None:
        return _alarm(receipt, "no grant stands at the entry it names", (seen,))
    search = find_search(books, search_id)
    fault = _fault(receipt, search, books.now)
    if fault:
        return _alarm(receipt, fault, (seen,))
    body = {
        "search_id": search_id,
        "grant_index": search.record.grant_index,
        "gallery": receipt.gallery,
        "receipt": dict(receipt.said),
        "attestation": receipt.attestation.to_json(),
        "by": service(Service.VECTOR_SEARCH),
    }
    kind = EntryKind.SEARCH_EXECUTED
    ended = EndGalleries(search_id, (receipt.gallery,), kind)
    return Draft(kind, body, (ended, seen, Remember(receipt.marker)))


def _fault(receipt: Receipt, search: GrantedSearch, now: datetime) -> str:
    """Which rule the receipt breaks; '' where it breaks none."""
    said = receipt.said
    allowed = search.granted.get(receipt.gallery)
    if allowed is None:
        return "its gallery was not granted"
    if receipt.gallery in search.record.ends:
        return "the search of its gallery had already ended"
    if said.get("mandate", search.record.mandate) != search.record.mandate:
        return "it names another mandate"
    if said.get("search_id", search.record.search_id) != search.record.search_id:
        return "it names another search"
    if said["probe_sha256"] != search.grant["probe_sha256"]:
        return "another probe than the granted one was searched"
    for name in ("policy", "model_id"):
        if said[name] != allowed[name]:
            return f"the search was made under another {name}"
    if not len(said["candidates"]) <= said["list_size"] <= allowed["list_size"]:
        return "its list is longer than was granted"
    made_at = parse_time(said["time"])
    if made_at > parse_time(str(search.grant["expires_at"])):
        return "the search was made after its grant had expired"
    # Who signs states the time, and a certificate is judged by it.
    if made_at < parse_time(str(search.grant["time"])) - CLOCK_SKEW:
        return "the search was made before it was granted"
    if made_at > now + CLOCK_SKEW:
        return "the search is dated in the future"
    return ""


def _alarm(receipt: Receipt, why: str, marks: tuple[Mark, ...]) -> Draft:
    body = {
        "what": "receipt",
        "why": why,
        "gallery": receipt.gallery,
        "receipt": dict(receipt.said),
        "attestation": receipt.attestation.to_json(),
        "by": service(Service.AUDIT),
    }
    return Draft(EntryKind.ALARM_RAISED, body, (*marks, Remember(receipt.marker)))


def _unreadable(name: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.ATTESTATION_INVALID, f"the receipt's {name} cannot be read", field=name
    )
