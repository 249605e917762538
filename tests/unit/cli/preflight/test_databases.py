"""A database file is read without a trace; one of another schema is told."""

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import text

from onrecord.audit.adapters.schema import LEDGER
from onrecord.chassis.database import open_database
from onrecord.chassis.database.history import prepare
from tests.unit.cli.preflight.conftest import Installed, Told


def made(installed: Installed) -> Path:
    path = Path(str(installed.process("audit").settings["database_url"]).removeprefix("sqlite:///"))
    engine = open_database(f"sqlite:///{path}")
    prepare(engine, LEDGER)
    engine.dispose()
    return path


def database(told: Told) -> list[dict[str, str]]:
    return [one for one in told.checks if one["subject"] == "database"]


def test_a_database_that_is_there_is_read_without_a_trace(installed: Installed) -> None:
    path = made(installed)
    before = sorted((one.name, one.stat().st_mtime_ns) for one in path.parent.iterdir())
    (found,) = database(installed.preflight("audit"))
    assert found["status"] == "ok"
    assert "step 000" in found["says"]
    assert sorted((one.name, one.stat().st_mtime_ns) for one in path.parent.iterdir()) == before


def test_a_database_at_work_is_read_beside_its_service(installed: Installed) -> None:
    path = made(installed)
    engine = open_database(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.execute(text("UPDATE ledger_head SET size = size"))
        connection.commit()
        before = {one.name: one.stat().st_size for one in path.parent.iterdir()}
        assert f"{path.name}-wal" in before
        (found,) = database(installed.preflight("audit"))
        assert found["status"] == "ok"
        assert {one.name: one.stat().st_size for one in path.parent.iterdir()} == before
    engine.dispose()


def test_a_database_of_a_newer_program(installed: Installed) -> None:
    path = made(installed)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_floor SET oldest = 9000")
        connection.execute("UPDATE alembic_version SET version_num = '9000'")
    connection.close()
    (found,) = database(installed.preflight("audit"))
    assert found["status"] == "missing"
    assert "newer than this one (9000)" in found["says"]


def test_a_file_that_is_no_database(installed: Installed) -> None:
    path = made(installed)
    path.write_bytes(b"no database" * 100)
    (found,) = database(installed.preflight("audit"))
    assert found["status"] == "missing"


def test_a_folder_that_is_missing_is_named_with_what_makes_it(
    installed: Installed, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "nowhere", ignore_errors=True)
    installed.set("audit", {"database_url": f"sqlite:///{tmp_path}/nowhere/ledger.db"})
    (found,) = database(installed.preflight("audit"))
    assert (found["status"], found["command"]) == ("missing", f"mkdir -p {tmp_path}/nowhere")


def test_a_server_that_is_away_is_told_without_its_password(installed: Installed) -> None:
    url = "postgresql+psycopg://ledger:very-secret@127.0.0.1:9/ledger"
    installed.set("audit", {"database_url": url})
    (found,) = database(installed.preflight("audit"))
    assert found["status"] == "missing"
    assert found["command"] == "psql 'postgresql://ledger@127.0.0.1:9/ledger' -c 'SELECT 1'"
    assert "very-secret" not in str(found)
