"""Everything that an installation keeps, as somebody with every right on its machine reads it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg

from deploy.local.part import Place
from deploy.local.parts.postgres import Postgres
from tests.builders.e2e_server import Serving

POSTGRES: Final = "parts/postgres"
_NO_CONTENT: Final = (".index", ".timeindex", ".snapshot")
"""Of Kafka: places and times alone, ten megabytes each."""


def files_of(server: Serving) -> Iterator[tuple[str, bytes]]:
    """Every file that the server keeps, of all its processes and parts, and what they have said.

    PostgreSQL's tables are named by their database: `parts/postgres/casework/...`.
    """
    yield from _below(server.data, server.data)
    for log in server.logs:
        yield f"log/{log.name}", log.read_bytes()
    parts = server.data.parent / "parts"
    if parts.exists():
        _write_out(server)
        databases = {str(oid): name for oid, name in _asked(server, "postgres", _DATABASES)}
        for name, held in _below(parts, parts.parent):
            folder, base, rest = name.partition(f"{POSTGRES}/cluster/base/")
            if base and not folder:
                oid, _, file = rest.partition("/")
                name = f"{POSTGRES}/{databases.get(oid, oid)}/{file}"
            yield name, held


def said_by_parts(server: Serving) -> str:
    """What the parts have written to their logs; nothing, where there are none."""
    logs = sorted((server.data.parent / "parts").glob("*.log"))
    return "\n".join(log.read_text("utf-8", "replace") for log in logs)


def sealed(server: Serving, search_id: str) -> list[tuple[bytes | None, ...]]:
    """The sealed parts of a search, then of each of its tasks."""
    of_search = "SELECT wrapped_key, sealed_probe, sealed_candidates FROM searches"
    of_tasks = "SELECT sealed_order FROM tasks"
    rows = []
    for what in (of_search, of_tasks):
        rows += _asked(server, "casework", f"{what} WHERE search_id = %s", search_id)
    return rows


_DATABASES: Final = "SELECT oid, datname FROM pg_database"


def _below(folder: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _NO_CONTENT or path.is_symlink():
            continue
        try:
            if path.is_file():
                yield str(path.relative_to(root)), path.read_bytes()
        except FileNotFoundError:
            continue  # a part has tidied it away meanwhile


def _write_out(server: Serving) -> None:
    """What PostgreSQL has in its journal and its memory is in the tables' files from here on."""
    with psycopg.connect(_superuser(server, "postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _superuser(server: Serving, database: str) -> str:
    beside = server.data.parent
    ports = json.loads((beside / "ports.json").read_text())["postgres"]
    return Postgres().superuser(Place(Path(), beside / POSTGRES, ports), database)


def _asked(server: Serving, database: str, query: str, *values: str) -> list[tuple[Any, ...]]:
    if (server.data.parent / "parts").exists():
        with psycopg.connect(_superuser(server, database)) as connection:
            return connection.execute(query.encode(), values).fetchall()
    address = f"file:{server.data / f'{database}.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as lite:
        return lite.execute(query.replace("%s", "?"), values).fetchall()
