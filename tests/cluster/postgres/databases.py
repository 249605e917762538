"""A database of its own for each test, made from one that was migrated once."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from deploy.local.part import Place
from deploy.local.parts.postgres import Postgres, settle_schema
from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database
from onrecord.chassis.database.migrating import grant, migrate
from onrecord.gateway.store.history import CASEWORK
from onrecord.vector_search.roster.schema import ROSTER

HISTORIES = {"ledger": LEDGER, "casework": CASEWORK, "roster": ROSTER}


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
        noted = folder / f"{name}.postgres"
        held = json.loads(noted.read_text()) if noted.exists() else {}
        if held.get("folder") != str(folder):
            made = self.create(name, held.get("database", name))
            noted.write_text(json.dumps({"folder": str(folder), "database": made}))
            held = {"database": made}
        return self.service_url(name, held["database"])

    def create(self, name: str, template: str | None = None) -> str:
        """A database as `template` stands, whose sessions are ended for it; its name."""
        made = f"{name}_{uuid4().hex[:12]}"
        with self._server() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (template or "template0",),
            )
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
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

    def _at(self, url: str, database: str) -> str:
        return make_url(url).set(database=database).render_as_string(hide_password=False)

    def _server(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.part.superuser(self.place), autocommit=True)
