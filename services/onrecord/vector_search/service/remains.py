"""What is left of generations that are gone: sealed portraits and vectors, destroyed."""

from onrecord.chassis.database import forget, read_transaction, write_transaction
from onrecord.contracts.events import ingest_object_key
from onrecord.kernel.deadlines import Deadline
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import deletions
from onrecord.vector_search.service.parts import PlaneParts

_AT_ONCE = 256


class Remains:
    """Clears away, in the order in which a crash does least: portraits, then vectors."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts

    def clear(self, gallery: Gallery, deadline: Deadline) -> None:
        """Until nothing of a gone generation stands anywhere. Repeatable from any point.

        Raises PLANE_UNAVAILABLE, DEADLINE_EXCEEDED; the roster remembers what is left.
        """
        while self._clear_some(gallery, deadline):
            deadline.check()

    def _clear_some(self, gallery: Gallery, deadline: Deadline) -> bool:
        with read_transaction(self._parts.roster) as tx:
            remaining = deletions.with_remains(tx, gallery.jurisdiction, _AT_ONCE)
        if not remaining:
            return False
        # Their keys were destroyed in the roster, and stand in its log until now.
        forget(self._parts.roster)
        for one in remaining:
            self._parts.vault.delete(one.vault_key)
            self._parts.ingest.delete(ingest_object_key(one.gallery, one.enrolment_id))
            self._parts.reached(write_points.PORTRAIT_DESTROYED)
        self._parts.index.delete(gallery.space, [one.index_key for one in remaining], deadline)
        self._parts.reached(write_points.VECTOR_DELETED)
        with write_transaction(self._parts.roster) as tx:
            deletions.clear_remains(tx, [one.enrolment_id for one in remaining])
        self._parts.reached(write_points.REMAINS_CLEARED)
        return len(remaining) == _AT_ONCE
