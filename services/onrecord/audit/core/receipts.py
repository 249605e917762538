"""A plane's receipts as they enter the ledger: dense, chained, within a grant (law 3).

A receipt that is signed but breaks a rule is not thrown away: it says that somebody looked. It is
logged as an alarm.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from onrecord.audit.core.draft import (
    Aside,
    Books,
    Draft,
    EndGalleries,
    Existing,
    GapPassed,
    Held,
    LetGo,
    Mark,
    Reached,
    ReceiptSeen,
    Remember,
)
from onrecord.audit.core.people import service
from onrecord.audit.core.searching import GrantedSearch, find_search
from onrecord.contracts.request_parsing import JURISDICTIONS
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.mandate import CLOCK_SKEW

GAP_PATIENCE = timedelta(seconds=30)
"""How long a receipt waits for the ones before it, which are on their way."""

_TEXTS = ("gallery", "model_id", "policy", "previous", "probe_sha256", "time")
_COUNTS = ("grant_index", "list_size", "sequence")
_MILLION = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    def made_at(self) -> datetime:
        return parse_time(str(self.said["time"]))

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
    if said["gallery"] not in JURISDICTIONS:
        raise _unreadable("gallery")
    if _SHA256.fullmatch(said["previous"]) is None:
        raise _unreadable("previous")
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


def log_receipt(receipt: Receipt, books: Books) -> Draft | Existing | Aside:
    """`search.executed`, or `alarm.raised` where the receipt breaks a rule.

    It is held where an earlier receipt of its gallery has not been logged yet.
    """
    before = books.remembered(receipt.marker)
    if before is not None:
        return Existing(before)
    sequence, digest = books.last_receipt(receipt.gallery)
    if receipt.sequence > sequence + 1:
        return Aside((_held(receipt, books.now),))
    if receipt.sequence <= sequence or receipt.said["previous"] != digest:
        # The chain forks: the ledger keeps the branch it has, and says that there is another.
        return _alarm(receipt, f"it does not follow receipt {sequence} of its gallery", ())
    seen = ReceiptSeen(receipt.gallery, receipt.sequence, receipt.digest)
    search_id = books.search_of_grant(int(receipt.said["grant_index"]))
    if search_id is None:
        return _alarm(receipt, "no grant stands at the entry it names", (seen,))
    search = find_search(books, search_id)
    fault = _fault(receipt, search, books)
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
    reached = Reached(receipt.gallery, receipt.made_at)
    return Draft(kind, body, (ended, seen, reached, Remember(receipt.marker)))


def settle_receipts(books: Books) -> Draft | Aside | None:
    """The next thing to be done about receipts that wait: None where all must wait on.

    One whose predecessor has come is logged. Where none has come for `GAP_PATIENCE`, an alarm says
    which are missing, and the chain goes on behind the gap.
    """
    for held in books.held():
        sequence, _ = books.last_receipt(held.gallery)
        receipt = Receipt(statements.read(held.attestation), held.attestation)
        if held.sequence > sequence + 1:
            if books.now < held.since + GAP_PATIENCE:
                continue
            return _gap(receipt, sequence + 1)
        answer = log_receipt(receipt, books)
        if isinstance(answer, Draft):
            return replace(answer, marks=(*answer.marks, LetGo(held.digest)))
        return Aside((LetGo(held.digest),))
    return None


def _held(receipt: Receipt, now: datetime) -> Held:
    return Held(receipt.gallery, receipt.sequence, receipt.digest, receipt.attestation, now)


def _gap(receipt: Receipt, expected: int) -> Draft:
    last = receipt.sequence - 1
    missing = f"receipt {expected}" if last == expected else f"receipts {expected} to {last}"
    body = {
        "what": "receipt_gap",
        "why": f"{missing} of {receipt.gallery} did not come; receipt {receipt.sequence} did",
        "gallery": receipt.gallery,
        "expected": expected,
        "seen": receipt.sequence,
        "by": service(Service.AUDIT),
    }
    # A missing receipt that comes after this finds its place taken, which is an alarm too.
    behind = ReceiptSeen(receipt.gallery, last, str(receipt.said["previous"]))
    return Draft(EntryKind.ALARM_RAISED, body, (behind, GapPassed(receipt.gallery)))


def _fault(receipt: Receipt, search: GrantedSearch, books: Books) -> str:
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
    made_at = receipt.made_at
    if made_at > search.expires_at:
        return "the search was made after its grant had expired"
    # Who signs states the time, and a certificate is judged by it.
    if made_at < parse_time(str(search.grant["time"])) - CLOCK_SKEW:
        return "the search was made before it was granted"
    if made_at > books.now + CLOCK_SKEW:
        return "the search is dated in the future"
    before = books.reach(receipt.gallery)
    if before is not None and made_at < before.made_at:
        return "it is dated before a receipt that it follows"
    if not _named_before(search, books).isdisjoint(one["ref"] for one in said["candidates"]):
        return "it names a candidate that another gallery's receipt names"
    return ""


def _named_before(search: GrantedSearch, books: Books) -> set[str]:
    """The candidates whom the search's logged receipts name; no two galleries may name one."""
    receipts = (books.body(index)["receipt"] for index in search.executed)
    return {str(one["ref"]) for receipt in receipts for one in receipt["candidates"]}


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
