"""The highest checkpoint this plane has ever seen of a ledger. It never goes down."""

from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint
from onrecord.vector_search.roster.schema import seen_checkpoints

_HIGHEST = select(
    seen_checkpoints.c.origin, seen_checkpoints.c.size, seen_checkpoints.c.root
).where(seen_checkpoints.c.origin == bindparam("origin"))
_HELD = _HIGHEST.with_for_update()


def highest(tx: Connection, origin: str) -> Checkpoint | None:
    return _read(tx, _HIGHEST, origin)


def raise_to(tx: Connection, seen: SignedCheckpoint, above: Checkpoint | None) -> bool:
    """Store `seen` in place of `above`; False where another has been stored meanwhile."""
    at = seen.checkpoint
    held = _read(tx, _HELD, at.origin)
    if held != above:
        return False
    values = {"size": at.size, "root": at.root, "note": seen.note}
    if held is None:
        tx.execute(insert(seen_checkpoints).values(origin=at.origin, **values))
    else:
        tx.execute(
            update(seen_checkpoints).where(seen_checkpoints.c.origin == at.origin).values(**values)
        )
    return True


def _read(tx: Connection, question: Select[Any], origin: str) -> Checkpoint | None:
    row = tx.execute(question, {"origin": origin}).one_or_none()
    return None if row is None else Checkpoint(row.origin, row.size, bytes(row.root))
