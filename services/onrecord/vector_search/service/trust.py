"""What the plane believes of the ledger and of policies, and why (law 2)."""

import threading
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, follow_key
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from onrecord.proof.merkle import verify_consistency
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.verified import Verified, digest_of
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import galleries, ledger
from onrecord.vector_search.service.parts import PlaneParts

_CHECKPOINTS_KEPT = 1024
_POLICIES_KEPT = 1024


class LedgerTrust:
    """One history and no other: every checkpoint must be consistent with the highest ever seen."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._turn = threading.Lock()
        # What was consistent with the highest once is so with every later one, which begin with it.
        self._accepted = Verified(_CHECKPOINTS_KEPT)

    def accept(self, note: str, deadline: Deadline) -> None:
        """Check a signed checkpoint against the highest one, and keep it if it is higher.

        What is higher is durable before this returns. Raises GRANT_CHECKPOINT_INVALID,
        LEDGER_INCONSISTENT, and LEDGER_UNAVAILABLE where the ledger gives no proof.
        """
        self.accept_opened(self._opened(note), deadline)

    def accept_opened(self, seen: SignedCheckpoint, deadline: Deadline) -> None:
        """As `accept`, of a checkpoint whose signature by the pinned key has been verified."""
        content = digest_of(seen.checkpoint.text().encode())
        if self._accepted.knows(content):
            return
        # The galleries of one search come with one checkpoint: the first of them asks for a proof.
        while not self._turn.acquire(timeout=deadline.remaining()):
            deadline.check()
        try:
            if self._accepted.knows(content):
                return
            while not self._stored(seen, self._consistent_with(seen.checkpoint, deadline)):
                # Another process has raised the highest meanwhile; compare with that one.
                deadline.check()
            self._accepted.add(content)
        finally:
            self._turn.release()

    def _opened(self, note: str) -> SignedCheckpoint:
        try:
            opened = open_checkpoint(note, self._parts.ledger_key)
        except OnRecordError as error:
            raise OnRecordError(ErrorCode.GRANT_CHECKPOINT_INVALID, error.message) from error
        return SignedCheckpoint(note, opened.checkpoint)

    def _consistent_with(self, at: Checkpoint, deadline: Deadline) -> Checkpoint | None:
        """The highest checkpoint, with which `at` has been proved to share one history."""
        with read_transaction(self._parts.roster) as tx:
            held = ledger.highest(tx, at.origin)
        if held is None or held == at:
            return held
        old, new = sorted((held, at), key=lambda checkpoint: checkpoint.size)
        # Two trees of one size need no proof to be told apart: verifying refuses other roots.
        proof = self._proof(old.size, new.size, deadline) if old.size < new.size else ()
        verify_consistency(old.size, old.root, new.size, new.root, proof)
        return held

    def _proof(self, old: int, new: int, deadline: Deadline) -> tuple[bytes, ...]:
        try:
            return self._parts.ledger.consistency_proof(old, new, deadline)
        except OnRecordError as error:
            raise OnRecordError(
                ErrorCode.LEDGER_UNAVAILABLE,
                f"the ledger gave no proof that its {new} entries begin with its {old}",
            ) from error

    def _stored(self, seen: SignedCheckpoint, held: Checkpoint | None) -> bool:
        if held is not None and seen.checkpoint.size <= held.size:
            return True
        try:
            with write_transaction(self._parts.roster) as tx:
                stored = ledger.raise_to(tx, seen, held)
        except IntegrityError:  # two first checkpoints at once, where writers do not wait in line
            return False
        self._parts.reached(write_points.CHECKPOINT_STORED)
        return stored


class PolicyTrust:
    """A policy counts when the state's own key has signed it: the one pinned here, or the one that
    the state has put in its place by a bundle that both have signed. What is followed is kept.
    """

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._verified = Verified(_POLICIES_KEPT)

    def check(self, gallery: Gallery, digest: str, deadline: Deadline) -> None:
        """Raises GRANT_POLICY_UNSIGNED, and LEDGER_UNAVAILABLE where it cannot be had."""
        content = digest_of(
            gallery.jurisdiction.encode(), digest.encode(), gallery.authority_key.encode()
        )
        if self._verified.knows(content):
            return
        with read_transaction(self._parts.roster) as tx:
            held = galleries.policy_is_verified(tx, gallery, digest)
        if not held:
            keys = self._verify(self._fetched(digest, deadline), gallery, digest, deadline)
            with write_transaction(self._parts.roster) as tx:
                locked = galleries.lock(tx, gallery.jurisdiction)
                newest = keys[-1].text if keys else gallery.authority_key
                held_now = None if locked is None else locked.authority_key
                if held_now == gallery.authority_key:
                    for key in keys:
                        galleries.add_authority_key(tx, gallery.jurisdiction, key.text)
                elif held_now != newest:  # another search has followed meanwhile, and elsewhere to
                    raise _unsigned("the state's key was changed at this moment; ask again")
                galleries.add_verified_policy(tx, replace(gallery, authority_key=newest), digest)
            self._parts.reached(write_points.POLICY_STORED)
        self._verified.add(content)

    def _fetched(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        try:
            return self._parts.ledger.policy(digest, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.POLICY_MISSING:
                raise _unsigned("nobody has a policy with the digest it names") from error
            raise OnRecordError(
                ErrorCode.LEDGER_UNAVAILABLE, "the policy the grant names could not be read"
            ) from error

    def _verify(
        self, bundle: AuthorityBundle, gallery: Gallery, digest: str, deadline: Deadline
    ) -> tuple[NoteVerifier, ...]:
        """The keys by which the state has replaced the one that is pinned; usually none."""
        if bundle.digest != digest:
            raise _unsigned("the policy is not the one it names")
        try:
            # The pinned key bears its state's name, so another state's bundle does not verify.
            return follow_key(
                bundle,
                NoteVerifier.parse(gallery.authority_key),
                lambda previous: self._fetched(previous, deadline),
            )
        except OnRecordError as error:
            if error.code is ErrorCode.LEDGER_UNAVAILABLE:
                raise
            raise _unsigned(error.message) from error


def _unsigned(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.GRANT_POLICY_UNSIGNED, f"the grant's policy is refused: {why}")
