"""The highest checkpoint this plane has ever seen of a ledger. It never goes down."""

from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint
from onrecord.vector_search.roster.schema import seen_checkpoints

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_HIGHEST = select(
    seen_checkpoints.c.origin,
    seen_checkpoints.c.size,
    seen_checkpoints.c.root,
    seen_checkpoints.c.note,
).where(seen_checkpoints.c.origin == bindparam("named"))
_HELD = _HIGHEST.with_for_update()
_FIRST = insert(seen_checkpoints)
_RAISE = (
    update(seen_checkpoints)
    .where(seen_checkpoints.c.origin == bindparam("named"))
    .values(size=bindparam("to_size"), root=bindparam("to_root"), note=bindparam("to_note"))
)


def highest(tx: Connection, origin: str) -> SignedCheckpoint | None:
    return _read(tx, _HIGHEST, origin)


def held(tx: Connection, origin: str) -> SignedCheckpoint | None:
    """As `highest`, held against every other writer until the transaction ends."""
    return _read(tx, _HELD, origin)


def put(tx: Connection, seen: SignedCheckpoint, *, is_first: bool) -> None:
    """Store `seen`, which is higher than the one that is held, or the first."""
    at = seen.checkpoint
    if is_first:
        first = {"origin": at.origin, "size": at.size, "root": at.root, "note": seen.note}
        tx.execute(_FIRST, first)
    else:
        raised = {"named": at.origin, "to_size": at.size, "to_root": at.root, "to_note": seen.note}
        tx.execute(_RAISE, raised)


def _read(tx: Connection, question: Select[Any], origin: str) -> SignedCheckpoint | None:
    row = tx.execute(question, {"named": origin}).one_or_none()
    if row is None:
        return None
    named, size, root, note = row
    return SignedCheckpoint(note, Checkpoint(named, size, bytes(root)))
