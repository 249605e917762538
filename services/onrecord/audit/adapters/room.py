"""How large the ledger's database is, and how much room its disk has left."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from onrecord.audit import measured
from onrecord.chassis.database import read_transaction
from onrecord.chassis.telemetry import Value

_SERVER: Final = text("SELECT pg_database_size(current_database())")


def room(engine: Engine) -> Iterable[Value]:
    """A server's own disk is nothing that a client can see: of it there is the size alone."""
    if engine.dialect.name == "postgresql":
        with read_transaction(engine) as connection:
            yield Value(measured.DATABASE_BYTES, int(connection.execute(_SERVER).scalar_one()))
        return
    file = Path(str(engine.url.database))
    # What was written ahead stands beside it until it is taken in.
    parts = [file, file.with_name(f"{file.name}-wal")]
    yield Value(measured.DATABASE_BYTES, sum(one.stat().st_size for one in parts if one.exists()))
    yield Value(measured.DISK_FREE, shutil.disk_usage(file.parent).free)
