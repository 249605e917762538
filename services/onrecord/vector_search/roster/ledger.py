"""The highest checkpoint this plane has ever seen of a ledger. It never goes down."""

from sqlalchemy import Connection, bindparam, insert, select, update

from onrecord.chassis.database import Direct
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint
from onrecord.vector_search.roster.schema import seen_checkpoints

_ONE = select(
    seen_checkpoints.c.origin,
    seen_checkpoints.c.size,
    seen_checkpoints.c.root,
    seen_checkpoints.c.note,
).where(seen_checkpoints.c.origin == bindparam("named"))
_HIGHEST = Direct(_ONE)
_HELD = Direct(_ONE.with_for_update())
_FIRST = Direct(insert(seen_checkpoints), columns=seen_checkpoints.c.keys())
_RAISE = Direct(
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
        _FIRST.run(tx, first)
    else:
        raised = {"named": at.origin, "to_size": at.size, "to_root": at.root, "to_note": seen.note}
        _RAISE.run(tx, raised)


def _read(tx: Connection, question: Direct, origin: str) -> SignedCheckpoint | None:
    rows = question.rows(tx, {"named": origin})
    if not rows:
        return None
    named, size, root, note = rows[0]
    return SignedCheckpoint(note, Checkpoint(named, size, bytes(root)))
