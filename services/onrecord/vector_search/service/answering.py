"""Answers of searches, written together: one transaction and one publication for all who wait.

The galleries of one search come to a plane side by side, and each would have its own transaction
with a sync to disk. So whoever has found its candidates waits a moment for the other galleries of
its grant, and the last of them writes for all, and for every other search that has come meanwhile.
Nobody waits for a gallery that is slow: it is written for later. Each
answer stands or falls alone; what is told has been committed and is on the bus (law 3).
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import write_transaction
from onrecord.contracts.vector_search import GalleryResult
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core import write_points
from onrecord.vector_search.service.batch import Found, Receipts
from onrecord.vector_search.service.parts import PlaneParts

MAX_TOGETHER = 64
"""Answers in one transaction: another writer of the roster waits no longer than for these."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """One search that has found its candidates, and what came of it."""

    found: Found
    deadline: Deadline
    taken: bool = False
    wake: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    result: GalleryResult | None = None
    error: BaseException | None = None


class Seat:
    """One search's place among those of its grant, from its beginning to its answer."""

    def __init__(self, answers: "Answering", mandate: str) -> None:
        self._answers = answers
        self.mandate = mandate
        self.is_looking = True

    def answer(self, found: Found, deadline: Deadline) -> GalleryResult:
        """Receipt and candidates, durable and published. Raises what made that impossible."""
        return self._answers.answer(self, _Waiting(found, deadline))


class Answering:
    """Gathers answers and writes them. May be used from many threads."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._receipts = Receipts(parts)
        self._lock = threading.Lock()  # of what follows, and held for moments only
        self._looking: Counter[str] = Counter()
        self._queue: list[_Waiting] = []
        self._writing = threading.Lock()

    @contextmanager
    def seat(self, mandate: str) -> Iterator[Seat]:
        """A search of this grant looks: the others wait for it, until it has answered or failed."""
        seat = Seat(self, mandate)
        with self._lock:
            self._looking[mandate] += 1
        try:
            yield seat
        finally:
            with self._lock:
                if seat.is_looking and self._ends_looking(seat):
                    self._wake(mandate)

    def answer(self, seat: Seat, mine: _Waiting) -> GalleryResult:
        self._gather(seat, mine)
        batch = self._written(mine)
        if batch:
            self._publish(batch)
        if not mine.done.wait(mine.deadline.remaining()):
            raise _late()
        if mine.error is not None:
            raise mine.error
        if mine.result is None:
            raise AssertionError("what is done has a result or an error")
        return mine.result

    def _ends_looking(self, seat: Seat) -> bool:
        """Whether it was the last of its grant. Under the lock."""
        seat.is_looking = False
        self._looking[seat.mandate] -= 1
        if self._looking[seat.mandate]:
            return False
        del self._looking[seat.mandate]
        return True

    def _wake(self, mandate: str) -> None:
        """Those of this grant who wait need wait for no other. Under the lock."""
        for one in self._queue:
            if one.found.grant.mandate == mandate:
                one.wake.set()

    def _gather(self, seat: Seat, mine: _Waiting) -> None:
        """Returns once all of the grant have come, or this one is written, or time is up."""
        with self._lock:
            self._queue.append(mine)
            if self._ends_looking(seat):
                return  # nobody need be woken: this thread runs, and writes for the others
        mine.wake.wait(min(self._parts.gathering_seconds, mine.deadline.remaining()))

    def _written(self, mine: _Waiting) -> Sequence[_Waiting]:
        """Those for whom this thread has written, and is to publish and to speak."""
        if mine.taken:
            return ()
        if not self._writing.acquire(timeout=mine.deadline.remaining()):
            with self._lock:
                if not mine.taken:
                    self._queue.remove(mine)
                    raise _late()
            return ()
        try:
            batch = self._take(mine)
            if batch:
                self._write(batch)
            return batch
        finally:
            self._writing.release()

    def _take(self, mine: _Waiting) -> list[_Waiting]:
        """Those who wait, `mine` among them; none where somebody else has taken it."""
        with self._lock:
            if mine.taken:
                return []
            self._queue.remove(mine)
            batch = [mine, *self._queue[: MAX_TOGETHER - 1]]
            del self._queue[: MAX_TOGETHER - 1]
            for one in batch:
                one.taken = True
            return batch

    def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            self._commit(batch)
        except IntegrityError as error:
            # Rolled back whole: find the one whose rows do not fit, and let the others through.
            if len(batch) > 1:
                for one in batch:
                    one.result = one.error = None
                    self._write([one])
                return
            batch[0].error = error
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for one in batch:
                one.error = error

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        with write_transaction(self._parts.roster) as tx:
            page = self._receipts.page(tx, [one.found for one in batch])
            for one in batch:
                try:
                    one.deadline.check()
                    one.result = page.answer(one.found)
                except OnRecordError as error:
                    one.error = error
            page.store()
        self._parts.reached(write_points.SEARCH_COMMITTED)
        self._receipts.keep(page)

    def _publish(self, batch: Sequence[_Waiting]) -> None:
        """What a caller is told is on the bus by then, also where it was answered before."""
        told = [one for one in batch if one.error is None]
        try:
            if told:
                longest = max((one.deadline for one in told), key=lambda one: one.remaining())
                self._parts.relay.flush(longest)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for one in told:
                one.error = error
        finally:
            for one in batch:
                one.done.set()
                one.wake.set()


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED,
        "the answer was not stored in time; ask again, it may be there",
    )
