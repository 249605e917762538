"""Killed, stopped, started twice: nothing unlogged, nothing acknowledged is lost.

As one process and as five, by the commands a person would give: killed means every process of it
at once, as when the machine loses its power. What the death of one of five does to the others is
in `test_five_processes`.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import Role, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_asking import FOUND, WAIT_SECONDS, begun, slow
from tests.builders.e2e_forms import BOTH, COMMANDS
from tests.builders.e2e_ledger import LedgerView
from tests.builders.e2e_scene import UTAH, Scene, build_scene, judge_by
from tests.builders.e2e_server import Server, lives, said, spawn, start_server


@dataclass(slots=True)
class House:
    """One data folder, with a gallery of a few, and the server on it that is started anew."""

    how: Sequence[str]
    data: Path
    models: Path
    log: Path
    scene: Scene
    server: Server
    slow_probe: bytes = field(repr=False)

    def start(self) -> None:
        self.server = start_server(self.data, self.models, self.log, self.how)
        self.scene.installation = self.server.installation
        self.scene.ledger = LedgerView(self.server.installation)

    def kill_and_start(self) -> None:
        self.server.kill()
        self.start()

    def cannot_start(self, data: Path, log: Path) -> str:
        """What the command says on `data`, where it is expected to end with 1 by itself."""
        process = spawn(data, self.models, log, self.how)
        try:
            assert process.wait(WAIT_SECONDS) == 1
        finally:
            process.kill()
            process.wait()
        return log.read_text("utf-8")


@pytest.fixture
def house(one_house: House) -> House:
    """The house with its server running, whatever the test before did to it."""
    if one_house.server.process.poll() is not None:
        one_house.start()
    return one_house


@pytest.fixture(scope="module", params=BOTH)
def one_house(
    request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder, how = tmp_path_factory.mktemp("a house of its own"), COMMANDS[request.param]
    data, log = folder / "data", folder / "server.log"
    server = start_server(data, models, log, how)
    scene = build_scene(server.installation, models, enrolled=3, examiners=1, galleries=[UTAH])
    made = House(how, data, models, log, scene, server, slow(scene.enrolled[0].probe()))
    yield made
    if made.server.process.poll() is None:
        made.server.stop()


def checkpoint(house: House) -> str:
    return httpx.get(f"{house.server.address}/ledger/checkpoint", timeout=30).text


def check_ledger(house: House, folder: Path, kept: str) -> None:
    """The ledger holds, and extends the checkpoint that somebody kept from before."""
    before = folder / "checkpoint-kept"
    before.write_text(kept, "utf-8")
    exported = house.scene.ledger.export(folder / "ledger")
    done = house.scene.ledger.verify_command(str(exported), "--previous", str(before))
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_in_the_middle_of_a_search(house: House, tmp_path: Path) -> None:
    """R-9, R-22, law 3: the client repeats its call with its key: the same grant, one receipt. A
    grant that was never used up is no blank cheque: another probe is refused.
    """
    kept = checkpoint(house)
    asked = begun(house.scene, house.slow_probe)
    house.kill_and_start()
    asked.wait()
    assert asked.error is not None, "it was killed too late"
    assert asked.error.code == "unreachable"

    # Granted, on the record, and not over.
    (granted,) = asked.entries(house.scene)
    assert granted.kind == "request.granted"
    with house.scene.client(asked.who) as client:
        assert {one.status for one in client.searches()} <= {SearchStatus.PROCESSING}

    with pytest.raises(ClientError) as raised:
        replace(asked, probe=house.scene.enrolled[1].probe()).ask(house.scene)
    assert (raised.value.status, raised.value.code) == (409, "idempotency_conflict")
    search = asked.ask(house.scene)
    assert search.search_id == granted.body["search_id"]
    assert search.receipt.index == granted.index
    assert search.status in FOUND
    again = asked.ask(house.scene)
    assert (again.search_id, again.status) == (search.search_id, search.status)
    assert house.scene.ledger.kinds(search.search_id) == ["request.granted", "search.executed"]
    check_ledger(house, tmp_path, kept)


def test_sigterm_lets_a_search_that_was_accepted_finish(house: House, tmp_path: Path) -> None:
    """R-45: not ready, finish, close: the answer arrives, it ends by itself, cleanly, and
    leaves no process behind.
    """
    kept, processes = checkpoint(house), house.server.processes()
    asked = begun(house.scene, house.slow_probe)
    house.server.ask_to_stop()
    asked.wait()
    assert asked.error is None, asked.error
    assert asked.answer is not None
    assert asked.answer.status in FOUND
    assert house.server.ended() == 0
    assert not [pid for pid in processes if lives(pid)]
    assert "stopped; everything acknowledged is on disk" in house.log.read_text("utf-8")
    assert "Traceback" not in said(house.server)
    assert not (house.data / "address").exists()

    house.start()
    kinds = house.scene.ledger.kinds(asked.answer.search_id)
    assert kinds == ["request.granted", "search.executed"]
    check_ledger(house, tmp_path, kept)


def test_a_second_process_on_the_folder_is_refused(house: House, tmp_path: Path) -> None:
    """R-22: one data folder, one installation; the first is not disturbed."""
    refusal = house.cannot_start(house.data, tmp_path / "second.log")
    assert "data_folder_in_use" in refusal
    assert "Traceback" not in refusal
    assert httpx.get(f"{house.server.address}/readyz").status_code == 200
    assert (house.data / "address").read_text("utf-8").strip() == house.server.address


def test_nobody_examines_a_search_of_their_own_and_a_restart_keeps_everything(
    house: House, tmp_path: Path
) -> None:
    """R-15, R-22: an examiner who asks is not drawn, though only one other is on duty; the search
    waits, sealed, for a second; killed between two decisions, it ends in its lead all the same.
    """
    scene, sought, kept = house.scene, house.scene.enrolled[2], checkpoint(house)
    both = people.examiner().also(Role.REQUESTER)
    with scene.client(both) as client:
        client.join_examiners()
        tasks = client.tasks()  # of the searches of others, which waited for two as well
        live = {one.gallery: one.live_records for one in client.galleries()}
        policies = client.policies()
    scene.drawn()
    search = scene.search(sought.probe(), by=both)
    assert search.status is SearchStatus.SEALED

    scene.examiners.append(people.examiner("late"))
    with scene.client(scene.examiners[-1]) as client:
        client.join_examiners()
    with scene.client(both) as client:
        assert client.get_search(search.search_id).status is SearchStatus.EXAMINING
        assert client.tasks() == tasks
    first, second = scene.drawn()
    assert {first.who, second.who} == set(scene.examiners)
    with scene.client(both) as client, pytest.raises(ClientError) as raised:
        client.decide(first.task.task_id, "by eye", [])
    assert (raised.value.status, raised.value.code) == (403, "task_not_yours")

    scene.examine(first, judge_by(sought.portrait))
    house.kill_and_start()
    with scene.client(first.who) as client, pytest.raises(ClientError) as raised:
        client.probe(first.task.task_id)
    assert raised.value.code == "task_decided"
    scene.examine(second, judge_by(sought.portrait))
    with scene.client(both) as client:
        assert {one.gallery: one.live_records for one in client.galleries()} == live
        assert client.policies() == policies
        leads = client.leads(search.search_id)
    assert [one.record_id for one in leads.leads] == [scene.record_id(sought)]
    kinds = scene.ledger.kinds(search.search_id)
    assert [kind for kind in kinds if kind != "look.granted"] == [
        "request.granted",
        "search.executed",
        "examination.decided",
        "examination.decided",
        "lead.released",
    ]
    check_ledger(house, tmp_path, kept)


def test_a_ledger_that_was_rolled_back_does_not_open(house: House, tmp_path: Path) -> None:
    """R-24, R-48, law 4: the database of yesterday beside the checkpoint of today."""
    yesterday = tmp_path / "yesterday.db"
    with (
        closing(sqlite3.connect(house.data / "ledger.db")) as live,
        closing(sqlite3.connect(yesterday)) as kept,
    ):
        live.backup(kept)  # as a nightly backup is taken, while it runs
    house.scene.search(house.scene.enrolled[0].probe())
    assert house.server.stop() == 0
    copy = tmp_path / "data"
    shutil.copytree(house.data, copy)
    shutil.copyfile(yesterday, copy / "ledger.db")
    for beside in ("ledger.db-wal", "ledger.db-shm"):
        assert not (copy / beside).exists(), "a clean stop leaves everything in one file"
    refusal = house.cannot_start(copy, tmp_path / "rolled-back.log")
    assert "ledger_unavailable" in refusal
    assert "rolled back" in refusal
    assert "Traceback" not in refusal
