"""The laws that hold between the entries of a ledger, checked from its bodies alone.

Every check is told every body once, in order, and raises `LedgerFault` at the first entry that
breaks its law. Together they retell each search: who was granted what by which policy, that every
look inside a gallery has a receipt under a grant, that examiners were not the requester and looked
before they decided, and that what was released follows from what they decided.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import EXAMINERS_PER_SEARCH, EntryKind, Service
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.casework import derive_outcome, merge_candidates
from onrecord.proof.checks import BodyCheckFactory, LedgerFault
from onrecord.proof.story_changes import ChangesSigned
from onrecord.proof.story_emergencies import EmergenciesFollowedUp
from onrecord.proof.story_looks import DecisionsFollowLooks

_ENDS = {
    EntryKind.SEARCH_EXECUTED.value,
    EntryKind.SEARCH_REFUSED_QUALITY.value,
    EntryKind.SEARCH_FAILED.value,
    EntryKind.SEARCH_EXPIRED.value,
}
_FIRST = (0, "0" * 64)


@dataclass(slots=True)
class _Granted:
    """What later entries of one search are held against."""

    index: int
    requester: str
    probe: str
    list_size: int
    expires_at: str
    galleries: dict[str, Mapping[str, Any]]
    ended: set[str] = field(default_factory=set)


def _granted(index: int, body: Mapping[str, Any]) -> _Granted:
    return _Granted(
        index=index,
        requester=body["by"]["person"],
        probe=body["probe_sha256"],
        list_size=body["list_size"],
        expires_at=body["expires_at"],
        galleries={
            name: one for name, one in body["galleries"].items() if one["decision"] == "granted"
        },
    )


class _Grants:
    """The grants seen so far, by search."""

    def __init__(self, check: str) -> None:
        self._check = check
        self._by_search: dict[str, _Granted] = {}

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] == EntryKind.REQUEST_GRANTED:
            search_id = body["search_id"]
            if search_id in self._by_search:
                raise LedgerFault(self._check, index, f"search {search_id} is granted twice")
            self._by_search[search_id] = _granted(index, body)

    def of(self, index: int, body: Mapping[str, Any]) -> _Granted:
        grant = self._by_search.get(body["search_id"])
        if grant is None or grant.index != body["grant_index"]:
            raise LedgerFault(
                self._check, index, f"no earlier entry grants search {body['search_id']}"
            )
        return grant


class PoliciesInForce:
    """A gallery is granted only by the policy its state activated last."""

    name = "every grant rests on the policy in force in that state"

    def __init__(self) -> None:
        self.passed = 0
        self._active: dict[str, str] = {}

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] == EntryKind.POLICY_ACTIVATED:
            self._active[body["jurisdiction"]] = body["bundle"]
        elif body["kind"] == EntryKind.REQUEST_GRANTED:
            for gallery, grant in _granted(index, body).galleries.items():
                if self._active.get(gallery) != grant["policy"]:
                    raise LedgerFault(
                        self.name, index, f"{gallery} was granted by a policy not in force"
                    )
                self.passed += 1

    def finish(self) -> None:
        """Nothing is left open."""


class EndsFollowGrants:
    """A search ends once per granted gallery, and within what was granted (laws 1 and 3)."""

    name = "every search was granted before, and ends once in each gallery"

    def __init__(self) -> None:
        self.passed = 0
        self._grants = _Grants(self.name)

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        self._grants.see(index, body)
        if body["kind"] not in _ENDS:
            return
        grant = self._grants.of(index, body)
        galleries = body.get("galleries") or [body["gallery"]]
        for gallery in galleries:
            if gallery not in grant.galleries:
                raise LedgerFault(self.name, index, f"{gallery} was not granted")
            if gallery in grant.ended:
                raise LedgerFault(self.name, index, f"the search of {gallery} ended before")
            grant.ended.add(gallery)
        if body["kind"] == EntryKind.SEARCH_EXECUTED:
            self._check_receipt(index, body, grant)
        self.passed += 1

    def _check_receipt(self, index: int, body: Mapping[str, Any], grant: _Granted) -> None:
        receipt = body["receipt"]
        allowed = grant.galleries[body["gallery"]]
        wanted = {
            # Else one gallery's receipt could stand as the end of another, which then has two.
            "gallery": body["gallery"],
            "search_id": body["search_id"],
            "grant_index": grant.index,
            "probe_sha256": grant.probe,
            "policy": allowed["policy"],
            "model_id": allowed["model_id"],
        }
        for name, value in wanted.items():
            if receipt[name] != value:
                raise LedgerFault(self.name, index, f"the receipt is for another {name}")
        if receipt["list_size"] > allowed["list_size"]:
            raise LedgerFault(self.name, index, "the list is longer than was granted")
        if len(receipt["candidates"]) > receipt["list_size"]:
            raise LedgerFault(self.name, index, "more candidates than the list is long")
        if receipt["time"] > grant.expires_at:
            raise LedgerFault(self.name, index, "the search began after the grant expired")

    def finish(self) -> None:
        """A grant still without an end may be running; what is overdue is audit's to alarm."""


