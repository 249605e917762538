"""Statements that go past SQLAlchemy do and raise what they would do and raise within it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from onrecord.chassis.database import open_database
from tests.builders.direct_suite import DirectSuite, make


class TestOnSqlite(DirectSuite):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        made = open_database(f"sqlite:///{tmp_path / 'x.db'}")
        make(made)
        yield made
        made.dispose()
