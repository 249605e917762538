"""Sealed portraits of enrolments that the roster does not know (R-48).

Where a roster was restored from yesterday, they are of records enrolled since the backup, and all
that is left of those: a later roster would find them. So they are told and stay, until a custodian
says how many of them are to go; and then that they went is an entry in the ledger.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.events import GalleryChanged
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.proof.merkle import leaf_hash
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import as_person
from onrecord.vector_search.core.statements import unknown_removed_body
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import comparison, galleries, outbox
from onrecord.vector_search.service.chaining import signed_change
from onrecord.vector_search.service.parts import PlaneParts

_PAGE: Final = 2000


class UnknownPortraits:
    """Finds them by what stands in the vault, a page at a time."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts

    def count(self, gallery: Gallery, deadline: Deadline) -> int:
        return sum(len(some) for some in self._found(gallery, deadline))

    def remove(self, gallery: Gallery, expected: int, claims: Claims, deadline: Deadline) -> int:
        """Destroy them, if there are `expected` many; how many it were.

        The ledger is told of a page before it is destroyed. Raises FIELD_INVALID where there are
        more or fewer: whoever says so has looked at another vault, or at an older one.
        """
        there = self.count(gallery, deadline)
        if there != expected:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID,
                f"there are {there} portraits of no known enrolment, not {expected}",
                field="remove_unknown",
                details={"unknown": there},
            )
        for keys in list(self._found(gallery, deadline)):
            self._tell(gallery, keys, claims)
            self._parts.relay.flush(deadline)
            for key in keys:
                self._parts.vault.delete(key)
            self._parts.reached(write_points.STRAYS_REMOVED)
        return there

    def _found(self, gallery: Gallery, deadline: Deadline) -> Iterator[list[str]]:
        keys: list[str] = []
        for key in self._parts.vault.keys(f"vault/{gallery.jurisdiction}"):
            deadline.check()
            keys.append(key)
            if len(keys) == _PAGE:
                yield self._unknown(keys)
                keys = []
        yield self._unknown(keys)

    def _unknown(self, keys: Sequence[str]) -> list[str]:
        """The roster is read after the vault: a portrait is put there after its enrolment began."""
        by_enrolment = {key.rsplit("/", 1)[-1].partition(".")[0]: key for key in keys}
        with read_transaction(self._parts.roster) as tx:
            known = comparison.known(tx, list(by_enrolment))
        return [key for enrolment, key in by_enrolment.items() if enrolment not in known]

    def _tell(self, gallery: Gallery, keys: Sequence[str], claims: Claims) -> None:
        if not keys:
            return
        leaves = [self._leaf(key) for key in sorted(keys)]
        now = parse_time(format_time(self._parts.clock.now()))
        body = unknown_removed_body(gallery, leaves, by=as_person(claims), now=now)
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            said = signed_change(self._parts, tx, body)
            outbox.queue(tx, [message_of(GalleryChanged(said))])

    def _leaf(self, key: str) -> bytes:
        digest = hashlib.sha256(self._parts.vault.get(key)).hexdigest()
        return leaf_hash(canonical.encode({"portrait": digest}))
