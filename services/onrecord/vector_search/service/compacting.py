"""Compaction: when the index's files have lost a deleted vector, the plane says so (R-30)."""

import hashlib
from datetime import timedelta

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import format_time, parse_time
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.deleting import Tombstone, compacted_body
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import deletions, galleries
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.remains import Remains

SETTLED = timedelta(minutes=10)
"""How old a deletion is before its vectors are believed to have stopped arriving: a poll that
was read before the deletion has been worked on, or given to somebody else, long before."""
_AT_ONCE = 500


class Compactions:
    """Run from time to time (`run`), by one process of a plane."""

    def __init__(
        self, parts: PlaneParts, known: Galleries, *, settled: timedelta = SETTLED
    ) -> None:
        self._parts = parts
        self._galleries = known
        self._remains = Remains(parts)
        self._settled = settled

    def run(self, deadline: Deadline) -> int:
        """Every gallery, until no settled deletion is left; how many were compacted.

        Raises PLANE_UNAVAILABLE where an index has not dropped them; what was said stands.
        """
        with read_transaction(self._parts.roster) as tx:
            held = galleries.find_all(tx)
        return sum(self._gallery(gallery, deadline) for gallery in held)

    def _gallery(self, gallery: Gallery, deadline: Deadline) -> int:
        self._remains.clear(gallery, deadline)
        done = 0
        while found := self._uncompacted(gallery):
            deadline.check()
            # Once more by name: something late may have put one back.
            self._parts.index.delete(gallery.space, self._keys(found), deadline)
            self._parts.index.compact(gallery.space, deadline)
            self._parts.reached(write_points.INDEX_COMPACTED)
            self._say(found)
            done += len(found)
        return done

    def _uncompacted(self, gallery: Gallery) -> tuple[Tombstone, ...]:
        before = self._parts.clock.now() - self._settled
        with read_transaction(self._parts.roster) as tx:
            found = deletions.uncompacted(tx, gallery.jurisdiction, before, _AT_ONCE)
            return tuple(one for one in found if not deletions.have_remains(tx, one))

    def _keys(self, found: tuple[Tombstone, ...]) -> list[str]:
        with read_transaction(self._parts.roster) as tx:
            return [one.index_key for stone in found for one in deletions.buried(tx, stone)]

    def _say(self, found: tuple[Tombstone, ...]) -> None:
        now = parse_time(format_time(self._parts.clock.now()))
        with write_transaction(self._parts.roster) as tx:
            for stone in found:
                said = deletions.statement_of(tx, stone)
                digest = hashlib.sha256(said.statement).hexdigest()
                compacted = self._parts.attestor.attest(compacted_body(stone, digest, now))
                deletions.add_compacted(tx, stone, now, compacted)
        self._parts.reached(write_points.COMPACTION_STORED)
