"""Searches: opened once, moved along the state machine, and never back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import forget, read_transaction, write_transaction
from onrecord.contracts.images import QualityMeasure
from onrecord.gateway.core.states import KEEPS_PROBE, GalleryState, Reason, check_transition
from onrecord.gateway.store import events, rows, tables
from onrecord.gateway.store.events import EventStore, NewEvent
from onrecord.gateway.store.rows import SealedCasework, Search, Task
from onrecord.gateway.store.tasks import insert_tasks
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import SearchStatus


class SearchStore:
    """Each method is one transaction; the requester's event is part of it."""

    def __init__(self, engine: Engine, told: EventStore) -> None:
        self._engine = engine
        self._events = told

    def open(self, search: Search) -> Search:
        """Keep a new search, or give the one already kept under its id."""
        try:
            with write_transaction(self._engine) as connection:
                connection.execute(_OPEN, rows.search_columns(search))
                if search.status is not SearchStatus.PROCESSING:
                    self._events.add_all(connection, [_event(search)])
                return search
        except IntegrityError:
            return self.get(search.search_id)

    def get(self, search_id: str) -> Search:
        """Raises NOT_FOUND."""
        with read_transaction(self._engine) as connection:
            return _find(connection, search_id)

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

    def status_of_key(self, person: str, agency: str, key: str) -> SearchStatus | None:
        """Of the search that a person began under this key, where there is one."""
        given = {"by": person, "of": agency, "key": key}
        with read_transaction(self._engine) as connection:
            found = connection.execute(_STATUS_OF_KEY, given).scalar()
        return None if found is None else SearchStatus(found)

    def note_galleries(self, search: Search, galleries: Sequence[GalleryState]) -> Search:
        """Keep how far the galleries are while the search is processing; else change nothing."""
        return self._change(
            replace(search, galleries=tuple(galleries)),
            SearchStatus.PROCESSING,
            {"galleries": rows.write_galleries(galleries)},
        )

    def note_entries(self, search: Search, galleries: Sequence[GalleryState]) -> Search:
        """Keep where the ledger holds the receipts, which it says after the search."""
        noted = replace(search, galleries=tuple(galleries))
        given = {"wanted": search.search_id, "galleries": rows.write_galleries(galleries)}
        with write_transaction(self._engine) as connection:
            connection.execute(_NOTE_ENTRIES, given)
        return noted

    def end(
        self,
        search: Search,
        status: SearchStatus,
        *,
        galleries: Sequence[GalleryState],
        reasons: Sequence[Reason] = (),
        quality: Sequence[QualityMeasure] = (),
    ) -> Search:
        """A processing search ends without candidates. One that is past it stays as it is."""
        ended = replace(
            search,
            status=status,
            galleries=tuple(galleries),
            reasons=tuple(reasons),
            quality=tuple(quality),
        )
        return self._change(
            ended,
            SearchStatus.PROCESSING,
            {
                "galleries": rows.write_galleries(galleries),
                "reasons": rows.write_reasons(reasons),
                "quality": rows.write_quality(quality),
            },
        )

    def seal(
        self,
        search: Search,
        sealed: SealedCasework,
        *,
        galleries: Sequence[GalleryState],
        quality: Sequence[QualityMeasure],
        tasks: Sequence[Task] = (),
    ) -> Search:
        """Keep probe and candidates, sealed, in the step that says so.

        With `tasks`, the search is under examination in that very step.
        """
        check_transition(search.status, SearchStatus.SEALED)
        changed = replace(
            search,
            status=SearchStatus.EXAMINING if tasks else SearchStatus.SEALED,
            galleries=tuple(galleries),
            quality=tuple(quality),
            sealed=sealed,
        )
        values = {
            "galleries": rows.write_galleries(galleries),
            "quality": rows.write_quality(quality),
            "wrapped_key": sealed.wrapped_key,
            "sealed_probe": sealed.probe,
            "sealed_candidates": sealed.candidates,
        }
        return self._change(changed, SearchStatus.PROCESSING, values, tasks)

    def assign(self, search: Search, tasks: Sequence[Task]) -> Search:
        """Give a sealed search its tasks, all at once. One that has moved on stays as it is."""
        examining = replace(search, status=SearchStatus.EXAMINING)
        return self._change(examining, SearchStatus.SEALED, {}, tasks)

    def conclude(self, search: Search, status: SearchStatus, outcome_index: int) -> Search:
        """Both examinations are in. Without a lead, probe and candidates go in the same step."""
        return self._change(
            replace(search, status=status, outcome_index=outcome_index),
            SearchStatus.EXAMINING,
            {"outcome_index": outcome_index},
        )

    def _change(
        self,
        search: Search,
        before: SearchStatus,
        values: dict[str, Any],
        tasks: Sequence[Task] = (),
    ) -> Search:
        """Make it `search`, if it is still `before`; where another call was first, give what that
        left. `values` are the columns in which `search` differs, but for its status.
        """
        after = search.status
        if after is not before:
            check_transition(_step_before(before, after), after)
        if after not in KEEPS_PROBE:
            values = {**values, **_DESTROYED}
            search = replace(search, sealed=None)
        with write_transaction(self._engine) as connection:
            moved = connection.execute(
                _MOVE,
                {
                    **values,
                    "wanted": search.search_id,
                    "before": before.value,
                    "status": after.value,
                },
            )
            if moved.rowcount != 1:
                return _find(connection, search.search_id)
            news = insert_tasks(connection, tasks) if tasks else []
            if before in KEEPS_PROBE and after not in KEEPS_PROBE:
                connection.execute(_FORGET_ORDERS, {"wanted": search.search_id})
            if after is not before:
                self._events.add_all(connection, [*news, _event(search)])
        if before in KEEPS_PROBE and after not in KEEPS_PROBE:
            forget(self._engine)
        return search


def _event(search: Search) -> NewEvent:
    audience = events.requester(search.person, search.agency)
    return audience, events.SEARCH_CHANGED, search.search_id, {"status": search.status.value}


def _step_before(before: SearchStatus, after: SearchStatus) -> SearchStatus:
    """Sealing and drawing may be one step, and are two in the machine."""
    if (before, after) == (SearchStatus.PROCESSING, SearchStatus.EXAMINING):
        return SearchStatus.SEALED
    return before


def _find(connection: Connection, search_id: str) -> Search:
    row = connection.execute(_FIND, {"wanted": search_id}).first()
    if row is None:
        raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such search")
    return rows.read_search(row)


# Statements are built once: building one costs as much as running it.
_DESTROYED: dict[str, Any] = {
    "wrapped_key": None,
    "sealed_probe": None,
    "sealed_candidates": None,
}
_WANTED = tables.searches.c.search_id == bindparam("wanted")
_OPEN = insert(tables.searches)
_FIND = select(tables.searches).where(_WANTED)
_MOVE = update(tables.searches).where(_WANTED, tables.searches.c.status == bindparam("before"))
_NOTE_ENTRIES = (
    update(tables.searches)
    .where(_WANTED, tables.searches.c.status != SearchStatus.PROCESSING.value)
    .values(galleries=bindparam("galleries"))
)
_STATUS_OF_KEY = select(tables.searches.c.status).where(
    tables.searches.c.person == bindparam("by"),
    tables.searches.c.agency == bindparam("of"),
    tables.searches.c.idempotency_key == bindparam("key"),
)
_FORGET_ORDERS = (
    update(tables.tasks)
    .where(tables.tasks.c.search_id == bindparam("wanted"))
    .values(sealed_order=None)
)
