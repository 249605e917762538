"""Which hits are live: asked of the roster by key, however large the gallery (law 9)."""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from onrecord.chassis.database import open_database, read_transaction, write_transaction
from onrecord.kernel.cards import Metric
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery, RecordState
from onrecord.vector_search.roster import galleries
from onrecord.vector_search.roster.live import LiveRow, live_rows
from onrecord.vector_search.roster.schema import create_schema, records


def key(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


@pytest.fixture
def roster(tmp_path: Path) -> Iterator[Engine]:
    """Two galleries of 600 records each; of the first every third is gone."""
    engine = open_database(f"sqlite:///{tmp_path / 'roster.db'}")
    create_schema(engine)
    with write_transaction(engine) as tx:
        for name in ("US-UT", "US-VT"):
            galleries.add(
                tx,
                Gallery(name, "m", 4, Metric.IP, f"{name}/authority", bytes(32), 0, 0, NO_RECEIPT),
            )
        tx.execute(insert(records), [_row(number) for number in range(1200)])
    yield engine
    engine.dispose()


def _row(number: int) -> dict[str, object]:
    gone = number % 3 == 0
    return {
        "enrolment_id": f"e{number}",
        "gallery": "US-UT" if number < 600 else "US-VT",
        "record_mac": key(number),
        "record_id": f"r{number}",
        "generation": 1,
        "state": RecordState.GONE.value if gone else RecordState.LIVE.value,
        "image_sha256": key(number),
        "model_id": "m",
        "ticket": "ticket:" + key(number),
        "ticket_attestation": "{}",
        "index_key": key(number),
        "vault_key": key(number),
        "remains": 0,
        "requested_at": "2026-11-23T06:30:00.00Z",
        "duplicate": 0,
        "authorised_by": "{}",
    }


def test_only_live_rows_are_named_each_with_its_gallery(roster: Engine) -> None:
    asked = [key(number) for number in range(1300)]  # the last hundred stand nowhere
    with read_transaction(roster) as tx:
        found = live_rows(tx, asked)
    utah = {name: row for name, row in found.items() if row.gallery == "US-UT"}
    assert utah == {key(n): LiveRow("US-UT", f"e{n}") for n in range(600) if n % 3}
    assert len(found) > len(utah)


def test_nothing_asked_is_nothing_found(roster: Engine) -> None:
    with read_transaction(roster) as tx:
        assert live_rows(tx, []) == {}


def test_no_search_goes_through_the_gallery(roster: Engine) -> None:
    """The planner must take the keys: by gallery and state it would read every live record."""
    ran: list[str] = []
    with read_transaction(roster) as tx:
        driver = tx.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(ran.append)
        live_rows(tx, [key(number) for number in range(20)])
        driver.set_trace_callback(None)
    (statement,) = [one for one in ran if "FROM records" in one]
    with roster.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
    assert all("(index_key=?)" in str(row[-1]) for row in plan if "records" in str(row[-1])), plan
    assert any("records" in str(row[-1]) for row in plan)
