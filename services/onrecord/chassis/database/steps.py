"""What the steps of a history are made of, beside alembic's own operations."""

from typing import Any

from alembic import op
from sqlalchemy import text


def add_index(name: str, table: str, columns: list[str], *, where: str | None = None) -> None:
    """An index, made on PostgreSQL while others go on writing to the table. Repeatable."""
    context = op.get_context()
    partial: dict[str, Any] = {}
    if where is not None:
        partial = {"postgresql_where": text(where), "sqlite_where": text(where)}
    if context.dialect.name != "postgresql":
        op.create_index(name, table, columns, if_not_exists=True, **partial)
        return
    with context.autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for transactions, and nobody for it
        # One that was not finished stands there, is kept up to date, and is never used.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **partial)
        op.execute("RESET lock_timeout")


def raise_floor(oldest: int) -> None:
    """After this step, programs that carry no step as late as `oldest` work on it no more."""
    op.execute(text("UPDATE schema_floor SET oldest = :oldest").bindparams(oldest=oldest))
