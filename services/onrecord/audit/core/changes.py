"""What a plane says of changes to its gallery, as it enters the ledger (R-42, law 9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from onrecord.audit.core.draft import Books, Draft, Existing, Remember
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

_COUNTS = ("accepted", "unchanged", "rejected", "rows", "generation", "chunk")


@dataclass(frozen=True, slots=True)
class Change:
    """A change whose signature was checked and whose fields can be read."""

    kind: EntryKind
    said: Mapping[str, Any] = field(hash=False)
    attestation: Attestation

    @property
    def marker(self) -> str:
        return f"change:{statements.statement_sha256(self.attestation)}"


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
    return Change(kind, said, attestation)


def log_change(change: Change, books: Books) -> Draft | Existing:
    """`gallery.enrolled` or `record.deleted`; the same statement again is the same entry."""
    before = books.remembered(change.marker)
    if before is not None:
        return Existing(before)
    body = {
        "gallery": change.said["gallery"],
        "change": dict(change.said),
        "attestation": change.attestation.to_json(),
        "by": service(Service.VECTOR_SEARCH),
    }
    return Draft(change.kind, body, (Remember(change.marker),))


def _unreadable(name: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.ATTESTATION_INVALID, f"the change's {name} cannot be read", field=name
    )
