"""Searches: opened once, moved along the state machine, and never back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import forget, read_transaction, write_transaction
from onrecord.contracts.images import QualityMeasure
from onrecord.gateway.core.states import KEEPS_PROBE, GalleryState, Reason, check_transition
from onrecord.gateway.store import rows, tables
from onrecord.gateway.store.rows import SealedCasework, Search
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import SearchStatus


class SearchStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, search: Search) -> Search:
        """Keep a new search, or give the one already kept under its id."""
        try:
            with write_transaction(self._engine) as connection:
                held = _find(connection, search.search_id)
                if held is not None:
                    return held
                connection.execute(insert(tables.searches).values(rows.search_columns(search)))
                return search
        except IntegrityError:
            # On PostgreSQL another call with the same key may insert between the two statements.
            return self.get(search.search_id)

    def get(self, search_id: str) -> Search:
        """Raises NOT_FOUND."""
        with read_transaction(self._engine) as connection:
            return _existing(_find(connection, search_id))

    def under_key(self, person: str, agency: str, idempotency_key: str) -> Search | None:
        """The search this person has begun for this agency under this key."""
        wanted = select(tables.searches).where(
            tables.searches.c.person == person,
            tables.searches.c.agency == agency,
            tables.searches.c.idempotency_key == idempotency_key,
        )
        with read_transaction(self._engine) as connection:
            row = connection.execute(wanted).first()
            return None if row is None else rows.read_search(row)

    def in_state(self, status: SearchStatus) -> tuple[str, ...]:
        """The ids of all searches in a state, oldest first."""
        wanted = (
            select(tables.searches.c.search_id)
            .where(tables.searches.c.status == status.value)
            .order_by(tables.searches.c.created_at, tables.searches.c.search_id)
        )
        with read_transaction(self._engine) as connection:
            return tuple(connection.execute(wanted).scalars())

    def of_person(self, person: str, agency: str, after: str, limit: int) -> tuple[Search, ...]:
        """A person's own searches for an agency by rising id, beginning above `after`."""
        wanted = (
            select(tables.searches)
            .where(
                tables.searches.c.person == person,
                tables.searches.c.agency == agency,
                tables.searches.c.search_id > after,
            )
            .order_by(tables.searches.c.search_id)
            .limit(limit)
        )
        with read_transaction(self._engine) as connection:
            return tuple(rows.read_search(row) for row in connection.execute(wanted))

    def note_galleries(self, search_id: str, galleries: Sequence[GalleryState]) -> Search:
        """Keep how far the galleries are while the search is processing; else change nothing."""
        return self._change(
            search_id,
            SearchStatus.PROCESSING,
            SearchStatus.PROCESSING,
            {"galleries": rows.write_galleries(galleries)},
        )

    def end(
        self,
        search_id: str,
        status: SearchStatus,
        *,
        galleries: Sequence[GalleryState],
        reasons: Sequence[Reason] = (),
        quality: Sequence[QualityMeasure] = (),
    ) -> Search:
        """A processing search ends without candidates. One that is past it stays as it is."""
        return self._change(
            search_id,
            SearchStatus.PROCESSING,
            status,
            {
                "galleries": rows.write_galleries(galleries),
                "reasons": rows.write_reasons(reasons),
                "quality": rows.write_quality(quality),
            },
        )

    def seal(
        self,
        search_id: str,
        sealed: SealedCasework,
        *,
        galleries: Sequence[GalleryState],
        quality: Sequence[QualityMeasure],
    ) -> Search:
        """Keep probe and candidates, sealed, in the step that says so."""
        return self._change(
            search_id,
            SearchStatus.PROCESSING,
            SearchStatus.SEALED,
            {
                "galleries": rows.write_galleries(galleries),
                "quality": rows.write_quality(quality),
                "wrapped_key": sealed.wrapped_key,
                "sealed_probe": sealed.probe,
                "sealed_candidates": sealed.candidates,
            },
        )

    def conclude(self, search_id: str, status: SearchStatus, outcome_index: int) -> Search:
        """Both examinations are in. Without a lead, probe and candidates go in the same step."""
        return self._change(
            search_id, SearchStatus.EXAMINING, status, {"outcome_index": outcome_index}
        )

    def _change(
        self, search_id: str, before: SearchStatus, after: SearchStatus, values: dict[str, Any]
    ) -> Search:
        """Move from `before` to `after`; where another call was first, give what it left."""
        if after is not before:
            check_transition(before, after)
        if after not in KEEPS_PROBE:
            values = {**values, **_DESTROYED}
        table = tables.searches
        with write_transaction(self._engine) as connection:
            moved = connection.execute(
                update(table)
                .where(table.c.search_id == search_id, table.c.status == before.value)
                .values(status=after.value, **values)
            )
            if moved.rowcount == 1 and after not in KEEPS_PROBE:
                connection.execute(
                    update(tables.tasks)
                    .where(tables.tasks.c.search_id == search_id)
                    .values(sealed_order=None)
                )
            search = _existing(_find(connection, search_id))
        if moved.rowcount == 1 and before in KEEPS_PROBE and after not in KEEPS_PROBE:
            forget(self._engine)
        return search


_DESTROYED: dict[str, Any] = {
    "wrapped_key": None,
    "sealed_probe": None,
    "sealed_candidates": None,
}


def _find(connection: Connection, search_id: str) -> Search | None:
    wanted = select(tables.searches).where(tables.searches.c.search_id == search_id)
    row = connection.execute(wanted).first()
    return None if row is None else rows.read_search(row)


def _existing(search: Search | None) -> Search:
    if search is None:
        raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such search")
    return search
