"""The roster in pages, to be held against the index and the vault (R-48)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from onrecord.chassis.database import read_transaction
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster.schema import records

_PAGE = 2000
_IN_ONE_QUERY = 500


@dataclass(frozen=True, slots=True)
class LivePortrait:
    """A live record, and what its sealed portrait must be."""

    enrolment_id: str
    vault_key: str
    ciphertext_sha256: str | None


def live_index_keys(roster: Engine, gallery: str) -> Iterator[str]:
    """The keys of live records, in order; a short transaction a page."""
    after = ""
    while True:
        found = (
            select(records.c.index_key)
            .where(
                records.c.gallery == gallery,
                records.c.state == RecordState.LIVE.value,
                records.c.index_key > after,
            )
            .order_by(records.c.index_key)
            .limit(_PAGE)
        )
        with read_transaction(roster) as tx:
            page = [str(key) for key in tx.execute(found).scalars()]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]


def live_portraits(roster: Engine, gallery: str) -> Iterator[LivePortrait]:
    """Live records in the order of their enrolments; a short transaction a page."""
    after = ""
    while True:
        found = (
            select(records.c.enrolment_id, records.c.vault_key, records.c.ciphertext_sha256)
            .where(
                records.c.gallery == gallery,
                records.c.state == RecordState.LIVE.value,
                records.c.enrolment_id > after,
            )
            .order_by(records.c.enrolment_id)
            .limit(_PAGE)
        )
        with read_transaction(roster) as tx:
            page = [LivePortrait(*row) for row in tx.execute(found)]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].enrolment_id


def by_key(tx: Connection, gallery: str, keys: Sequence[str]) -> dict[str, tuple[str, RecordState]]:
    """Enrolment and state of those of these index keys that the roster knows."""
    return {
        row.index_key: (row.enrolment_id, RecordState(row.state))
        for start in range(0, len(keys), _IN_ONE_QUERY)
        for row in tx.execute(
            select(records.c.index_key, records.c.enrolment_id, records.c.state).where(
                records.c.index_key.in_(keys[start : start + _IN_ONE_QUERY]),
                records.c.gallery == gallery,
            )
        )
    }


def known(tx: Connection, enrolment_ids: Sequence[str]) -> set[str]:
    """Those of these enrolments that the roster has a row of, whatever became of it."""
    return {
        str(found)
        for start in range(0, len(enrolment_ids), _IN_ONE_QUERY)
        for found in tx.execute(
            select(records.c.enrolment_id).where(
                records.c.enrolment_id.in_(enrolment_ids[start : start + _IN_ONE_QUERY])
            )
        ).scalars()
    }


def gone(tx: Connection, enrolment_ids: Sequence[str]) -> set[str]:
    """Those of these enrolments that the roster knows to be gone."""
    return {
        str(found)
        for start in range(0, len(enrolment_ids), _IN_ONE_QUERY)
        for found in tx.execute(
            select(records.c.enrolment_id).where(
                records.c.enrolment_id.in_(enrolment_ids[start : start + _IN_ONE_QUERY]),
                records.c.state == RecordState.GONE.value,
            )
        ).scalars()
    }
