"""What the plane believes of policies, and why (law 2)."""

from dataclasses import replace

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, follow_key
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.verified import Verified, digest_of
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import galleries
from onrecord.vector_search.service.at_hand import AtHand
from onrecord.vector_search.service.parts import PlaneParts

_POLICIES_KEPT = 1024
_POLICIES_FORESEEN = 16


class PolicyTrust:
    """A policy counts when the state's own key has signed it: the one pinned here, or the one that
    the state has put in its place by a bundle that both have signed. What is followed is kept.
    """

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._verified = Verified(_POLICIES_KEPT)
        self._foreseen: AtHand[str, AuthorityBundle] = AtHand(_POLICIES_FORESEEN)

    def foresee(self, gallery: Gallery, digest: str, deadline: Deadline) -> None:
        """Fetch the policy that `check` is going to need. Nothing is believed for it, or kept.

        Raises GRANT_POLICY_UNSIGNED, LEDGER_UNAVAILABLE.
        """
        if self._foreseen.has(digest) or self._verified.knows(_about(gallery, digest)):
            return
        with read_transaction(self._parts.roster) as tx:
            held = galleries.policy_is_verified(tx, gallery, digest)
        if not held:
            self._foreseen.put(digest, self._fetched(digest, deadline))

    def check(self, gallery: Gallery, digest: str, deadline: Deadline) -> None:
        """Raises GRANT_POLICY_UNSIGNED, and LEDGER_UNAVAILABLE where it cannot be had."""
        content = _about(gallery, digest)
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
        foreseen = self._foreseen.take(digest)
        if foreseen is not None:
            return foreseen
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


def _about(gallery: Gallery, digest: str) -> bytes:
    return digest_of(gallery.jurisdiction.encode(), digest.encode(), gallery.authority_key.encode())


def _unsigned(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.GRANT_POLICY_UNSIGNED, f"the grant's policy is refused: {why}")
