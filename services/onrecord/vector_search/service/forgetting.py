"""Closed chunks are cut down to a report, some rows at a time: searches write in between."""

from typing import Final

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster import manifest_rows, manifests
from onrecord.vector_search.service.parts import PlaneParts

_AT_ONCE: Final = 1000


class Forgetting:
    """Repeatable, and stopped anywhere it goes on."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts

    def run(self) -> None:
        """Every chunk that is closed and not cut down yet."""
        with read_transaction(self._parts.roster) as tx:
            closed = manifests.to_forget(tx)
        for ref in closed:
            more = True
            while more:
                with write_transaction(self._parts.roster) as tx:
                    more = manifest_rows.forget_some(tx, ref, _AT_ONCE)
                    if not more:
                        manifests.mark_forgotten(tx, ref)
                self._parts.reached(write_points.ROWS_FORGOTTEN)
