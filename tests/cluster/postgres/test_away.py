"""A server that dies and comes back: a code that says so, soon, and then work goes on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.local.running import Running
from onrecord.chassis.database import (
    DatabaseLimits,
    open_database,
    read_transaction,
    take_turn,
    write_transaction,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.audit import audit_for_test, soon
from tests.builders.gateway import build_office
from tests.cluster.postgres.databases import PostgresDatabases

SOON_SECONDS = 15.0


@pytest.fixture
def server(postgres: Running) -> Iterator[Running]:
    yield postgres
    if postgres.ended():
        postgres.start()


def test_audit_refuses_and_goes_on_when_it_is_back(server: Running, tmp_path: Path) -> None:
    """Laws 1 and 4: no entry, no grant; and nobody has to start audit again."""
    audit = audit_for_test(tmp_path)
    before = audit.authorize()
    server.kill()
    began = time.monotonic()
    with pytest.raises(OnRecordError) as unwritten:
        audit.authorize()
    assert unwritten.value.code is ErrorCode.LEDGER_UNAVAILABLE
    with pytest.raises(OnRecordError) as unread:
        audit.service.ends(before.search_id, soon())
    assert unread.value.code is ErrorCode.DATABASE_UNAVAILABLE
    assert time.monotonic() - began < SOON_SECONDS
    server.start()
    after = audit.authorize()
    assert after.entry.index == before.entry.index + 1
    audit.close()


def test_a_gateway_says_503_and_when_to_ask_again(server: Running, tmp_path: Path) -> None:
    """Law 4, R-40: the client keeps its key, and the same request is the same search."""
    office = build_office(tmp_path)
    assert office.search(key="first").status_code == 201
    server.kill()
    refused = office.search(key="second")
    assert refused.status_code == 503
    assert refused.json()["code"] == "database_unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    assert office.http.get("/readyz").status_code == 503
    server.start()
    assert office.search(key="second").status_code == 201
    assert office.http.get("/readyz").status_code == 200
    office.parts.database.dispose()


def test_who_waits_too_long_for_a_turn_or_a_connection_is_told(
    databases: PostgresDatabases,
) -> None:
    url = databases.service_url("casework", "casework")
    limits = DatabaseLimits(connections=1, wait_seconds=0.2)
    first, second = open_database(url, limits), open_database(url, limits)
    with write_transaction(first) as held:
        take_turn(held, "the turn")
        for engine in (first, second):  # no connection left; a turn that somebody has
            with pytest.raises(OnRecordError) as told, write_transaction(engine) as connection:
                take_turn(connection, "the turn")
            assert told.value.code is ErrorCode.DATABASE_UNAVAILABLE
    for engine in (first, second):
        with read_transaction(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()
