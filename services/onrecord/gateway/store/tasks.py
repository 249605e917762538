"""Examination tasks and the pool they are drawn from."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select, update

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.gateway.core.draw import Examiner
from onrecord.gateway.store import rows, tables
from onrecord.gateway.store.rows import Task
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import SearchStatus, TaskStatus


class TaskStore:
    """Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def assign(self, search_id: str, tasks: Sequence[Task]) -> bool:
        """Give a sealed search its tasks, all at once. False where it has moved on before."""
        table = tables.searches
        with write_transaction(self._engine) as connection:
            moved = connection.execute(
                update(table)
                .where(table.c.search_id == search_id, table.c.status == SearchStatus.SEALED.value)
                .values(status=SearchStatus.EXAMINING.value)
            )
            if moved.rowcount != 1:
                return False
            for task in tasks:
                connection.execute(
                    insert(tables.tasks).values(
                        task_id=task.task_id,
                        search_id=task.search_id,
                        person=task.person,
                        status=task.status.value,
                        sealed_order=task.sealed_order,
                    )
                )
            return True

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


class ExaminerPool:
    """Who may be drawn, and who is known to a case."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def join(self, examiner: Examiner, now: datetime) -> None:
        """Enter the pool, or renew what it says of this person."""
        table = tables.examiners
        with write_transaction(self._engine) as connection:
            connection.execute(delete(table).where(table.c.person == examiner.person))
            connection.execute(
                insert(table).values(
                    person=examiner.person,
                    agency=examiner.agency,
                    training_completed=examiner.training_completed,
                    joined_at=format_time(now),
                )
            )

    def all(self) -> tuple[Examiner, ...]:
        with read_transaction(self._engine) as connection:
            found = connection.execute(select(tables.examiners)).mappings()
            return tuple(
                Examiner(one["person"], one["agency"], one["training_completed"]) for one in found
            )

    def case_team(self, agency: str, case_number: str) -> frozenset[str]:
        """The people who have searched in this case, as far as it is known here."""
        wanted = select(tables.searches.c.person).where(
            tables.searches.c.agency == agency, tables.searches.c.case_number == case_number
        )
        with read_transaction(self._engine) as connection:
            return frozenset(connection.execute(wanted).scalars())
