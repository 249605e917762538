"""Killed, stopped, started twice: nothing unlogged, nothing acknowledged is lost."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from onrecord.client import ClientError, Search
from onrecord.kernel.vocabulary import Role, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_ledger import LedgerView
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import enlarged
from tests.builders.e2e_scene import UTAH, Scene, build_scene, judge_by
from tests.builders.e2e_server import Server, spawn, start_server

SLOW = 6000  # pixels a side: some half a second to decode
FOUND = {SearchStatus.SEALED, SearchStatus.EXAMINING}
_WAIT_SECONDS = 60.0


@dataclass(slots=True)
class House:
    """One data folder, with a gallery of a few, and the server on it that is started anew."""

    data: Path
    models: Path
    log: Path
    scene: Scene
    server: Server
    slow_probe: bytes = field(repr=False)

    def start(self) -> None:
        self.server = start_server(self.data, self.models, self.log)
        self.scene.installation = self.server.installation
        self.scene.ledger = LedgerView(self.server.installation)

    def kill_and_start(self) -> None:
        self.server.kill()
        self.start()


@pytest.fixture
def house(one_house: House) -> House:
    """The house with its server running, whatever the test before did to it."""
    if one_house.server.process.poll() is not None:
        one_house.start()
    return one_house


@pytest.fixture(scope="module")
def one_house(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("a house of its own")
    data, log = folder / "data", folder / "server.log"
    server = start_server(data, models, log)
    scene = build_scene(server.installation, models, enrolled=3, examiners=1, galleries=[UTAH])
    made = House(data, models, log, scene, server, enlarged(scene.enrolled[0].probe(), SLOW))
    yield made
    if made.server.process.poll() is None:
        made.server.stop()


@dataclass(slots=True)
class Asked:
    """A search that is asked for in a thread of its own, and what came of it."""

    who: Person
    request: dict[str, Any]
    key: str
    probe: bytes = field(repr=False)
    answer: Search | None = None
    error: ClientError | None = None
    _thread: threading.Thread | None = None

    def ask(self, scene: Scene) -> Search:
        with scene.client(self.who) as client:
            return client.search(self.request, self.probe, idempotency_key=self.key)

    def begin(self, scene: Scene) -> None:
        def work() -> None:
            try:
                self.answer = self.ask(scene)
            except ClientError as error:
                self.error = error

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def wait(self) -> None:
        assert self._thread is not None
        self._thread.join(_WAIT_SECONDS)
        assert not self._thread.is_alive()


def begun(house: House) -> Asked:
    """A search whose grant is in the ledger and whose photograph is being decoded."""
    asked = Asked(people.investigator(), people.request(), people.fresh_key(), house.slow_probe)
    before = checkpoint(house)
    asked.begin(house.scene)
    wait_until(lambda: checkpoint(house) != before)
    assert asked.answer is None, "it was over before anything could happen to it"
    return asked


def checkpoint(house: House) -> str:
    return httpx.get(f"{house.server.address}/ledger/checkpoint", timeout=30).text


def spawned_and_ended(data: Path, models: Path, log: Path) -> int:
    """The exit status of a server that is expected not to start."""
    process = spawn(data, models, log)
    try:
        return process.wait(_WAIT_SECONDS)
    finally:
        process.kill()
        process.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline


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
    asked = begun(house)
    kept = checkpoint(house)
    house.kill_and_start()
    asked.wait()
    assert asked.error is not None, "it was killed too late"
    assert asked.error.code == "unreachable"

    # Granted, on the record, and not over.
    (granted,) = house.scene.ledger.by(asked.who.person)
    assert granted.kind == "request.granted"
    assert house.scene.ledger.kinds(granted.body["search_id"]) == ["request.granted"]
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
    """R-45: not ready, finish, close: the answer arrives, the process ends by itself, cleanly."""
    asked = begun(house)
    kept = checkpoint(house)
    house.server.ask_to_stop()
    asked.wait()
    assert asked.error is None, asked.error
    assert asked.answer is not None
    assert asked.answer.status in FOUND
    assert house.server.ended() == 0
    said = house.log.read_text("utf-8")
    assert "stopped; everything acknowledged is on disk" in said
    assert "Traceback" not in said
    assert not (house.data / "address").exists()

    house.start()
    kinds = house.scene.ledger.kinds(asked.answer.search_id)
    assert kinds == ["request.granted", "search.executed"]
    check_ledger(house, tmp_path, kept)


def test_a_second_process_on_the_folder_is_refused(house: House, tmp_path: Path) -> None:
    """R-22: one data folder, one process; the first is not disturbed."""
    log = tmp_path / "second.log"
    assert spawned_and_ended(house.data, house.models, log) == 1
    said = log.read_text("utf-8")
    assert "data_folder_in_use" in said
    assert "Traceback" not in said
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
    assert house.server.stop() == 0
    yesterday = (house.data / "ledger.db").read_bytes()
    house.start()
    house.scene.search(house.scene.enrolled[0].probe())
    assert house.server.stop() == 0
    copy, log = tmp_path / "data", tmp_path / "rolled-back.log"
    shutil.copytree(house.data, copy)
    (copy / "ledger.db").write_bytes(yesterday)
    for beside in ("ledger.db-wal", "ledger.db-shm"):
        assert not (copy / beside).exists(), "a clean stop leaves everything in one file"
    assert spawned_and_ended(copy, house.models, log) == 1
    said = log.read_text("utf-8")
    assert "ledger_unavailable" in said
    assert "rolled back" in said
    assert "Traceback" not in said
