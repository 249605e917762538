"""Telling planes of a search before it comes, so that they make ready while the face is found.

Nothing depends on it: what a plane does with it, and whether it hears of it at all, changes how
long the search takes and nothing else (ADR 53).
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from threading import BoundedSemaphore

from onrecord.chassis.pools import Beside
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.proof.entry import LoggedEntry

FORETOLD_SECONDS = 2.0
"""How long planes may take to make ready. The search that follows waits for none of it."""

_log = logging.getLogger(__name__)


class Foretelling:
    """Tells the planes of `most` searches at once; of one more they hear when it comes.

    0: of none.
    """

    def __init__(self, planes: PlaneDirectory, pool: Executor, most: int) -> None:
        self._planes = planes
        self._pool = pool
        self._room = BoundedSemaphore(most) if most else None

    def begin(
        self, galleries: Sequence[str], grant: LoggedEntry, deadline: Deadline
    ) -> Beside[None]:
        """In another thread, and never in the caller's: to be left, not to be asked for."""
        if self._room is None:
            return Beside(None, _nothing)
        return Beside(self._pool, lambda: self._tell(galleries, grant, deadline))

    def _tell(self, galleries: Sequence[str], grant: LoggedEntry, deadline: Deadline) -> None:
        room = self._room
        if room is None or not room.acquire(blocking=False):
            return
        try:
            soon = Deadline.after(min(FORETOLD_SECONDS, deadline.remaining()))
            held = self._planes.known(galleries)
            if len(held) < len(galleries):
                held, _ = self._planes.find(galleries, soon)
            for plane in {id(one): one for one in held.values()}.values():
                try:
                    plane.foresee(grant, soon)
                except OnRecordError as error:
                    _log.info("a plane made nothing ready", extra={"code": error.code.value})
        finally:
            room.release()


def _nothing() -> None:
    pass
