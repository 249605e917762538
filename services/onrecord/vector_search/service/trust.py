"""What the plane believes of the ledger, and why (law 2)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import SignedCheckpoint, open_checkpoint
from onrecord.proof.merkle import verify_consistency
from onrecord.proof.verified import Verified, digest_of
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster import ledger
from onrecord.vector_search.service.at_hand import AtHand
from onrecord.vector_search.service.parts import PlaneParts

_CHECKPOINTS_KEPT = 1024
_PROOFS_FORESEEN = 64
_V = TypeVar("_V")


class LedgerTrust:
    """One history and no other: every checkpoint must be consistent with the highest ever seen.

    The highest is kept in this process at once, and in the roster before anything is told that
    rests on it: with the answers of a search, or by itself (ADR 50).
    """

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._turn = threading.Lock()
        # What was consistent with the highest once is so with every later one, which begin with it.
        self._accepted = Verified(_CHECKPOINTS_KEPT)
        self._head: SignedCheckpoint | None = None
        self._kept: SignedCheckpoint | None = None  # that the roster has, or had
        self._proofs: AtHand[tuple[int, int], tuple[bytes, ...]] = AtHand(_PROOFS_FORESEEN)

    def accept(self, note: str, deadline: Deadline) -> None:
        """Check a signed checkpoint against the highest one, and keep it if it is higher.

        What is higher is durable before this returns. Raises GRANT_CHECKPOINT_INVALID,
        LEDGER_INCONSISTENT, and LEDGER_UNAVAILABLE where the ledger gives no proof.
        """
        try:
            opened = open_checkpoint(note, self._parts.ledger_key)
        except OnRecordError as error:
            raise OnRecordError(ErrorCode.GRANT_CHECKPOINT_INVALID, error.message) from error
        seen = SignedCheckpoint(note, opened.checkpoint)
        with read_transaction(self._parts.roster) as tx:
            kept = ledger.highest(tx, seen.checkpoint.origin)
        self.follow(seen, kept, deadline)
        self.keep_now(deadline)

    def follow(
        self, seen: SignedCheckpoint, kept: SignedCheckpoint | None, deadline: Deadline
    ) -> None:
        """As `accept`, of a checkpoint whose signature by the pinned key has been verified, but
        what is higher is kept only by `keep`. `kept` is what the roster has as the highest.
        """
        content = _content(seen)
        if self._accepted.knows(content):
            return
        # Calls that come with one checkpoint: the first of them asks for a proof.
        while not self._turn.acquire(timeout=deadline.remaining()):
            deadline.check()
        try:
            # Another process may have raised it, or a plane before this one.
            for one in (kept, seen):
                if one is not None and not self._accepted.knows(_content(one)):
                    self._check(one, deadline, is_kept=one is kept)
        finally:
            self._turn.release()

    def foresee(
        self, seen: SignedCheckpoint, kept: SignedCheckpoint | None, deadline: Deadline
    ) -> None:
        """Ask for the proof that `follow` is going to need. Nothing is believed for it, or kept.

        Raises LEDGER_UNAVAILABLE.
        """
        head = self._head or kept
        if head is None or self._accepted.knows(_content(seen)):
            return
        old, new = sorted((head.checkpoint.size, seen.checkpoint.size))
        if old < new:
            self._proofs.put((old, new), self._asked_proof(old, new, deadline))

    def to_keep(self, tx: Connection) -> "Keeping":
        """What is to be kept with `tx`, by `keep`: the highest that was followed. To be asked for
        last of all that is read: it holds a row of which there is one.

        Raises LedgerMovedError where the roster has another that was not compared with it yet.
        """
        head = self._head
        if head is None:
            return Keeping(None, is_first=False, is_higher=False)
        held = ledger.held(tx, head.checkpoint.origin)
        if held is None:
            return Keeping(head, is_first=True, is_higher=True)
        if not self._accepted.knows(_content(held)):
            raise LedgerMovedError(held)
        is_higher = held.checkpoint.size < head.checkpoint.size
        return Keeping(head, is_first=False, is_higher=is_higher)

    def keep(self, tx: Connection, keeping: "Keeping") -> None:
        """Written; when `tx` has committed, `was_kept` is to be called."""
        if keeping.head is not None and keeping.is_higher:
            ledger.put(tx, keeping.head, is_first=keeping.is_first)
            self._parts.reached(write_points.CHECKPOINT_STORED)

    def was_kept(self, keeping: "Keeping") -> None:
        """The transaction in which it was kept has committed."""
        self._kept = keeping.head

    def keep_now(self, deadline: Deadline) -> None:
        """The highest that was followed is durable when this returns."""
        self.compared(self._kept_alone, deadline)

    def compared(self, act: Callable[[], _V], deadline: Deadline) -> _V:
        """What `act`, which keeps the highest, gives: again where another process had raised it
        meanwhile, after comparing with that one.
        """
        while True:
            try:
                return act()
            except LedgerMovedError as moved:
                self.follow(moved.held, None, deadline)
            deadline.check()

    def _kept_alone(self) -> None:
        head = self._head
        if head is None or head is self._kept:
            return
        try:
            with write_transaction(self._parts.roster) as tx:
                keeping = self.to_keep(tx)
                self.keep(tx, keeping)
        except IntegrityError as error:  # two first ones, where writers do not wait in line
            raise OnRecordError(
                ErrorCode.DATABASE_UNAVAILABLE, "the first checkpoint was kept twice at once"
            ) from error
        self.was_kept(keeping)

    def _check(self, seen: SignedCheckpoint, deadline: Deadline, *, is_kept: bool) -> None:
        """Compare with the highest, and put it in its place where it is higher. In turn.

        What stands in the roster in place of the highest that was kept there has been compared
        with it by the process that put it there.
        """
        at, head = seen.checkpoint, self._head
        is_higher = head is None or head.checkpoint.size < at.size
        was_compared = is_kept and is_higher and head is self._kept
        if head is not None and head.checkpoint != at and not was_compared:
            old, new = sorted((head.checkpoint, at), key=lambda checkpoint: checkpoint.size)
            # Two trees of one size need no proof to be told apart: verifying refuses other roots.
            proof = self._proof(old.size, new.size, deadline) if old.size < new.size else ()
            verify_consistency(old.size, old.root, new.size, new.root, proof)
        if is_higher:
            self._head = seen
            self._kept = seen if is_kept else self._kept
        self._accepted.add(_content(seen))

    def _proof(self, old: int, new: int, deadline: Deadline) -> tuple[bytes, ...]:
        """Not believed before it is verified, whenever it was asked for."""
        foreseen = self._proofs.take((old, new))
        return self._asked_proof(old, new, deadline) if foreseen is None else foreseen

    def _asked_proof(self, old: int, new: int, deadline: Deadline) -> tuple[bytes, ...]:
        try:
            return self._parts.ledger.consistency_proof(old, new, deadline)
        except OnRecordError as error:
            raise OnRecordError(
                ErrorCode.LEDGER_UNAVAILABLE,
                f"the ledger gave no proof that its {new} entries begin with its {old}",
            ) from error


@dataclass(frozen=True, slots=True)
class Keeping:
    """The highest checkpoint, and how it stands to what the roster has."""

    head: SignedCheckpoint | None
    is_first: bool
    is_higher: bool


class LedgerMovedError(Exception):
    """Another process keeps a higher checkpoint, which is to be compared with ours."""

    def __init__(self, held: SignedCheckpoint) -> None:
        super().__init__("the highest checkpoint was raised elsewhere")
        self.held = held


def _content(seen: SignedCheckpoint) -> bytes:
    return digest_of(seen.checkpoint.text().encode())
