"""A PostgreSQL of its own for a measurement: every commit synced, as it would be in production."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.parts.postgres import Postgres
from deploy.local.running import Running, place_for
from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database
from onrecord.chassis.database.migrating import grant, migrate

_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def ledger_on_postgres() -> Iterator[str]:
    """The URL of an empty ledger, migrated, as the role that audit uses."""
    tools = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")) / "tools"
    part = Postgres()
    part.install(tools, print)
    with tempfile.TemporaryDirectory(prefix="onrecord-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server runs under an account of its own
        server = Running(part, place_for(part, tools, folder / part.name))
        try:
            server.start()
            engine = open_database(part.owner_url(server.place, "ledger"))
            migrate(engine, LEDGER)
            grant(engine, LEDGER, "ledger_service")
            engine.dispose()
            yield part.service_url(server.place, "ledger")
        finally:
            server.close()
