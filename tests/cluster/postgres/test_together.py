"""Statements sent to a server in one go: what they did, and what one of them raises."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from deploy.local.running import Running
from onrecord.chassis.database import (
    DatabaseLimits,
    open_database,
    read_transaction,
    sent_together,
    write_transaction,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.cluster.postgres.databases import PostgresDatabases

_ADD = text("INSERT INTO held_there VALUES (:number)")


@pytest.fixture
def engine(databases: PostgresDatabases, tmp_path: Path) -> Iterator[Engine]:
    """One connection, which has a table of its own."""
    made = open_database(databases(tmp_path, "ledger"), DatabaseLimits(connections=1))
    _make(made)
    yield made
    made.dispose()


def _make(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TEMPORARY TABLE held_there (number integer PRIMARY KEY)"))


def held(engine: Engine) -> list[int]:
    with read_transaction(engine) as connection:
        return list(connection.execute(text("SELECT number FROM held_there ORDER BY 1")).scalars())


def test_all_of_it_is_done(engine: Engine) -> None:
    """One by one, many at once, and one part within another."""
    with write_transaction(engine) as connection:
        connection.execute(_ADD, {"number": 1})
        with sent_together(connection):
            connection.execute(_ADD, {"number": 2})
            with sent_together(connection):
                connection.execute(_ADD, [{"number": 3}, {"number": 4}])
            connection.execute(text("UPDATE held_there SET number = 5 WHERE number = 4"))
        assert connection.execute(text("SELECT count(*) FROM held_there")).scalar() == 4
    assert held(engine) == [1, 2, 3, 5]


@pytest.mark.parametrize("before", [0, 3])
def test_what_one_raises_is_heard_and_nothing_of_it_stays(engine: Engine, before: int) -> None:
    """R-25: as if they had been sent one by one; the connection goes on being used."""
    with write_transaction(engine) as connection:
        connection.execute(_ADD, {"number": 7})
    with (
        pytest.raises(IntegrityError) as heard,
        write_transaction(engine) as connection,
        sent_together(connection),
    ):
        for number in range(before):
            connection.execute(_ADD, {"number": number})
        connection.execute(_ADD, {"number": 7})
        connection.execute(_ADD, {"number": 8})
    assert "7" not in str(heard.value.statement), "an error names no values (R-43)"
    assert held(engine) == [7]


def test_an_error_of_ours_within_undoes_it_too(engine: Engine) -> None:
    with (
        pytest.raises(ValueError, match="ours"),
        write_transaction(engine) as connection,
        sent_together(connection),
    ):
        connection.execute(_ADD, {"number": 1})
        raise ValueError("ours")
    assert held(engine) == []


def test_a_server_that_ends_within_is_away_and_found_when_it_is_back(
    engine: Engine, postgres: Running
) -> None:
    """Law 4: a code that says so; and the next call, on a server started again, is served."""
    try:
        with (
            pytest.raises(OnRecordError) as away,
            write_transaction(engine) as connection,
            sent_together(connection),
        ):
            connection.execute(_ADD, {"number": 1})
            postgres.kill()
        assert away.value.code is ErrorCode.DATABASE_UNAVAILABLE
    finally:
        if postgres.ended():
            postgres.start()
    _make(engine)
    assert held(engine) == []
