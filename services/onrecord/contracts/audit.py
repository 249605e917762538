"""The audit service: the only place where anything is allowed, because it is where it is written.

Entry bodies (canonical JSON; each has `kind`, `time`, `by`):

request.granted   search_id, request, request_digest, probe_sha256, idempotency (hex), list_size,
                  galleries {US-UT: {decision: granted, policy, model_id, list_size} |
                  {decision: refused, policy | null, reasons: [{code, message}]}}, expires_at
request.refused   the same without expires_at; no gallery is granted
search.executed   search_id, grant_index, gallery, receipt (the statement), attestation
search.refused_quality  search_id, grant_index, galleries [..], code, refusal (attestation)
search.failed     search_id, grant_index, galleries [..], code
search.expired    search_id, grant_index, galleries [..]
look.granted      search_id, grant_index, task_id, target {what: candidate, gallery,
                  candidate_ref} | {what: probe}, expires_at
examination.decided  search_id, grant_index, task_id, method, decisions [{candidate_ref,
                  conclusion, reasons [..], seconds}]
lead.released     search_id, grant_index, executed [index..], decided [index..],
                  leads [{gallery, candidate_ref}], stamps [..], reason
search.closed     search_id, grant_index, outcome (no_lead), executed, decided, reason
policy.activated  jurisdiction, version, bundle (digest), previous, instrument {..}, effective,
                  expires
model.activated   jurisdiction, model_id
key.changed       what (authority | gallery), jurisdiction, key (text); where it takes the place
                  of another: previous_key, bundle (the digest of the bundle that both signed)
gallery.enrolled  gallery, change (the statement), attestation
record.deleted    gallery, change (the statement), attestation
alarm.raised      what (receipt, change), why, gallery, receipt or change (the statement),
                  attestation; or what (receipt_gap, change_gap), why, gallery, expected, seen; or
                  what (grant_without_end), why, search_id, grant_index, galleries [..]; or
                  what (witness: one that forgot; published_log: an object store that shows less
                  than was published), why

What an emergency adds is told in `onrecord.contracts.emergencies`.
Entries about searches made and galleries changed come from the bus (`onrecord.contracts.events`),
each in one transaction with the offset it was read at.

`by` is {person, agency, subject, token_id} for people, {service} for services. What came in a call
with a `source` (requests, looks, decisions) names it (R-25).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from onrecord.contracts.emergencies import EmergencyRecords
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Conclusion, EntryKind
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof


@dataclass(frozen=True, slots=True)
class AuthorizeCall:
    """A request to be evaluated and written in one step.

    `request` is the client's JSON object as sent. `source` is the gateway's request id.
    """

    request: dict[str, Any]
    probe_sha256: str
    user_token: str
    idempotency_key: str
    source: str


@dataclass(frozen=True, slots=True)
class GalleryDecision:
    """What one gallery's policy said. `reasons` (code, message) is empty when granted."""

    gallery: str
    granted: bool
    policy: str | None
    model_id: str | None
    list_size: int
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The written decision. `entry` is the grant where any gallery granted."""

    search_id: str
    entry: LoggedEntry
    galleries: tuple[GalleryDecision, ...]
    replayed: bool

    @property
    def granted(self) -> bool:
        return any(decision.granted for decision in self.galleries)


@dataclass(frozen=True, slots=True)
class LookCall:
    """An examiner asks to look: at the probe (no gallery and ref) or at one candidate."""

    search_id: str
    task_id: str
    gallery: str | None
    candidate_ref: str | None
    user_token: str
    source: str


@dataclass(frozen=True, slots=True)
class CandidateDecision:
    """What an examiner concluded about one candidate, why, and in how many seconds."""

    candidate_ref: str
    conclusion: Conclusion
    reasons: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class DecideCall:
    """An examiner's decision on every candidate of a search."""

    search_id: str
    task_id: str
    method: str
    decisions: tuple[CandidateDecision, ...]
    user_token: str
    source: str


@dataclass(frozen=True, slots=True)
class SearchEnd:
    """One gallery's end in the ledger. `receipt_sha256`: of the plane's statement, if executed."""

    gallery: str
    kind: EntryKind
    index: int
    receipt_sha256: str | None


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """What audit derived. `proof` is None when there is no lead; `entry` is then search.closed."""

    entry: LoggedEntry
    proof: ReleaseProof | None
    reason: str


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """A policy in force, as the public may see it."""

    jurisdiction: str
    version: int
    digest: str
    effective: str
    expires: str
    citation: str
    legal_review: str