class ReceiptsChained:
    """A plane's receipts are dense, chained, and signed by it (law 3).

    A receipt that broke another rule stands as an alarm, and has its place in the chain as well.
    Where receipts never came, an alarm says which, and the chain goes on behind them: the one that
    follows a gap names one that nobody here has seen.
    """

    name = "every gallery's receipts are signed, without an untold gap, each naming the one before"

    def __init__(self, verifier: AttestationVerifier | None) -> None:
        self.passed = 0
        self._verifier = verifier
        self._last: dict[str, tuple[int, str | None]] = {}
        if verifier is None:
            self.name = (
                "every gallery's receipts are without an untold gap, each naming the one before"
            )

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        alarmed = body["kind"] == EntryKind.ALARM_RAISED and body.get("what") == "receipt"
        if body["kind"] == EntryKind.ALARM_RAISED and body.get("what") == "receipt_gap":
            self._pass_gap(index, body)
            return
        if body["kind"] != EntryKind.SEARCH_EXECUTED and not alarmed:
            return
        receipt = body["receipt"]
        attestation = Attestation.from_json(body["attestation"])
        if attestation.statement != canonical.encode(receipt):
            raise LedgerFault(self.name, index, "the receipt is not the one that was signed")
        if self._verifier is not None:
            try:
                self._verifier.verify(attestation, Service.VECTOR_SEARCH, statements.RECEIPT)
            except OnRecordError as error:
                raise LedgerFault(self.name, index, error.message) from error
        gallery = receipt["gallery"]
        sequence, digest = self._last.get(gallery, _FIRST)
        follows = receipt["sequence"] == sequence + 1 and digest in (None, receipt["previous"])
        if alarmed and not follows:
            return  # a branch of the chain that the ledger does not follow, and says so
        if receipt["sequence"] != sequence + 1:
            raise LedgerFault(
                self.name,
                index,
                f"{gallery} has receipt {receipt['sequence']} after {sequence}",
            )
        if not follows:
            raise LedgerFault(self.name, index, f"{gallery}'s receipt does not name the one before")
        self._last[gallery] = (
            receipt["sequence"],
            hashlib.sha256(attestation.statement).hexdigest(),
        )
        self.passed += 1

    def _pass_gap(self, index: int, body: Mapping[str, Any]) -> None:
        sequence, _ = self._last.get(body["gallery"], _FIRST)
        if body["expected"] != sequence + 1 or body["seen"] <= body["expected"]:
            raise LedgerFault(self.name, index, "the alarm tells of another gap than there is")
        self._last[body["gallery"]] = (body["seen"] - 1, None)

    def finish(self) -> None:
        """Nothing is left open."""


class LooksByExaminers:
    """At most two people look at a search's faces, never the one who asked (R-15)."""

    name = "only two examiners looked at a search, never the requester"

    def __init__(self) -> None:
        self.passed = 0
        self._grants = _Grants(self.name)
        self._people: dict[str, set[str]] = {}

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        self._grants.see(index, body)
        if body["kind"] not in (EntryKind.LOOK_GRANTED, EntryKind.EXAMINATION_DECIDED):
            return
        grant = self._grants.of(index, body)
        person = body["by"]["person"]
        if person == grant.requester:
            raise LedgerFault(self.name, index, "the requester examined their own search")
        people = self._people.setdefault(body["search_id"], set())
        people.add(person)
        if len(people) > EXAMINERS_PER_SEARCH:
            raise LedgerFault(self.name, index, "a third person looked at this search")
        self.passed += 1

    def finish(self) -> None:
        """Nothing is left open."""


class OutcomesFollow:
    """A release, or a close without one, is what the decisions amount to (R-15)."""

    name = "every outcome follows from the two examinations"

    def __init__(self) -> None:
        self.passed = 0
        self._grants = _Grants(self.name)
        self._executed: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        self._decided: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        self._over: set[str] = set()

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        self._grants.see(index, body)
        kind = body["kind"]
        if kind == EntryKind.SEARCH_EXECUTED:
            self._executed.setdefault(body["search_id"], []).append((index, body["receipt"]))
        elif kind == EntryKind.EXAMINATION_DECIDED:
            if body["search_id"] in self._over:
                raise LedgerFault(self.name, index, "a decision after the outcome")
            self._decided.setdefault(body["search_id"], []).append((index, body))
        elif kind in (EntryKind.LEAD_RELEASED, EntryKind.SEARCH_CLOSED):
            self._check(index, body)

    def _check(self, index: int, body: Mapping[str, Any]) -> None:
        search_id = body["search_id"]
        grant = self._grants.of(index, body)
        if search_id in self._over:
            raise LedgerFault(self.name, index, "the search had an outcome before")
        self._over.add(search_id)
        executed = self._executed.pop(search_id, [])
        decided = self._decided.pop(search_id, [])
        if [number for number, _ in executed] != sorted(body["executed"]):
            raise LedgerFault(self.name, index, "the outcome leaves a receipt out")
        if [number for number, _ in decided] != sorted(body["decided"]):
            raise LedgerFault(self.name, index, "the outcome leaves a decision out")
        try:
            outcome = derive_outcome(
                merge_candidates([receipt for _, receipt in executed], grant.list_size),
                [decision for _, decision in decided],
                requester=grant.requester,
            )
        except OnRecordError as error:
            raise LedgerFault(self.name, index, error.message) from error
        derived = {(lead.gallery, lead.candidate_ref) for lead in outcome.leads}
        claimed = {(one["gallery"], one["candidate_ref"]) for one in body.get("leads", ())}
        if derived != claimed or (body["kind"] == EntryKind.LEAD_RELEASED) != bool(derived):
            raise LedgerFault(self.name, index, "the examinations amount to something else")
        self.passed += 1

    def finish(self) -> None:
        """A search still under examination is not a fault."""


def story_checks(verifier: AttestationVerifier | None) -> Sequence[BodyCheckFactory]:
    """All checks between entries. Without a verifier, who signed a receipt is not checked."""
    return (
        PoliciesInForce,
        EndsFollowGrants,
        lambda: ReceiptsChained(verifier),
        lambda: ChangesSigned(verifier),
        LooksByExaminers,
        DecisionsFollowLooks,
        OutcomesFollow,
        EmergenciesFollowedUp,
    )
