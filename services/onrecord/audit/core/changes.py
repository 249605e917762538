"""What a plane says of changes to its gallery, as it enters the ledger (R-42, law 9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from onrecord.audit.core.draft import (
    Books,
    ChangeAwaited,
    Draft,
    Existing,
    Mark,
    NumberedChange,
    Remember,
)
from onrecord.audit.core.people import service
from onrecord.contracts.request_parsing import JURISDICTIONS
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind, ManifestAct, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation

_KINDS: Final[Mapping[tuple[str, str], EntryKind]] = {
    (statements.GALLERY_CHANGED, ManifestAct.ENROL.value): EntryKind.GALLERY_ENROLLED,
    (statements.GALLERY_CHANGED, ManifestAct.DELETE.value): EntryKind.RECORD_DELETED,
    (statements.RECORD_DELETED, ManifestAct.DELETE.value): EntryKind.RECORD_DELETED,
}
"""The kind of entry, by the type of the statement and what it says was done."""

_COUNTS = ("accepted", "unchanged", "rejected", "rows", "generation", "chunk", "sequence")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIRST = "0" * 64

GAP_PATIENCE = timedelta(seconds=30)
"""How long a change stands in the ledger without the one before it until an alarm says so."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change whose signature was checked and whose fields can be read."""

    kind: EntryKind
    said: Mapping[str, Any] = field(hash=False)
    attestation: Attestation

    @property
    def gallery(self) -> str:
        return str(self.said["gallery"])

    @property
    def sequence(self) -> int | None:
        """Its number in its gallery; None of a plane that does not number them yet."""
        return self.said.get("sequence")

    @property
    def digest(self) -> str:
        return statements.statement_sha256(self.attestation)

    @property
    def marker(self) -> str:
        return f"change:{self.digest}"


def read_change(said: Mapping[str, Any], attestation: Attestation) -> Change:
    """Raises ATTESTATION_INVALID where a field is missing or is not what it must be."""
    kind_of = str(said.get("type"))
    usual = ManifestAct.DELETE if kind_of == statements.RECORD_DELETED else ManifestAct.ENROL
    kind = _KINDS.get((kind_of, str(said.get("act", usual.value))))
    if kind is None:
        raise _unreadable("type")
    if not isinstance(said.get("gallery"), str) or said["gallery"] not in JURISDICTIONS:
        raise _unreadable("gallery")
    for name in _COUNTS:
        value = said.get(name)
        if value is not None and (type(value) is not int or value < 0):
            raise _unreadable(name)
    if "sequence" in said and (not said["sequence"] or not _is_sha256(said.get("previous"))):
        raise _unreadable("sequence")
    return Change(kind, said, attestation)


def log_change(change: Change, books: Books) -> Draft | Existing:
    """`gallery.enrolled` or `record.deleted`; the same statement again is the same entry.

    `alarm.raised` where its gallery's chain forks. One that comes ahead of the one before it, or
    late, is logged as it comes: in which order they came does not change what was done.
    """
    before = books.remembered(change.marker)
    if before is not None:
        return Existing(before)
    marks: tuple[Mark, ...] = (Remember(change.marker),)
    if change.sequence is not None:
        fork = _fork(change, change.sequence, books)
        if fork:
            return _alarm(change, fork)
        marks = (*marks, *_placed(change, change.sequence, books))
    body = {
        "gallery": change.said["gallery"],
        "change": dict(change.said),
        "attestation": change.attestation.to_json(),
        "by": service(Service.VECTOR_SEARCH),
    }
    return Draft(change.kind, body, marks)


def change_gap(books: Books, gallery: str, seen: int) -> Draft | Existing:
    """`alarm.raised` for the changes before `seen` that never came. Once; they may still come.

    Raises SEARCH_STATE where none is missing.
    """
    marker = f"change-gap:{gallery}:{seen}"
    told = books.remembered(marker)
    if told is not None:
        return Existing(told)
    expected = books.change_before(gallery, seen) + 1
    if expected == seen:
        raise OnRecordError(ErrorCode.SEARCH_STATE, "the changes before it have come")
    missing = f"change {expected}" if expected == seen - 1 else f"changes {expected} to {seen - 1}"
    body = {
        "what": "change_gap",
        "why": f"{missing} of {gallery} did not come; change {seen} did",
        "gallery": gallery,
        "expected": expected,
        "seen": seen,
        "by": service(Service.AUDIT),
    }
    return Draft(EntryKind.ALARM_RAISED, body, (Remember(marker), ChangeAwaited(gallery, seen)))


def _fork(change: Change, sequence: int, books: Books) -> str:
    """Why it is of another chain than the ledger's; '' where it is not."""
    if books.change(change.gallery, sequence) is not None:
        return f"another change {sequence} of its gallery stands in the ledger"
    before = books.change(change.gallery, sequence - 1)
    expected = _FIRST if sequence == 1 else before and before.digest
    if expected is not None and change.said["previous"] != expected:
        return f"it does not follow change {sequence - 1} of its gallery"
    after = books.change(change.gallery, sequence + 1)
    if after is not None and after.previous != change.digest:
        return f"change {sequence + 1} of its gallery does not follow it"
    return ""


def _placed(change: Change, sequence: int, books: Books) -> tuple[Mark, ...]:
    """It has its place, and whoever waited for it waits no longer."""
    is_ahead = sequence > 1 and books.change(change.gallery, sequence - 1) is None
    since = books.now if is_ahead else None
    previous = str(change.said["previous"])
    return (
        NumberedChange(change.gallery, sequence, change.digest, previous, since),
        ChangeAwaited(change.gallery, sequence + 1),
    )


def _alarm(change: Change, why: str) -> Draft:
    body = {
        "what": "change",
        "why": why,
        "gallery": change.gallery,
        "change": dict(change.said),
        "attestation": change.attestation.to_json(),
        "by": service(Service.AUDIT),
    }
    return Draft(EntryKind.ALARM_RAISED, body, (Remember(change.marker),))


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _unreadable(name: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.ATTESTATION_INVALID, f"the change's {name} cannot be read", field=name
    )
