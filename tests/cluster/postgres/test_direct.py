"""Statements that go past SQLAlchemy, on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from onrecord.chassis.database import DatabaseLimits, open_database
from tests.builders.direct_suite import DirectSuite, make
from tests.cluster.postgres.databases import PostgresDatabases


class TestOnPostgres(DirectSuite):
    @pytest.fixture
    def engine(self, databases: PostgresDatabases, tmp_path: Path) -> Iterator[Engine]:
        made = open_database(databases(tmp_path, "ledger"), DatabaseLimits(connections=1))
        make(made)
        yield made
        made.dispose()
