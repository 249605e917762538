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
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.books import TransactionBooks
from onrecord.audit.adapters.hashes import StoredHashes, TransactionHashes
from onrecord.audit.core import write_points
from onrecord.audit.core.draft import Appended, Draft, Existing, Proposal, StaleEvaluationError
from onrecord.audit.core.searching import OverdueError
from onrecord.chassis.database import write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import canonical, merkle
from onrecord.proof.entry import NONCE_SIZE, LoggedEntry, leaf
from onrecord.proof.statements import mandate_id

MAX_BATCH = 32
MAX_WAITING = 4096

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One caller's proposal, and what came of it."""

    proposal: Proposal
    deadline: Deadline
    done: threading.Event = field(default_factory=threading.Event)
    appended: Appended | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A committed size and root, and the policy epoch they were committed with."""

    size: int
    root: bytes
    epoch: int


class _Batch:
    """What one transaction has gathered so far."""

    def __init__(self, size: int, books: TransactionBooks) -> None:
        self.first = size
        self.books = books
        self.leaf_hashes: list[bytes] = []

    @property
    def next_index(self) -> int:
        return self.first + len(self.leaf_hashes)


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

    def append(self, proposal: Proposal, deadline: Deadline) -> Appended:
        deadline.check()
        if self._refusal is not None:
            raise _unavailable(self._refusal)
        waiting = _Waiting(proposal, deadline)
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
        assert waiting.appended is not None  # noqa: S101 - one of the two is always set
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
            head = self._commit(batch)
            self._reached(write_points.AFTER_COMMIT)
            if head is not None:
                self._committed(head)
            self._reached(write_points.BEFORE_ANSWER)
        except IntegrityError as error:
            # Rolled back whole: find the one whose rows do not fit, and let the others through.
            if len(batch) > 1:
                for waiting in batch:
                    waiting.appended = waiting.error = None
                    self._serve([waiting])
                return
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            _fail(batch, error)
        for waiting in batch:
            waiting.done.set()

    def _commit(self, batch: list[_Waiting]) -> Head | None:
        """Append the batch in one transaction; None where nothing was appended."""
        with write_transaction(self._engine) as connection:
            row = connection.execute(
                select(schema.head).where(schema.head.c.id == schema.HEAD_ID).with_for_update()
            ).one()
            self._reached(write_points.BATCH_BEGUN)
            now = _entry_time(self._clock.now(), row.last_time)
            gathered = _Batch(row.size, TransactionBooks(connection, now, row.policy_epoch))
            for waiting in batch:
                self._ask(gathered, waiting, connection)
            if not gathered.leaf_hashes:
                return None
            gathered.books.flush()
            self._reached(write_points.ROWS_WRITTEN)
            source = TransactionHashes(connection, self._stored)
            fresh = merkle.new_hashes(source, row.size, gathered.leaf_hashes)
            connection.execute(
                insert(schema.hashes),
                [{"level": level, "idx": index, "hash": value} for level, index, value in fresh],
            )
            self._reached(write_points.HASHES_WRITTEN)
            head = Head(
                gathered.next_index,
                merkle.root(_Overlay(fresh, source), gathered.next_index),
                gathered.books.epoch,
            )
            connection.execute(
                update(schema.head)
                .where(schema.head.c.id == schema.HEAD_ID)
                .values(
                    size=head.size,
                    root=head.root,
                    last_time=format_time(now),
                    policy_epoch=head.epoch,
                )
            )
            self._reached(write_points.BEFORE_COMMIT)
        self._stored.keep(fresh)
        return head

    def _ask(self, gathered: _Batch, waiting: _Waiting, connection: Connection) -> None:
        """One request: what it appends is gathered, or what it raises is its answer."""
        try:
            waiting.deadline.check()
            answer = waiting.proposal(gathered.books)
            if isinstance(answer, Existing):
                gathered.books.flush()  # it may stand in this very batch
                waiting.appended = read_entry(connection, answer.index)
                return
            body = _body(answer, gathered.books.now)
        except (OnRecordError, StaleEvaluationError, OverdueError) as error:
            waiting.error = error
            return
        except SQLAlchemyError:
            raise  # the database, not the request: the whole batch falls
        except Exception as error:  # noqa: BLE001 - a fault in one request is that request's
            _log.exception("a request could not be evaluated")
            waiting.error = OnRecordError(ErrorCode.INTERNAL, "the request could not be evaluated")
            waiting.error.__cause__ = error
            return
        waiting.appended = self._write(gathered, answer, body)

    def _write(self, gathered: _Batch, draft: Draft, body: bytes) -> Appended:
        index, books, nonce = gathered.next_index, gathered.books, self._random(NONCE_SIZE)
        data = leaf(nonce, body)
        books.add(
            schema.entries,
            idx=index,
            kind=draft.kind.value,
            time=format_time(books.now),
            leaf=data,
        )
        books.add(schema.bodies, idx=index, nonce=nonce, body=body)
        self._reached(write_points.ENTRY_GATHERED)
        books.write_marks(draft.marks, index, _mandate(draft.kind, body, nonce))
        self._reached(write_points.MARKS_GATHERED)
        gathered.leaf_hashes.append(merkle.leaf_hash(data))
        return Appended(index, body, nonce, existed=False)


class _Overlay:
    """Hashes just computed, then the ones that were there."""

    def __init__(self, fresh: list[tuple[int, int, bytes]], below: TransactionHashes) -> None:
        self._fresh = {(level, index): value for level, index, value in fresh}
        self._below = below

    def hash_at(self, level: int, index: int) -> bytes:
        return self._fresh.get((level, index)) or self._below.hash_at(level, index)


def read_entry(connection: Connection, index: int) -> Appended:
    """A committed entry. Raises NOT_FOUND."""
    table = schema.bodies
    row = connection.execute(
        select(table.c.nonce, table.c.body).where(table.c.idx == index)
    ).first()
    if row is None:
        raise OnRecordError(ErrorCode.NOT_FOUND, f"the ledger has no entry {index}")
    return Appended(index, bytes(row.body), bytes(row.nonce), existed=True)


def _body(draft: Draft, now: datetime) -> bytes:
    return canonical.encode({**draft.body, "kind": draft.kind.value, "time": format_time(now)})


def _mandate(kind: EntryKind, body: bytes, nonce: bytes) -> str:
    if kind is not EntryKind.REQUEST_GRANTED:
        return ""
    return mandate_id(LoggedEntry(body, nonce, 0, (), ""))


def _entry_time(clock: datetime, last: str) -> datetime:
    """The later of the clock and the last entry, in hundredths of a second."""
    now = parse_time(format_time(clock))
    return max(now, parse_time(last)) if last else now


def _fail(batch: list[_Waiting], error: Exception) -> None:
    _log.error("a batch of %d was not appended", len(batch), exc_info=error)
    for waiting in batch:
        waiting.appended = None
        failure = _unavailable("the ledger could not be written")
        failure.__cause__ = error
        waiting.error = waiting.error or failure


def _unavailable(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, why)
