"""The proof of a release: the entry, and the entries it was derived from.

The plane does not take the audit service's word: it verifies that every entry is in the ledger
and derives the same leads from them before it unseals anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.casework import MergedCandidate, derive_outcome, merge_candidates
from onrecord.proof.entry import LoggedEntry, VerifiedEntry, verify_entry
from onrecord.proof.grant import Grant, read_grant
from onrecord.proof.notes import NoteVerifier


@dataclass(frozen=True, slots=True)
class ReleaseProof:
    """`lead.released` and what it rests on, all under checkpoints of the same ledger."""

    release: LoggedEntry
    grant: LoggedEntry
    executed: tuple[LoggedEntry, ...]
    decided: tuple[LoggedEntry, ...]


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release that follows from its entries."""

    grant: Grant
    entry: VerifiedEntry
    leads: tuple[MergedCandidate, ...]


def verify_release(proof: ReleaseProof, key: NoteVerifier) -> VerifiedRelease:
    """Check every entry, that they speak of one search, and that the leads follow from them.

    Raises RELEASE_NOT_SUPPORTED, or what `verify_entry` raises.
    """
    try:
        return _derived(proof, key)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # Whoever has the ledger's key can log anything.
        raise _unsupported("an entry it rests on cannot be read") from error


def _derived(proof: ReleaseProof, key: NoteVerifier) -> VerifiedRelease:
    grant = read_grant(proof.grant, key)
    release = _of_kind(proof.release, key, EntryKind.LEAD_RELEASED, grant)
    executed = [_of_kind(e, key, EntryKind.SEARCH_EXECUTED, grant) for e in proof.executed]
    decided = [_of_kind(e, key, EntryKind.EXAMINATION_DECIDED, grant) for e in proof.decided]
    if any(entry.index > release.index for entry in (*executed, *decided)):
        raise _unsupported("an entry it rests on is later than the release")
    # A release that leaves out a gallery's receipt would be about a shorter list than was examined.
    if sorted(entry.index for entry in executed) != sorted(release.body.get("executed", ())):
        raise _unsupported("the receipts are not those the release names")
    if sorted(entry.index for entry in decided) != sorted(release.body.get("decided", ())):
        raise _unsupported("the decisions are not those the release names")
    receipts: list[Mapping[str, Any]] = [entry.body["receipt"] for entry in executed]
    if not all(isinstance(receipt["gallery"], str) for receipt in receipts):
        raise _unsupported("a receipt does not name its gallery")
    outcome = derive_outcome(
        merge_candidates(receipts, grant.list_size),
        [entry.body for entry in decided],
        requester=grant.person,
    )
    claimed = {(str(one["gallery"]), str(one["candidate_ref"])) for one in release.body["leads"]}
    derived = {(lead.gallery, lead.candidate_ref) for lead in outcome.leads}
    if not derived or claimed != derived:
        raise _unsupported("the released candidates do not follow from the examinations")
    return VerifiedRelease(grant, release, outcome.leads)


def _of_kind(
    logged: LoggedEntry, key: NoteVerifier, kind: EntryKind, grant: Grant
) -> VerifiedEntry:
    verified = verify_entry(logged, key)
    if verified.kind != kind:
        raise _unsupported(f"a {kind.value} entry is required, not a {verified.kind}")
    if verified.body.get("search_id") != grant.search_id:
        raise _unsupported("an entry belongs to another search")
    if verified.body.get("grant_index") != grant.index:
        raise _unsupported("an entry belongs to another grant")
    return verified


def _unsupported(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.RELEASE_NOT_SUPPORTED, f"the release is refused: {why}")
