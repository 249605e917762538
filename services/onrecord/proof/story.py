"""The laws that hold between the entries of a ledger, checked from its bodies alone.

Every check is told every body once, in order, and raises `LedgerFault` at the first entry that
breaks its law. Together they retell each search: who was granted what by which policy, that every
look inside a gallery has a receipt under a grant, that examiners were not the requester and looked
before they decided, and that what was released follows from what they decided.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import EXAMINERS_PER_SEARCH, EntryKind, Service
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.casework import derive_outcome, merge_candidates
from onrecord.proof.checks import BodyCheckFactory, LedgerFault
from onrecord.proof.shelf import MemoryShelf, Shelf, Shelves
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


_Memory = dict[str, Any]


def _grant(check: str, shelf: Shelf, index: int, body: Mapping[str, Any]) -> _Memory:
    """What the law remembers of the search that this entry belongs to; raises if never granted."""
    held: _Memory | None = shelf.get(body["search_id"])
    if held is None or held["index"] != body["grant_index"]:
        raise LedgerFault(check, index, f"no earlier entry grants search {body['search_id']}")
    return held


def _remember(check: str, shelf: Shelf, index: int, body: Mapping[str, Any], **memory: Any) -> None:
    """Begin what the law remembers of a search, with the entry that grants it."""
    search_id = body["search_id"]
    if shelf.get(search_id) is not None:
        raise LedgerFault(check, index, f"search {search_id} is granted twice")
    shelf.put(search_id, {"index": index, **memory})


def _granted(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The galleries that this entry opens."""
    galleries = body["galleries"].items()
    return {name: one for name, one in galleries if one["decision"] == "granted"}


class PoliciesInForce:
    """A gallery is granted only by the policy its state activated last."""

    name = "every grant rests on the policy in force in that state"

    def __init__(self, shelf: Shelf) -> None:
        self.passed = 0
        self._active = shelf

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] == EntryKind.POLICY_ACTIVATED:
            self._active.put(body["jurisdiction"], body["bundle"])
        elif body["kind"] == EntryKind.REQUEST_GRANTED:
            for gallery, grant in _granted(body).items():
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

    def __init__(self, shelf: Shelf) -> None:
        self.passed = 0
        self._searches = shelf

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] == EntryKind.REQUEST_GRANTED:
            self._begin(index, body)
        elif body["kind"] in _ENDS:
            self._end(index, body)

    def _begin(self, index: int, body: Mapping[str, Any]) -> None:
        allowed = {
            gallery: [grant["policy"], grant["model_id"], grant["list_size"]]
            for gallery, grant in _granted(body).items()
        }
        _remember(
            self.name,
            self._searches,
            index,
            body,
            probe=body["probe_sha256"],
            expires_at=body["expires_at"],
            galleries=allowed,
            ended=[],
        )

    def _end(self, index: int, body: Mapping[str, Any]) -> None:
        grant = _grant(self.name, self._searches, index, body)
        for gallery in body.get("galleries") or [body["gallery"]]:
            if gallery not in grant["galleries"]:
                raise LedgerFault(self.name, index, f"{gallery} was not granted")
            if gallery in grant["ended"]:
                raise LedgerFault(self.name, index, f"the search of {gallery} ended before")
            grant["ended"].append(gallery)
        if body["kind"] == EntryKind.SEARCH_EXECUTED:
            self._check_receipt(index, body, grant)
        self._searches.put(body["search_id"], grant)
        self.passed += 1

    def _check_receipt(self, index: int, body: Mapping[str, Any], grant: _Memory) -> None:
        receipt = body["receipt"]
        policy, model_id, list_size = grant["galleries"][body["gallery"]]
        wanted = {
            # Else one gallery's receipt could stand as the end of another, which then has two.
            "gallery": body["gallery"],
            "search_id": body["search_id"],
            "grant_index": grant["index"],
            "probe_sha256": grant["probe"],
            "policy": policy,
            "model_id": model_id,
        }
        for name, value in wanted.items():
            if receipt[name] != value:
                raise LedgerFault(self.name, index, f"the receipt is for another {name}")
        if receipt["list_size"] > list_size:
            raise LedgerFault(self.name, index, "the list is longer than was granted")
        if len(receipt["candidates"]) > receipt["list_size"]:
            raise LedgerFault(self.name, index, "more candidates than the list is long")
        if receipt["time"] > grant["expires_at"]:
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

    def __init__(self, verifier: AttestationVerifier | None, shelf: Shelf) -> None:
        self.passed = 0
        self._verifier = verifier
        self._last = shelf
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
        sequence, digest = self._last.get(gallery) or _FIRST
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
        digest = hashlib.sha256(attestation.statement).hexdigest()
        self._last.put(gallery, [receipt["sequence"], digest])
        self.passed += 1

    def _pass_gap(self, index: int, body: Mapping[str, Any]) -> None:
        sequence, _ = self._last.get(body["gallery"]) or _FIRST
        if body["expected"] != sequence + 1 or body["seen"] <= body["expected"]:
            raise LedgerFault(self.name, index, "the alarm tells of another gap than there is")
        self._last.put(body["gallery"], [body["seen"] - 1, None])

    def finish(self) -> None:
        """Nothing is left open."""