@dataclass(frozen=True, slots=True)
class LoggedBody:
    """A body with its nonce, for auditors."""

    index: int
    nonce: bytes
    body: bytes


class LedgerProofs(Protocol):
    """What a plane needs from the ledger to check a grant."""

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        """RFC 6962 consistency proof between two committed sizes."""
        ...

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        """The bundle with this digest, whether in force or not. Raises POLICY_MISSING."""
        ...

    def checkpoint(self, deadline: Deadline) -> str:
        """The newest signed checkpoint (a signed note)."""
        ...


class Audit(LedgerProofs, EmergencyRecords, Protocol):
    """Authorise = append (law 1).

    MUST evaluate each gallery's policy and count quotas for the very transaction that appends the
    entry. MUST verify the user's token itself and take person, agency, roles and training from it
    alone. MUST NOT sign a size and root that are not committed. An appended entry is durable when
    the method returns.
    """

    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        """Evaluate and append. The same agency, person and key again: the same entry, `replayed`.

        Raises FIELD_*, TOKEN_*, ROLE_MISSING, IDEMPOTENCY_CONFLICT, LEDGER_UNAVAILABLE. A request
        that every gallery refuses is not an error: it is an entry.
        """
        ...

    def authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        """Append `look.granted` for one examiner and one target.

        At most two people may look at one search, never its requester. Raises EXAMINER_CONFLICT,
        ROLE_MISSING, TRAINING_*, NOT_FOUND, SEARCH_STATE.
        """
        ...

    def record_quality_refusal(
        self, search_id: str, refusal: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        """Append detection's signed refusal as the end of every granted gallery. Repeatable."""
        ...

    def record_failure(
        self, search_id: str, galleries: Sequence[str], code: str, deadline: Deadline
    ) -> LoggedEntry:
        """Append `search.failed` for galleries that could not be searched. Repeatable."""
        ...

    def decide(self, call: DecideCall, deadline: Deadline) -> LoggedEntry:
        """Append `examination.decided`. Repeatable: the very same decision, the same entry.

        MUST refuse it unless the ledger holds this person's `look.granted` for the search's probe
        and for every candidate: DECISION_INCOMPLETE, with the field `probe` or
        `decisions[n].candidate_ref`. Raises TASK_DECIDED where another decision stands,
        EXAMINER_CONFLICT, DECISION_*.
        """
        ...

    def ends(self, search_id: str, deadline: Deadline) -> tuple[SearchEnd, ...]:
        """How each granted gallery of a search has ended, as far as the ledger knows by now.

        Receipts come over the bus, so `search.executed` may stand a moment later than the answer
        of the search. Raises NOT_FOUND.
        """
        ...

    def release(self, search_id: str, deadline: Deadline) -> ReleaseOutcome:
        """Derive the outcome from the entries and append it. Repeatable.

        Raises SEARCH_STATE while two decisions are not there.
        """
        ...

    def pin_authority_key(
        self, jurisdiction: str, key: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        """Append `key.changed` with a state's first key; an operator's act. Repeatable."""
        ...

    def register_gallery_model(
        self, jurisdiction: str, model_id: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        """Append `model.activated`: grants for this gallery name this model from now on."""
        ...

    def activate_policy(
        self, bundle: AuthorityBundle, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        """Append `policy.activated`; a custodian's act for their own gallery. Where the bundle
        names a new key for the state, `key.changed` is appended before it.

        Raises SIGNATURE_INVALID, POLICY_INVALID, ROLE_MISSING. Repeatable.
        """
        ...

    def active_policies(self, deadline: Deadline) -> tuple[ActivePolicy, ...]: ...

    def witnessed_checkpoint(self, deadline: Deadline) -> str:
        """The newest checkpoint that a quorum of witnesses has cosigned, cosignatures and all.

        Every entry below its size is witnessed, and no other. Raises NOT_FOUND where none is.
        """
        ...

    def entry(self, index: int, deadline: Deadline) -> LoggedEntry:
        """An entry with a fresh proof. Raises NOT_FOUND."""
        ...

    def bodies(
        self, after: int, limit: int, user_token: str, deadline: Deadline
    ) -> Sequence[LoggedBody]:
        """Bodies with index ≥ `after`, in order; for the role `auditor` alone."""
        ...
