"""One appending transaction: entries gathered, hashed into the tree, and the head moved on."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from onrecord.audit.adapters import questions, schema
from onrecord.audit.adapters.books import TransactionBooks
from onrecord.audit.adapters.hashes import StoredHashes, TransactionHashes
from onrecord.audit.adapters.marks import write_place
from onrecord.audit.core import write_points
from onrecord.audit.core.draft import (
    Appended,
    Aside,
    Draft,
    Existing,
    Foreseen,
    Intake,
    Item,
    Proposal,
)
from onrecord.chassis.database import sent_together
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import canonical, merkle
from onrecord.proof.entry import NONCE_SIZE, LoggedEntry, leaf
from onrecord.proof.statements import mandate_id

CLOCK_LIMIT = timedelta(seconds=60)
"""How far the last entry may lie ahead of the clock: planes believe no grant from further on."""

_log = logging.getLogger(__name__)

# What every append says is built once: building a statement costs as much as asking it.
_AT_HEAD = schema.head.c.id == schema.HEAD_ID
_HEAD = select(schema.head).where(_AT_HEAD).with_for_update()
_HASHES = insert(schema.hashes)
_MOVE_HEAD = (
    update(schema.head)
    .where(_AT_HEAD)
    .values(
        size=bindparam("to_size"),
        root=bindparam("to_root"),
        last_time=bindparam("to_time"),
        policy_epoch=bindparam("to_epoch"),
    )
)

Hashes = list[tuple[int, int, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A size and root, and the policy epoch they were written with."""

    size: int
    root: bytes
    epoch: int


@dataclass(frozen=True, slots=True)
class Written:
    """A draft with the bytes of its body, time and all."""

    draft: Draft
    time: str
    body: bytes


class WriteFaultError(Exception):
    """An entry was half gathered: nothing of its batch may be committed."""


