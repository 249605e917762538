"""The casework database: SQLAlchemy Core, one path for SQLite and PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import Engine

from onrecord.chassis.database import forget
from onrecord.gateway.store.deliveries import DeliveryStore
from onrecord.gateway.store.rows import SealedCasework, Search, Task
from onrecord.gateway.store.searches import SearchStore
from onrecord.gateway.store.tables import metadata
from onrecord.gateway.store.tasks import ExaminerPool, TaskStore

__all__ = [
    "CaseworkStore",
    "DeliveryStore",
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
    """The four subjects of one database."""

    searches: SearchStore
    tasks: TaskStore
    examiners: ExaminerPool
    deliveries: DeliveryStore


def open_casework(engine: Engine) -> CaseworkStore:
    """The store on `engine`; makes the tables where there are none."""
    metadata.create_all(engine)
    forget(engine)  # a crash may have come between destroying a key and this
    return CaseworkStore(
        SearchStore(engine), TaskStore(engine), ExaminerPool(engine), DeliveryStore(engine)
    )
