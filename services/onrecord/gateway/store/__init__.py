"""The casework database: SQLAlchemy Core, one path for SQLite and PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import Engine

from onrecord.chassis.database import forget
from onrecord.chassis.database.history import prepare
from onrecord.gateway.store.events import EventStore
from onrecord.gateway.store.history import CASEWORK
from onrecord.gateway.store.rows import SealedCasework, Search, Task
from onrecord.gateway.store.searches import SearchStore
from onrecord.gateway.store.tasks import ExaminerPool, Pool, TaskStore
from onrecord.kernel.times import Clock

__all__ = [
    "CaseworkStore",
    "EventStore",
    "ExaminerPool",
    "Pool",
    "SealedCasework",
    "Search",
    "SearchStore",
    "Task",
    "TaskStore",
    "open_casework",
]


@dataclass(frozen=True, slots=True)
class CaseworkStore:
    """The subjects of one database."""

    searches: SearchStore
    tasks: TaskStore
    examiners: ExaminerPool
    events: EventStore


def open_casework(engine: Engine, clock: Clock) -> CaseworkStore:
    """The store on `engine`. Raises SCHEMA_MISMATCH."""
    prepare(engine, CASEWORK)
    forget(engine)  # a crash may have come between destroying a key and this
    events = EventStore(engine, clock)
    return CaseworkStore(
        SearchStore(engine, events), TaskStore(engine), ExaminerPool(engine), events
    )
