"""`onrecord config check` opens what the settings name, and says which of it is no good."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onrecord.cli.config import config
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.plan import ONE_PLANE, ProcessPlan, plan
from tests.builders.models import reference_repository

AUDIT, DETECTION, EMBEDDING, PLANE, GATEWAY = range(5)


@pytest.fixture
def plans(tmp_path: Path) -> list[ProcessPlan]:
    """The settings files of five processes, and every file that they name."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    return plan(
        folder,
        reference_repository(),
        ONE_PLANE,
        host="127.0.0.1",
        port=0,
        origin="localhost/onrecord",
        inference_threads=1,
    )


def check(one: ProcessPlan) -> Result:
    arguments = ["check", one.service.value, "--config", str(one.config)]
    return CliRunner().invoke(config, arguments)


def named(one: ProcessPlan, setting: str) -> Path:
    return Path(str(one.settings[setting]))


def wrong(done: Result) -> list[str]:
    """The settings that it says are wrong."""
    assert (done.exit_code == 0) == ("wrong" not in done.output), done.output
    lines = [line for line in done.output.splitlines() if line.startswith("wrong")]
    return [line.removeprefix("wrong").strip().partition(":")[0] for line in lines]


def test_what_the_installation_writes_itself_is_sound_and_nothing_is_made(
    plans: list[ProcessPlan], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for one in plans:
        assert wrong(check(one)) == [], one.name
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        *((AUDIT, name) for name in ("certificate", "certificate_key", "roots", "token_keys")),
        (AUDIT, "ledger_signing_key"),
        (DETECTION, "ledger_key"),
        (GATEWAY, "casework_key"),
    ],
)
@pytest.mark.parametrize("harm", ["missing", "a folder", "empty", "another's"])
def test_a_file_that_is_no_good_is_named(
    plans: list[ProcessPlan], process: int, setting: str, harm: str
) -> None:
    """With its setting, and the path; and nothing of what is in it."""
    one = plans[process]
    path = named(one, setting)
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm != "missing":
        path.write_text("" if harm == "empty" else "not what it should be\n")
    done = check(one)
    assert wrong(done) == [setting], done.output
    assert str(path) in done.output or harm == "another's"
    assert "not what it should be" not in done.output


def as_a_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file where a folder should be")


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        (AUDIT, "bus"),
        (AUDIT, "ledger_objects"),
        (DETECTION, "ingest"),
        (EMBEDDING, "models"),
        (PLANE, "keys"),
        (GATEWAY, "vault"),
    ],
)
def test_a_folder_that_is_none_is_named(
    plans: list[ProcessPlan], process: int, setting: str, tmp_path: Path
) -> None:
    one = plans[process]
    place = tmp_path / "elsewhere"
    as_a_file(place)
    one.config.write_text(
        one.config.read_text("utf-8").replace(str(named(one, setting)), str(place)), "utf-8"
    )
    found = wrong(check(one))
    assert setting in found
    assert set(found) <= {setting, "ingest"}, "where it is the same folder as the vault"


def test_a_database_without_a_folder_is_named_and_its_password_is_not(
    plans: list[ProcessPlan], tmp_path: Path
) -> None:
    """SQLite makes the file, never the folder."""
    audit = plans[AUDIT]
    said = audit.config.read_text("utf-8")
    where = f"sqlite:///{tmp_path}/nowhere/ledger.db?password=heliotrope"
    audit.config.write_text(said.replace(str(audit.settings["database_url"]), where), "utf-8")
    done = check(audit)
    assert wrong(done) == ["database_url"]
    assert f"{tmp_path}/nowhere" in done.output
    assert "heliotrope" not in done.output


def closed(path: Path) -> Callable[[], None]:
    path.mkdir(exist_ok=True, parents=True)
    path.chmod(0o500)
    return lambda: path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_is_named(plans: list[ProcessPlan]) -> None:
    audit = plans[AUDIT]
    open_again = closed(named(audit, "bus"))
    try:
        assert wrong(check(audit)) == ["bus"]
    finally:
        open_again()


def test_a_key_that_is_another_certificates_is_named(plans: list[ProcessPlan]) -> None:
    audit, detection = plans[AUDIT], plans[DETECTION]
    named(audit, "certificate_key").write_bytes(named(detection, "certificate_key").read_bytes())
    assert wrong(check(audit)) == ["certificate_key"]
    named(audit, "certificate").write_bytes(named(detection, "certificate").read_bytes())
    assert wrong(check(audit)) == ["certificate"]
