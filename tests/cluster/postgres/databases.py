"""A database of its own for each test, made from one that was migrated once."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from deploy.local.part import Place
from deploy.local.parts.postgres import PROGRAMS, Postgres, settle_schema
from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database
from onrecord.chassis.database.migrating import grant, migrate
from onrecord.gateway.store.history import CASEWORK
from onrecord.vector_search.roster.schema import ROSTER

HISTORIES = {"ledger": LEDGER, "casework": CASEWORK, "roster": ROSTER}
_PROGRAM_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class PostgresDatabases:
    """`tests.builders.databases.Place` on a server: builders connect as the service's role."""

    part: Postgres
    place: Place
    made: list[str] = field(default_factory=list)

    def migrate_all(self) -> None:
        """As `onrecord migrate` does, as the owner of each."""
        for name, history in HISTORIES.items():
            engine = open_database(self.part.owner_url(self.place, name))
            migrate(engine, history)
            grant(engine, history, f"{name}_service")
            engine.dispose()

    def __call__(self, folder: Path, name: str) -> str:
        """A file in the folder says which database is its; a copied folder has its original's."""
        return self.service_url(name, self._of(folder, name))

    def held(self, folder: Path, name: str) -> bytes:
        """Its tables' files, when what was in the journal and in memory has come to them."""
        with self._server() as server:
            server.execute("CHECKPOINT")
            asked = "SELECT oid FROM pg_database WHERE datname = %s"
            row = server.execute(asked, (self._of(folder, name),)).fetchone()
        assert row is not None
        base = self.place.data / "cluster" / "base" / str(row[0])
        return b"".join(path.read_bytes() for path in sorted(base.iterdir()) if path.is_file())

    def dump(self, folder: Path, name: str, to: Path) -> None:
        """With `pg_dump`, beside whoever is at work in it."""
        self._run("pg_dump", "--format=custom", f"--file={to}", self._of(folder, name))

    def restore(self, folder: Path, name: str, dump: Path) -> None:
        """With `pg_restore`, into a new database; the folder's from here on."""
        made = self.create(name)
        self._run("pg_restore", "--exit-on-error", f"--dbname={made}", str(dump))
        self._note(folder, name, made)

    def create(self, name: str, template: str | None = None) -> str:
        """A database as `template` stands, whose sessions are ended for it; its name."""
        made = f"{name}_{uuid4().hex[:12]}"
        with self._server() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (template or "template0",),
            )
            # Files are copied, not written to the journal page by page: a quarter of the time.
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                    sql.Identifier(made),
                    sql.Identifier(template or "template0"),
                    sql.Identifier(f"{name}_owner"),
                )
            )
        self.made.append(made)
        if template is None:
            with psycopg.connect(self.part.superuser(self.place, made), autocommit=True) as inside:
                settle_schema(inside, name)
        return made

    def drop_since(self, count: int) -> None:
        """Drop those that were made after the first `count`."""
        with self._server() as server:
            for name in self.made[count:]:
                server.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
        del self.made[count:]

    def service_url(self, name: str, database: str) -> str:
        return self._at(self.part.service_url(self.place, name), database)

    def owner_url(self, name: str, database: str) -> str:
        return self._at(self.part.owner_url(self.place, name), database)

    def _of(self, folder: Path, name: str) -> str:
        noted = _noted(folder, name)
        held = json.loads(noted.read_text()) if noted.exists() else {}
        if held.get("folder") == str(folder):
            return str(held["database"])
        made = self.create(name, held.get("database", name))
        self._note(folder, name, made)
        return made

    def _note(self, folder: Path, name: str, database: str) -> None:
        _noted(folder, name).write_text(json.dumps({"folder": str(folder), "database": database}))

    def _at(self, url: str, database: str) -> str:
        return make_url(url).set(database=database).render_as_string(hide_password=False)

    def _server(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.part.superuser(self.place), autocommit=True)

    def _run(self, program: str, *options: str) -> None:
        """One of the server's own programs, as its superuser."""
        known = conninfo_to_dict(self.part.superuser(self.place))
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        done = subprocess.run(
            [PROGRAMS / program, *options],
            env={**os.environ, **{names[name]: str(known[name]) for name in names}},
            timeout=_PROGRAM_SECONDS,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


def _noted(folder: Path, name: str) -> Path:
    return folder / f"{name}.postgres"
