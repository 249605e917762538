"""Making ready for a search that will come: what of it does not need its template (ADR 53).

While detection and embedding are at work on the probe, the plane reads the grant, asks for the
proof and the policies that the search will need, and has the index take the galleries into memory.
None of it is believed before it is due: the search verifies, decides and stores as if nothing had
been foreseen, and finds at hand what it would have had to wait for.
"""

import threading

from onrecord.chassis.database import read_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.checkpoint import SignedCheckpoint
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.grant import GrantReader
from onrecord.vector_search.core.grants import check_dated, check_may_begin
from onrecord.vector_search.roster import galleries, ledger
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.trust import LedgerTrust

AT_ONCE = 4
"""Made ready for at once; for others nothing is. A flood of them takes no more of a plane."""
_SECONDS = 2.0
"""At most, whatever the caller allows: each has one of the plane's places meanwhile."""


class Foreseeing:
    """May be used from many threads."""

    def __init__(
        self, parts: PlaneParts, ledger: LedgerTrust, policies: PolicyTrust, grants: GrantReader
    ) -> None:
        self._parts = parts
        self._ledger = ledger
        self._policies = policies
        self._grants = grants
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def foresee(self, logged: LoggedEntry, deadline: Deadline) -> None:
        """Raises GRANT_*, LEDGER_UNAVAILABLE, PLANE_UNAVAILABLE: what a search would, sooner."""
        if not self._room.acquire(blocking=False):
            return
        try:
            self._make_ready(logged, Deadline.after(min(_SECONDS, deadline.remaining())))
        finally:
            self._room.release()

    def _make_ready(self, logged: LoggedEntry, deadline: Deadline) -> None:
        grant, now = self._grants.read(logged), self._parts.clock.now()
        check_dated(grant.granted_at, now)
        check_may_begin(grant, now)
        seen = SignedCheckpoint(logged.checkpoint, grant.entry.checkpoint)
        with read_transaction(self._parts.roster) as tx:
            known = galleries.find_named(tx, tuple(grant.galleries))
            kept = ledger.highest(tx, seen.checkpoint.origin)
        self._ledger.foresee(seen, kept, deadline)
        for name, gallery in known.items():
            self._policies.foresee(gallery, grant.galleries[name].policy, deadline)
            self._parts.index.foresee(gallery.space, deadline)
