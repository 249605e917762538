"""Examination tasks and the pool they are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from onrecord.chassis.database import read_transaction, take_turn, write_transaction
from onrecord.gateway.core.draw import Examiner
from onrecord.gateway.store import events, rows, tables
from onrecord.gateway.store.events import NewEvent
from onrecord.gateway.store.rows import Task
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import TaskStatus

_TURN = "examiners"


class TaskStore:
    """Each method is one transaction. Tasks begin where a search is given its examiners."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, task_id: str) -> Task:
        """Raises NOT_FOUND."""
        wanted = select(tables.tasks).where(tables.tasks.c.task_id == task_id)
        with read_transaction(self._engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such task")
        return rows.read_task(row)

    def of_person(self, person: str, after: str, limit: int) -> tuple[Task, ...]:
        """A person's tasks by rising id, beginning above `after`."""
        wanted = (
            select(tables.tasks)
            .where(tables.tasks.c.person == person, tables.tasks.c.task_id > after)
            .order_by(tables.tasks.c.task_id)
            .limit(limit)
        )
        with read_transaction(self._engine) as connection:
            return tuple(rows.read_task(row) for row in connection.execute(wanted))

    def of_search(self, search_id: str) -> tuple[Task, ...]:
        wanted = select(tables.tasks).where(tables.tasks.c.search_id == search_id)
        with read_transaction(self._engine) as connection:
            return tuple(rows.read_task(row) for row in connection.execute(wanted))

    def intend(self, task_id: str, digest: str) -> str:
        """Note which decision is about to be logged; the digest that was noted first."""
        table = tables.tasks
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.task_id == task_id, table.c.decision_digest.is_(None))
                .values(decision_digest=digest)
            )
            noted = connection.execute(
                select(table.c.decision_digest).where(table.c.task_id == task_id)
            ).scalar_one()
            return str(noted)

    def decided(self, task_id: str, digest: str, decision_index: int | None) -> None:
        """The decision stands in the ledger. The index is None where its answer was lost."""
        table = tables.tasks
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.task_id == task_id, table.c.status == TaskStatus.OPEN.value)
                .values(
                    status=TaskStatus.DECIDED.value,
                    decision_digest=digest,
                    decision_index=decision_index,
                )
            )


def insert_tasks(connection: Connection, tasks: Sequence[Task]) -> list[NewEvent]:
    """The tasks of one search, as part of the transaction that puts it under examination, and
    what is to be told of them in it.
    """
    connection.execute(
        _INSERT,
        [
            {
                "task_id": task.task_id,
                "search_id": task.search_id,
                "person": task.person,
                "status": task.status.value,
                "sealed_order": task.sealed_order,
            }
            for task in tasks
        ],
    )
    return [
        (events.examiner(task.person), events.TASK_ASSIGNED, task.task_id, {}) for task in tasks
    ]


@dataclass(frozen=True, slots=True)
class Pool:
    """Everyone in the pool, and the people who are known to a case."""

    examiners: tuple[Examiner, ...]
    case_team: frozenset[str]


class ExaminerPool:
    """Who may be drawn, and who is known to a case."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def join(self, examiner: Examiner, now: datetime) -> None:
        """Enter the pool, or renew what it says of this person."""
        table = tables.examiners
        with write_transaction(self._engine) as connection:
            take_turn(connection, _TURN)
            connection.execute(delete(table).where(table.c.person == examiner.person))
            connection.execute(
                insert(table).values(
                    person=examiner.person,
                    agency=examiner.agency,
                    training_completed=examiner.training_completed,
                    joined_at=format_time(now),
                )
            )

    def for_case(self, agency: str, case_number: str) -> Pool:
        """The pool, and who has searched in this case, as far as it is known here."""
        given = {"agency": agency, "case_number": case_number}
        with read_transaction(self._engine) as connection:
            examiners = tuple(Examiner(*row) for row in connection.execute(_POOL))
            team = frozenset(connection.execute(_TEAM, given).scalars())
            return Pool(examiners, team)


# Statements are built once: building one costs as much as running it.
_INSERT = insert(tables.tasks)
_POOL = select(
    tables.examiners.c.person, tables.examiners.c.agency, tables.examiners.c.training_completed
)
_TEAM = select(tables.searches.c.person).where(
    tables.searches.c.agency == bindparam("agency"),
    tables.searches.c.case_number == bindparam("case_number"),
)
