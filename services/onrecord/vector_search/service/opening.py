"""What leaves the plane, and the proof each thing needs (law 6)."""

import hashlib

from onrecord.chassis.database import read_transaction
from onrecord.chassis.sealing import Sealed, open_sealed
from onrecord.contracts.enrolment import portrait_aad
from onrecord.contracts.vector_search import Lead
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import MAX_LEADS
from onrecord.proof import canonical
from onrecord.proof.casework import MergedCandidate
from onrecord.proof.entry import LoggedEntry, parse_body, verify_entry
from onrecord.proof.grant import Grant
from onrecord.proof.release import ReleaseProof, verify_release
from onrecord.vector_search.core.grants import check_dated
from onrecord.vector_search.core.looks import check_look, read_look
from onrecord.vector_search.core.names import index_key
from onrecord.vector_search.core.naming import candidate_refs, record_mac
from onrecord.vector_search.core.values import CandidateRow, RecordRow
from onrecord.vector_search.roster import answers, galleries, records
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.trust import LedgerTrust


class Openings:
    """Opens portraits against looks and unseals record ids against releases."""

    def __init__(self, parts: PlaneParts, ledger: LedgerTrust) -> None:
        self._parts = parts
        self._ledger = ledger

    def portrait(self, logged: LoggedEntry, deadline: Deadline) -> bytes:
        """The encoded image of the one candidate that the look names."""
        entry, now = verify_entry(logged, self._parts.ledger_key), self._parts.clock.now()
        look = read_look(entry)
        check_dated(entry.time, now)
        check_look(look, now)
        self._ledger.accept(logged.checkpoint, deadline)
        with read_transaction(self._parts.roster) as tx:
            candidate = answers.find_candidate(tx, look.candidate_ref)
            row = None if candidate is None else records.find(tx, candidate.enrolment_id)
        if candidate is None or row is None:
            raise _no_candidate()
        named = (candidate.gallery, candidate.search_id, candidate.grant_index)
        if named != (look.gallery, look.search_id, look.grant_index):
            raise _no_candidate()
        self._check_candidate(candidate, row)
        return self._opened(row)

    def leads(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        """The record ids of the released candidates that are this plane's, for who asked."""
        claims = self._parts.tokens.verify(user_token)
        verified = verify_release(proof, self._parts.ledger_key)
        if (claims.person, claims.agency) != (verified.grant.person, verified.grant.agency):
            # A stolen gateway holds other people's proofs, but not their tokens (law 10).
            raise OnRecordError(
                ErrorCode.CALLER_NOT_ALLOWED, "a lead is released to the person who asked for it"
            )
        # An entry under a forked checkpoint proves nothing, so each must share our history.
        entries = (proof.release, proof.grant, *proof.executed, *proof.decided)
        for note in dict.fromkeys(entry.checkpoint for entry in entries):
            self._ledger.accept(note, deadline)
        self._check_our_receipts(verified.grant, proof)
        if len(verified.leads) > MAX_LEADS:
            raise _not_supported(f"more than {MAX_LEADS} candidates are named")
        with read_transaction(self._parts.roster) as tx:
            ours = {gallery.jurisdiction for gallery in galleries.find_all(tx)}
        return tuple(
            self._lead(lead, verified.grant) for lead in verified.leads if lead.gallery in ours
        )

    def _check_our_receipts(self, grant: Grant, proof: ReleaseProof) -> None:
        """What the ledger says was found here must be what was found here, and all of it."""
        with read_transaction(self._parts.roster) as tx:
            answered = answers.find_of_mandate(tx, grant.mandate)
        logged = {}
        for entry in proof.executed:
            receipt = parse_body(entry.body)[0]["receipt"]
            logged[str(receipt["gallery"])] = canonical.encode(receipt)
        for gallery, answer in answered.items():
            if logged.get(gallery) != answer.receipt.statement:
                raise _not_supported(f"the receipt of {gallery} is not the one this plane gave")

    def _lead(self, lead: MergedCandidate, grant: Grant) -> Lead:
        with read_transaction(self._parts.roster) as tx:
            candidate = answers.find_candidate(tx, lead.candidate_ref)
            row = None if candidate is None else records.find(tx, candidate.enrolment_id)
        if candidate is None or row is None:
            raise _not_supported("a candidate is not one this plane has named")
        if (candidate.gallery, candidate.mandate) != (lead.gallery, grant.mandate):
            raise _not_supported("a candidate belongs to another search")
        if row.record_id is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, "the record has been deleted since")
        self._check_name(row, row.record_id)
        self._check_candidate(candidate, row)
        return Lead(lead.gallery, lead.candidate_ref, row.record_id, lead.similarity)

    def _check_name(self, row: RecordRow, record_id: str) -> None:
        """A name put into the roster by somebody without the gallery's key accuses nobody.

        Raises SEAL_INVALID.
        """
        mac = record_mac(self._parts.keys.private_key(row.gallery), record_id)
        made = index_key(row.gallery, mac, row.generation, row.model_id)
        if (mac, made) != (row.record_mac, row.index_key):
            raise OnRecordError(
                ErrorCode.SEAL_INVALID, "the roster names another record than was enrolled"
            )

    def _check_candidate(self, candidate: CandidateRow, row: RecordRow) -> None:
        """What the receipt names is the vector that was found, whatever the roster says since.

        Raises SEAL_INVALID.
        """
        key = self._parts.keys.private_key(row.gallery)
        (made,) = candidate_refs(key, candidate.mandate, [row.index_key])
        if made != candidate.candidate_ref:
            raise OnRecordError(
                ErrorCode.SEAL_INVALID, "the roster names another record than was found"
            )

    def _opened(self, row: RecordRow) -> bytes:
        if row.wrapped_key is None or row.image_sha256 is None:
            raise OnRecordError(
                ErrorCode.NOT_FOUND, "the portrait has been destroyed; its record has changed since"
            )
        sealed = Sealed(self._parts.vault.get(row.vault_key), row.wrapped_key)
        aad = portrait_aad(row.gallery, row.enrolment_id, row.image_sha256)
        image = open_sealed(self._parts.keys.private_key(row.gallery), sealed, aad)
        if hashlib.sha256(image).hexdigest() != row.image_sha256:
            raise OnRecordError(ErrorCode.SEAL_INVALID, "the vault holds another image")
        return image


def _no_candidate() -> OnRecordError:
    return OnRecordError(
        ErrorCode.NOT_FOUND, "the look names no candidate of that search in that gallery"
    )


def _not_supported(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.RELEASE_NOT_SUPPORTED, f"the release is refused: {why}")