class LooksByExaminers:
    """At most two people look at a search's faces, never the one who asked (R-15)."""

    name = "only two examiners looked at a search, never the requester"

    def __init__(self, shelf: Shelf) -> None:
        self.passed = 0
        self._searches = shelf

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] == EntryKind.REQUEST_GRANTED:
            requester = body["by"]["person"]
            _remember(self.name, self._searches, index, body, requester=requester, people=[])
        if body["kind"] not in (EntryKind.LOOK_GRANTED, EntryKind.EXAMINATION_DECIDED):
            return
        grant = _grant(self.name, self._searches, index, body)
        person = body["by"]["person"]
        if person == grant["requester"]:
            raise LedgerFault(self.name, index, "the requester examined their own search")
        if person not in grant["people"]:
            grant["people"].append(person)
            self._searches.put(body["search_id"], grant)
        if len(grant["people"]) > EXAMINERS_PER_SEARCH:
            raise LedgerFault(self.name, index, "a third person looked at this search")
        self.passed += 1

    def finish(self) -> None:
        """Nothing is left open."""


class OutcomesFollow:
    """A release, or a close without one, is what the decisions amount to (R-15)."""

    name = "every outcome follows from the two examinations"

    def __init__(self, shelf: Shelf) -> None:
        self.passed = 0
        self._searches = shelf

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        kind = body["kind"]
        if kind == EntryKind.REQUEST_GRANTED:
            asked = {"requester": body["by"]["person"], "list_size": body["list_size"]}
            _remember(self.name, self._searches, index, body, **asked, executed=[], decided=[])
        elif kind == EntryKind.SEARCH_EXECUTED:
            self._keep(index, body, "executed", _of_receipt(body["receipt"]))
        elif kind == EntryKind.EXAMINATION_DECIDED:
            self._keep(index, body, "decided", _of_decision(body))
        elif kind in (EntryKind.LEAD_RELEASED, EntryKind.SEARCH_CLOSED):
            self._check(index, body)

    def _keep(self, index: int, body: Mapping[str, Any], under: str, what: _Memory) -> None:
        grant = _grant(self.name, self._searches, index, body)
        if "executed" not in grant:
            if under == "decided":
                raise LedgerFault(self.name, index, "a decision after the outcome")
            return  # a late receipt; no outcome can rest on it any more
        grant[under].append([index, what])
        self._searches.put(body["search_id"], grant)

    def _check(self, index: int, body: Mapping[str, Any]) -> None:
        grant = _grant(self.name, self._searches, index, body)
        if "executed" not in grant:
            raise LedgerFault(self.name, index, "the search had an outcome before")
        executed, decided = grant["executed"], grant["decided"]
        if [number for number, _ in executed] != sorted(body["executed"]):
            raise LedgerFault(self.name, index, "the outcome leaves a receipt out")
        if [number for number, _ in decided] != sorted(body["decided"]):
            raise LedgerFault(self.name, index, "the outcome leaves a decision out")
        try:
            outcome = derive_outcome(
                merge_candidates([receipt for _, receipt in executed], grant["list_size"]),
                [decision for _, decision in decided],
                requester=grant["requester"],
            )
        except OnRecordError as error:
            raise LedgerFault(self.name, index, error.message) from error
        derived = {(lead.gallery, lead.candidate_ref) for lead in outcome.leads}
        claimed = {(one["gallery"], one["candidate_ref"]) for one in body.get("leads", ())}
        if derived != claimed or (body["kind"] == EntryKind.LEAD_RELEASED) != bool(derived):
            raise LedgerFault(self.name, index, "the examinations amount to something else")
        # That there was one is never forgotten; what it rested on is.
        self._searches.put(body["search_id"], {"index": grant["index"]})
        self.passed += 1

    def finish(self) -> None:
        """A search still under examination is not a fault."""


def _of_receipt(receipt: Mapping[str, Any]) -> _Memory:
    """Of a receipt, what an outcome is derived from."""
    listed = [{"ref": one["ref"], "similarity": one["similarity"]} for one in receipt["candidates"]]
    named = {"gallery": receipt["gallery"], "model_id": receipt["model_id"]}
    return {**named, "candidates": listed}


def _of_decision(body: Mapping[str, Any]) -> _Memory:
    """Of a decision, what an outcome is derived from."""
    told = [
        {"candidate_ref": one["candidate_ref"], "conclusion": one["conclusion"]}
        for one in body["decisions"]
    ]
    return {"by": {"person": body["by"]["person"]}, "decisions": told}


def story_checks(
    verifier: AttestationVerifier | None, shelves: Shelves = MemoryShelf
) -> Sequence[BodyCheckFactory]:
    """All checks between entries. Without a verifier, who signed a receipt is not checked.

    What the checks remember lies on `shelves`; it grows with the ledger.
    """
    return (
        lambda: PoliciesInForce(shelves()),
        lambda: EndsFollowGrants(shelves()),
        lambda: ReceiptsChained(verifier, shelves()),
        lambda: ChangesSigned(verifier, shelves()),
        lambda: LooksByExaminers(shelves()),
        lambda: DecisionsFollowLooks(shelves()),
        lambda: OutcomesFollow(shelves()),
        EmergenciesFollowedUp,
    )