class Batch:
    """What one transaction appends. Holds the head from its beginning to its end."""

    def __init__(
        self,
        connection: Connection,
        clock: datetime,
        random_bytes: Callable[[int], bytes],
        reached: WritePoint,
    ) -> None:
        row = connection.execute(_HEAD).one()
        reached(write_points.BATCH_BEGUN)
        self._connection = connection
        self._random = random_bytes
        self._reached = reached
        self._size = int(row.size)
        self._leaf_hashes: list[bytes] = []
        self.alarms: list[tuple[int, str, str]] = []
        self.kinds: list[EntryKind] = []
        now = _entry_time(clock, row.last_time)
        self._books = TransactionBooks(connection, now, int(row.policy_epoch))

    def foresee(self, wanted: Iterable[Proposal | Intake]) -> None:
        """Ask the books once what all of these will ask, as far as they say so."""
        self._books.foresee(one for one in wanted if isinstance(one, Foreseen))

    def ask(self, proposal: Proposal) -> Appended | Written:
        """What the proposal drafts, in writing, or the entry it names. Raises what it raises."""
        answer = proposal(self._books)
        if isinstance(answer, Existing):
            self._books.flush()  # it may stand in this very batch
            return read_entry(self._connection, answer.index)
        return self._written(answer)

    def _written(self, draft: Draft) -> Written:
        time = format_time(self._books.now)
        body = canonical.encode({**draft.body, "kind": draft.kind.value, "time": time})
        return Written(draft, time, body)

    def gather(self, written: Written) -> Appended:
        """Add an entry to the batch. Raises `WriteFaultError`: then the batch must be given up."""
        draft, body = written.draft, written.body
        index, nonce = self._size + len(self._leaf_hashes), self._random(NONCE_SIZE)
        data = leaf(nonce, body)
        try:
            self._books.add(
                schema.entries, idx=index, kind=draft.kind.value, time=written.time, leaf=data
            )
            self._books.add(schema.bodies, idx=index, nonce=nonce, body=body)
            self._reached(write_points.ENTRY_GATHERED)
            self._books.write_marks(draft.marks, index, _mandate(draft.kind, body, nonce))
            self._reached(write_points.MARKS_GATHERED)
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise WriteFaultError from error
        self._leaf_hashes.append(merkle.leaf_hash(data))
        self.kinds.append(draft.kind)
        if draft.kind is EntryKind.ALARM_RAISED:
            self.alarms.append((index, str(draft.body.get("what")), str(draft.body.get("why"))))
        return Appended(index, body, nonce, existed=False)

    def take(self, intake: Intake) -> tuple[Appended, ...]:
        """Append what a poll of the bus says, and move its places on.

        Raises `WriteFaultError`: then the batch must be given up.
        """
        appended: list[Appended] = []
        try:
            for item in intake.items:
                appended += self._settled(self._taken(item))
                self._reached(write_points.MESSAGE_TAKEN)
            while (settled := intake.settling(self._books)) is not None:
                appended += self._settled(settled)
            self._reached(write_points.RECEIPTS_SETTLED)
            for place in intake.places:
                write_place(self._connection, place)
            self._reached(write_points.OFFSETS_WRITTEN)
        except (SQLAlchemyError, WriteFaultError):
            raise
        except Exception as error:
            raise WriteFaultError from error
        return tuple(appended)

    def _taken(self, item: Item) -> Draft | Existing | Aside:
        try:
            return item.taking(self._books)
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001 - one message must not stop those behind it
            _log.exception("a message of the bus could not be evaluated; an alarm is appended")
            return item.otherwise(self._books)

    def _settled(self, answer: Draft | Existing | Aside) -> tuple[Appended, ...]:
        """What an answer appends: one entry, or none where there is nothing new to say."""
        if isinstance(answer, Draft):
            return (self.gather(self._written(answer)),)
        if isinstance(answer, Aside):
            self._books.write_marks(answer.marks, -1, "")
        return ()

    def seal(self, stored: StoredHashes) -> tuple[Head, Hashes] | None:
        """Write everything that was gathered; the new head and hashes, None where there are none.

        Neither may be used before the transaction is committed.
        """
        if not self._leaf_hashes:
            return None
        # All that is read comes first: what is written goes to the database in one go.
        below = TransactionHashes(self._connection, stored)
        fresh = merkle.new_hashes(below, self._size, self._leaf_hashes)
        size = self._size + len(self._leaf_hashes)
        head = Head(size, merkle.root(_Overlay(fresh, below), size), self._books.epoch)
        with sent_together(self._connection):
            self._books.flush()
            self._reached(write_points.ROWS_WRITTEN)
            self._connection.execute(
                _HASHES,
                [{"level": level, "idx": index, "hash": value} for level, index, value in fresh],
            )
            self._reached(write_points.HASHES_WRITTEN)
            self._connection.execute(
                _MOVE_HEAD,
                {
                    "to_size": head.size,
                    "to_root": head.root,
                    "to_time": format_time(self._books.now),
                    "to_epoch": head.epoch,
                },
            )
        self._reached(write_points.BEFORE_COMMIT)
        return head, fresh


class ClockFaultError(Exception):
    """The clock was wrong when the last entry was written, or is wrong now: nobody can tell."""

    def __init__(self, clock: datetime, last: datetime) -> None:
        super().__init__(f"the last entry is of {format_time(last)}, the clock says otherwise")
        self.clock = clock
        self.last = last


class _Overlay:
    """Hashes just computed, then the ones that were there."""

    def __init__(self, fresh: Hashes, below: TransactionHashes) -> None:
        self._fresh = {(level, index): value for level, index, value in fresh}
        self._below = below

    def hash_at(self, level: int, index: int) -> bytes:
        return self._fresh.get((level, index)) or self._below.hash_at(level, index)


def read_entry(connection: Connection, index: int) -> Appended:
    """An entry that stands in the ledger. Raises NOT_FOUND."""
    row = connection.execute(questions.ENTRY, {"at": index}).first()
    if row is None:
        raise OnRecordError(ErrorCode.NOT_FOUND, f"the ledger has no entry {index}")
    return Appended(index, bytes(row.body), bytes(row.nonce), existed=True)


def _mandate(kind: EntryKind, body: bytes, nonce: bytes) -> str:
    if kind is not EntryKind.REQUEST_GRANTED:
        return ""
    return mandate_id(LoggedEntry(body, nonce, 0, (), ""))


def _entry_time(clock: datetime, last: str) -> datetime:
    """The later of the clock and the last entry, in hundredths of a second.

    Raises `ClockFaultError` where the last entry lies far ahead of the clock.
    """
    now = parse_time(format_time(clock))
    if not last:
        return now
    before = parse_time(last)
    if before - now > CLOCK_LIMIT:
        raise ClockFaultError(now, before)
    return max(now, before)
