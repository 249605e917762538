"""The single appender of a replica: up to 32 waiting requests, one transaction (law 1).

Each request is asked inside the transaction and stands or falls alone: one that raises has written
nothing, and a batch whose writes fail is taken apart and each of its requests tried by itself.
Only after the commit is a checkpoint signed, and only of the size and root that were committed.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from onrecord.audit.adapters.batch import (
    Batch,
    ClockFaultError,
    Head,
    WriteFaultError,
    Written,
)
from onrecord.audit.adapters.hashes import StoredHashes
from onrecord.audit.core import write_points
from onrecord.audit.core.draft import Appended, Intake, Proposal, StaleEvaluationError
from onrecord.audit.core.searching import OverdueError
from onrecord.audit.measured import ALARMS, APPEND_SECONDS, APPENDED_TOGETHER, ENTRIES
from onrecord.chassis.database import write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint

MAX_BATCH = 32
MAX_WAITING = 4096

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    """What one caller wants appended, and what came of it."""

    wanted: Proposal | Intake
    deadline: Deadline
    done: threading.Event = field(default_factory=threading.Event)
    appended: tuple[Appended, ...] = ()
    error: Exception | None = None


class Appender:
    """Appends batches. `committed` is told each new head, after its commit, in order."""

    def __init__(
        self,
        engine: Engine,
        stored: StoredHashes,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        committed: Callable[[Head], None],
        reached: WritePoint,
        batch: int = MAX_BATCH,
    ) -> None:
        self._engine = engine
        self._stored = stored
        self._clock = clock
        self._random = random_bytes
        self._committed = committed
        self._reached = reached
        self._batch = batch
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(MAX_WAITING)
        self._clock_fault: ClockFaultError | None = None
        self._refusal: str | None = "the ledger is not open yet"
        self._thread = threading.Thread(target=self._run, name="ledger-appender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def allow(self) -> None:
        """The ledger agrees with what has been published: appends may go on."""
        self._refusal = None

    def refuse(self, why: str) -> None:
        """Append nothing until `allow`."""
        self._refusal = why

    def close(self) -> None:
        """Append what waits, then stop."""
        self._refusal = self._refusal or "the ledger is closing"
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        while not self._queue.empty():  # what came in while we closed
            late = self._queue.get_nowait()
            if late is not None:
                late.error = _unavailable(self._refusal)
                late.done.set()

    @property
    def refuses(self) -> bool:
        """Whether nothing is appended."""
        return self._refusal is not None

    @property
    def clock_fault(self) -> ClockFaultError | None:
        """What the clock was found to be, since `forget_clock_fault`."""
        return self._clock_fault

    def forget_clock_fault(self) -> None:
        self._clock_fault = None

    def append(self, proposal: Proposal, deadline: Deadline) -> Appended:
        with APPEND_SECONDS.timed():
            return self._wait(proposal, deadline)[0]

    def take(self, intake: Intake, deadline: Deadline) -> tuple[Appended, ...]:
        return self._wait(intake, deadline)

    def _wait(self, wanted: Proposal | Intake, deadline: Deadline) -> tuple[Appended, ...]:
        deadline.check()
        if self._refusal is not None:
            raise _unavailable(self._refusal)
        waiting = _Waiting(wanted, deadline)
        try:
            self._queue.put_nowait(waiting)
        except queue.Full as error:
            raise OnRecordError(
                ErrorCode.OVERLOADED, "too many requests wait for the ledger"
            ) from error
        if not waiting.done.wait(deadline.remaining()):
            raise OnRecordError(
                ErrorCode.DEADLINE_EXCEEDED,
                "the ledger did not answer in time; it may still have written the entry",
            )
        if waiting.error is not None:
            raise waiting.error
        return waiting.appended

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch, closing = [first], False
            while len(batch) < self._batch and not closing:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                closing = more is None
                if more is not None:
                    batch.append(more)
            self._serve(batch)
            if closing:
                return

    def _serve(self, batch: list[_Waiting]) -> None:
        try:
            head, made = self._commit(batch)
        except (IntegrityError, DataError, WriteFaultError) as error:
            # Rolled back whole: find the one whose rows do not fit, and let the others through.
            if len(batch) > 1:
                for waiting in batch:
                    waiting.appended, waiting.error = (), None
                    self._serve([waiting])
                return
            _fail(batch, error)
        except ClockFaultError as error:
            self._clock_fault = error
            _fail(batch, error, "the ledger's clock is wrong: its last entry lies far ahead of now")
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            _fail(batch, error)
        else:
            self._answer(batch, head, made)
        for waiting in batch:
            waiting.done.set()

    def _answer(self, batch: list[_Waiting], head: Head | None, made: Batch) -> None:
        """The batch is committed: sign what was, then let everybody know."""
        try:
            self._reached(write_points.AFTER_COMMIT)
            APPENDED_TOGETHER.observe(len(batch))
            for kind in made.kinds:
                ENTRIES.add(kind=kind.value)
            for index, what, why in made.alarms:
                ALARMS.add(what=what)
                _log.error("alarm (%s), entry %d: %s", what, index, why)
            if head is not None:
                self._committed(head)
            self._reached(write_points.BEFORE_ANSWER)
        except Exception as error:  # noqa: BLE001 - committed, but nothing to prove it with
            _fail(batch, error)

    def _commit(self, waiting: list[_Waiting]) -> tuple[Head | None, Batch]:
        """Append in one transaction: the new head, if anything was appended, and what was."""
        with write_transaction(self._engine) as connection:
            batch = Batch(connection, self._clock.now(), self._random, self._reached)
            batch.foresee(one.wanted for one in waiting)
            for one in waiting:
                _ask(batch, one)
            sealed = batch.seal(self._stored)
        if sealed is None:
            return None, batch
        head, fresh = sealed
        self._stored.keep(fresh)
        return head, batch


def _ask(batch: Batch, waiting: _Waiting) -> None:
    """One request: what it appends is gathered, or what it raises is its answer."""
    try:
        waiting.deadline.check()
        if isinstance(waiting.wanted, Intake):
            waiting.appended = batch.take(waiting.wanted)
            return
        answer = batch.ask(waiting.wanted)
    except (OnRecordError, StaleEvaluationError, OverdueError) as error:
        waiting.error = error
    except (SQLAlchemyError, WriteFaultError):
        raise  # the database, not the request: the whole batch falls
    except Exception as error:  # noqa: BLE001 - a fault in one request is that request's
        _log.exception("a request could not be evaluated")
        waiting.error = OnRecordError(ErrorCode.INTERNAL, "the request could not be evaluated")
        waiting.error.__cause__ = error
    else:
        written = batch.gather(answer) if isinstance(answer, Written) else answer
        waiting.appended = (written,)


def _fail(
    batch: list[_Waiting], error: Exception, why: str = "the ledger could not be written"
) -> None:
    _log.error("a batch of %d was not appended", len(batch), exc_info=error)
    for waiting in batch:
        waiting.appended = ()
        failure = _unavailable(why)
        failure.__cause__ = error
        waiting.error = waiting.error or failure


def _unavailable(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, why)
