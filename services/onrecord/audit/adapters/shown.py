"""What the world has been shown: checkpoints published, and those a quorum has cosigned."""

from sqlalchemy import Engine, Table, func, insert, select

from onrecord.audit.adapters import schema
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.times import Clock, format_time
from onrecord.proof.checkpoint import SignedCheckpoint


class Shown:
    """Kept in the database, so that every replica and every restart knows of it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def keep_published(self, signed: SignedCheckpoint) -> None:
        """Once for each size."""
        self._keep(schema.published, signed)

    def keep_witnessed(self, signed: SignedCheckpoint | None) -> None:
        """With its cosignatures, once for each size."""
        if signed is not None:
            self._keep(schema.witnessed, signed)

    def published_size(self) -> int:
        """The largest size that was ever published; 0 before the first."""
        with read_transaction(self._engine) as connection:
            return int(connection.execute(select(func.max(schema.published.c.size))).scalar() or 0)

    def witnessed(self) -> str | None:
        """The note of the largest checkpoint that a quorum has cosigned; None before the first."""
        table = schema.witnessed
        with read_transaction(self._engine) as connection:
            found = connection.execute(
                select(table.c.note).order_by(table.c.size.desc()).limit(1)
            ).scalar()
        return None if found is None else str(found)

    def _keep(self, table: Table, signed: SignedCheckpoint) -> None:
        checkpoint = signed.checkpoint
        is_kept = select(table.c.size).where(table.c.size == checkpoint.size)
        with read_transaction(self._engine) as connection:
            if connection.execute(is_kept).first():
                return
        with write_transaction(self._engine) as connection:
            if connection.execute(is_kept).first():
                return
            connection.execute(
                insert(table).values(
                    size=checkpoint.size,
                    root=checkpoint.root,
                    time=format_time(self._clock.now()),
                    note=signed.note,
                )
            )
