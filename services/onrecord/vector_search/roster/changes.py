"""The end of a gallery's chain of changes, which are numbered as its receipts are (ADR 37)."""

from sqlalchemy import Connection, insert, select, update

from onrecord.vector_search.core.values import NO_RECEIPT
from onrecord.vector_search.roster.schema import change_chains


def last(tx: Connection, gallery: str) -> tuple[int, str]:
    """Number and digest of the latest change; 0 and zeros before the first. Locks the gallery's."""
    row = tx.execute(
        select(change_chains.c.sequence, change_chains.c.digest)
        .where(change_chains.c.gallery == gallery)
        .with_for_update()
    ).one_or_none()
    return (0, NO_RECEIPT) if row is None else (row.sequence, row.digest)


def advance(tx: Connection, gallery: str, sequence: int, digest: str) -> None:
    """The latest change; the caller holds the gallery's lock."""
    now = {"sequence": sequence, "digest": digest}
    known = update(change_chains).where(change_chains.c.gallery == gallery).values(**now)
    if tx.execute(known).rowcount == 0:
        tx.execute(insert(change_chains).values(gallery=gallery, **now))
