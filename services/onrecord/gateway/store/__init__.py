"""The casework database: SQLAlchemy Core, one path for SQLite and PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import Engine

from onrecord.chassis.database import forget
from onrecord.gateway.store.rows import SealedCasework, Search, Task
from onrecord.gateway.store.searches import SearchStore
from onrecord.gateway.store.tables import metadata
from onrecord.gateway.store.tasks import ExaminerPool, TaskStore

__all__ = [
    "CaseworkStore",
    "ExaminerPool",
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


def open_casework(engine: Engine) -> CaseworkStore:
    """The store on `engine`; makes the tables where there are none."""
    metadata.create_all(engine)
    forget(engine)  # a crash may have come between destroying a key and this
    return CaseworkStore(SearchStore(engine), TaskStore(engine), ExaminerPool(engine))
