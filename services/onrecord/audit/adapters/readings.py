"""The gauges of the ledger, read from its database when metrics are asked for."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Table, func, select

from onrecord.audit import measured
from onrecord.audit.adapters import schema
from onrecord.audit.adapters.recent import RecentEntries
from onrecord.audit.adapters.room import room
from onrecord.audit.core.evaluation import PolicyShelf
from onrecord.chassis.database import read_transaction
from onrecord.chassis.telemetry import Reading, Value
from onrecord.kernel.times import Clock, parse_time

_NEARLY: Final = 0.8
_QUOTAS_EVERY: Final = timedelta(seconds=60)


class LedgerReadings:
    """The gauges of the ledger, read from its database; `readings` is for the process."""

    def __init__(
        self,
        engine: Engine,
        shelf: Callable[[], PolicyShelf],
        clock: Clock,
        witnessed: bool,
        stopped: Callable[[], bool],
    ) -> None:
        """`witnessed`: whether witnesses are asked at all. `stopped`: whether nothing may be
        appended.
        """
        self._stopped = stopped
        self._recent = RecentEntries(engine, clock)
        self._engine = engine
        self._shelf = shelf
        self._clock = clock
        self._witnessed = witnessed
        self._quotas: tuple[Value, ...] = ()
        self._quotas_at: datetime | None = None

    @property
    def readings(self) -> tuple[Reading, ...]:
        return (
            Reading("ledger", self._ledger),
            Reading("ends", self._ends),
            Reading("policies", self._policies),
            Reading("quotas", self._quota_counts),
            Reading("recent entries", self._recent.read),
            Reading("the gate", self._gate),
            Reading("the disk", lambda: room(self._engine)),
        )

    def _ledger(self) -> Iterable[Value]:
        now = self._clock.now()
        with read_transaction(self._engine) as connection:
            size = connection.execute(select(schema.head.c.size)).scalar_one()
            shown = _newest(connection, schema.published)
            seen = _newest(connection, schema.witnessed) if self._witnessed else None
        yield Value(measured.ENTRIES_IN_ALL, size)
        yield Value(measured.UNPUBLISHED, size - (shown[0] if shown else 0))
        if shown:
            yield Value(measured.CHECKPOINT_AGE, _seconds(now - parse_time(shown[1])))
        if self._witnessed:
            yield Value(measured.UNWITNESSED, size - (seen[0] if seen else 0))
        if seen:
            yield Value(measured.WITNESS_AGE, _seconds(now - parse_time(seen[1])))

    def _gate(self) -> Iterable[Value]:
        """Apart from all that needs the database: it may be the reason."""
        yield Value(measured.STOPPED, int(self._stopped()))

    def _ends(self) -> Iterable[Value]:
        now = self._clock.now()
        grants, held, urgent = schema.open_grants, schema.held_receipts, schema.emergencies
        with read_transaction(self._engine) as connection:
            dues = connection.execute(select(grants.c.due)).scalars().all()
            waiting = connection.execute(
                select(held.c.gallery, func.count()).group_by(held.c.gallery)
            ).all()
            late = connection.execute(
                select(urgent.c.due).where(urgent.c.followed.is_(None), urgent.c.lifted.is_(None))
            ).scalars()
            overdue = sum(parse_time(due) <= now for due in late)
        yield Value(measured.GRANTS_OPEN, len(dues))
        yield Value(measured.GRANTS_OVERDUE, sum(parse_time(due) <= now for due in dues))
        for gallery, count in waiting:
            yield Value(measured.RECEIPTS_HELD, count, {"gallery": gallery})
        yield Value(measured.EMERGENCIES_OVERDUE, overdue)

    def _policies(self) -> Iterable[Value]:
        now = self._clock.now()
        policies = self._shelf().policies
        for gallery, policy in policies.items():
            if policy.state is not None:
                left = _seconds(policy.state.authority.expires - now)
                yield Value(measured.POLICY_EXPIRY, left, {"gallery": gallery})
        yield Value(measured.POLICIES_UNUSABLE, sum(one.state is None for one in policies.values()))

    def _quota_counts(self) -> Iterable[Value]:
        """Every count of today is looked at, so not at every scrape."""
        now = self._clock.now()
        if self._quotas_at is None or now - self._quotas_at >= _QUOTAS_EVERY:
            self._quotas = tuple(self._nearly_used(now))
            self._quotas_at = now
        return self._quotas

    def _nearly_used(self, now: datetime) -> Iterable[Value]:
        table = schema.counters
        with read_transaction(self._engine) as connection:
            for gallery, policy in self._shelf().policies.items():
                if policy.state is None:
                    continue
                for scope in measured.SCOPES:
                    quota = int(getattr(policy.state.authority.quotas, scope))
                    near = select(func.count()).where(
                        table.c.gallery == gallery,
                        table.c.scope == scope,
                        table.c.time_window == now.date().isoformat(),
                        table.c.used >= quota * _NEARLY,
                    )
                    count = connection.execute(near).scalar_one() if quota else 0
                    yield Value(
                        measured.QUOTAS_NEARLY_USED, count, {"gallery": gallery, "scope": scope}
                    )


def _newest(connection: Connection, table: Table) -> tuple[int, str] | None:
    row = connection.execute(
        select(table.c.size, table.c.time).order_by(table.c.size.desc()).limit(1)
    ).first()
    return None if row is None else (int(row.size), str(row.time))


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
