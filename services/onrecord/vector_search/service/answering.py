"""Answers of searches, written together: one transaction and one publication for all who wait.

The galleries of a search come with one call and are stored together. While one transaction is
under way others wait, and the first of them writes for all that have come meanwhile. Each answer
stands or falls alone; what is told has been committed and is on the bus (law 3).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import sent_together, write_transaction
from onrecord.contracts.vector_search import GalleryResult
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core import write_points
from onrecord.vector_search.service.batch import Found, Receipts
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.trust import LedgerTrust

MAX_TOGETHER = 64
"""Answers in one transaction: another writer of the roster waits no longer than for these."""

Told = GalleryResult | BaseException
"""What came of one gallery: its answer, or what made that impossible."""


@dataclass(slots=True, eq=False)
class _One:
    """A gallery that has found its candidates, and what comes of it."""

    found: Found
    deadline: Deadline
    told: Told | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    """The galleries of one call. `wake`: it is answered, or it is to write now (`leads`)."""

    answers: list[_One]
    deadline: Deadline
    taken: bool = False
    leads: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


class Answering:
    """Gathers answers and writes them. May be used from many threads."""

    def __init__(self, parts: PlaneParts, ledger: LedgerTrust) -> None:
        self._parts = parts
        self._ledger = ledger
        self._receipts = Receipts(parts)
        self._lock = threading.Lock()  # of what follows, and held for moments only
        self._queue: list[_Waiting] = []
        self._is_writing = False

    def answer(self, found: Sequence[Found], deadline: Deadline) -> list[Told]:
        """Receipts and candidates, durable and published; one for each of `found`, in order.

        Raises DEADLINE_EXCEEDED: then it is not known what was stored.
        """
        mine = _Waiting([_One(one, deadline) for one in found], deadline)
        if self._may_write(mine):
            self._write_for_all(mine)
        return [_told(one) for one in mine.answers]

    def _may_write(self, mine: _Waiting) -> bool:
        """Whether this thread is to write. If not, it has been written for when this returns."""
        with self._lock:
            if not self._is_writing:
                self._is_writing = mine.taken = mine.leads = True
                return True
            self._queue.append(mine)
        woken = mine.wake.wait(mine.deadline.remaining())
        with self._lock:
            if woken or mine.leads:
                return mine.leads
            if not mine.taken:
                self._queue.remove(mine)
        raise _late()

    def _write_for_all(self, mine: _Waiting) -> None:
        batch = [mine]
        try:
            try:
                batch += self._others(len(mine.answers))
                self._write([one for waiting in batch for one in waiting.answers])
            finally:
                self._pass_on()
            self._publish(batch)
        finally:
            for waiting in batch[1:]:
                waiting.wake.set()

    def _others(self, taken: int) -> list[_Waiting]:
        """Those who wait and for whom there is room."""
        others: list[_Waiting] = []
        with self._lock:
            while self._queue and taken + len(self._queue[0].answers) <= MAX_TOGETHER:
                taken += len(self._queue[0].answers)
                others.append(self._queue.pop(0))
                others[-1].taken = True
        return others

    def _pass_on(self) -> None:
        """Whoever has waited longest writes next, while this thread publishes."""
        with self._lock:
            self._is_writing = bool(self._queue)
            if self._queue:
                following = self._queue.pop(0)
                following.taken = following.leads = True
                following.wake.set()

    def _write(self, batch: Sequence[_One]) -> None:
        longest = max((one.deadline for one in batch), key=lambda one: one.remaining())
        try:
            self._ledger.compared(partial(self._commit, batch), longest)
        except IntegrityError as error:
            # Rolled back whole: find the one whose rows do not fit, and let the others through.
            if len(batch) > 1:
                for one in batch:
                    one.told = None
                    self._write([one])
                return
            batch[0].told = error
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for one in batch:
                one.told = error

    def _commit(self, batch: Sequence[_One]) -> None:
        with write_transaction(self._parts.roster) as tx:
            page = self._receipts.page(tx, [one.found for one in batch])
            for one in batch:
                try:
                    one.deadline.check()
                    one.told = page.answer(one.found)
                except OnRecordError as error:
                    one.told = error
            # No answer is told before the checkpoint of its grant is kept (law 2).
            keeping = self._ledger.to_keep(tx)
            with sent_together(tx):
                page.store()
                self._ledger.keep(tx, keeping)
        self._ledger.was_kept(keeping)
        self._parts.reached(write_points.SEARCH_COMMITTED)
        self._receipts.keep(page)

    def _publish(self, batch: Sequence[_Waiting]) -> None:
        """What a caller is told is on the bus by then, also where it was answered before."""
        told = [
            one
            for waiting in batch
            for one in waiting.answers
            if isinstance(one.told, GalleryResult)
        ]
        if not told:
            return
        longest = max((one.deadline for one in told), key=lambda one: one.remaining())
        try:
            self._parts.relay.flush(longest)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for one in told:
                one.told = error


def _told(one: _One) -> Told:
    if one.told is None:
        raise AssertionError("what is done has an answer or an error")
    return one.told


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED,
        "the answer was not stored in time; ask again, it may be there",
    )
