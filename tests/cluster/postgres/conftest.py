"""Everything here runs on PostgreSQL: what builders open is a database of the test's own."""

from collections.abc import Iterator

import pytest

from deploy.local.parts.postgres import Postgres
from deploy.local.running import Running
from tests.builders.databases import databases_at
from tests.cluster.postgres.databases import PostgresDatabases


@pytest.fixture(scope="session")
def databases(postgres: Running) -> PostgresDatabases:
    assert isinstance(postgres.part, Postgres)
    made = PostgresDatabases(postgres.part, postgres.place)
    made.migrate_all()
    return made


@pytest.fixture(scope="package", autouse=True)
def on_postgres(databases: PostgresDatabases) -> Iterator[None]:
    with databases_at(databases):
        yield


@pytest.fixture(autouse=True)
def dropped_afterwards(databases: PostgresDatabases) -> Iterator[None]:
    before = len(databases.made)
    yield
    databases.drop_since(before)
