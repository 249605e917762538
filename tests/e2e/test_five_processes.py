"""What only processes apart can do: one of them dies, or is away. (All that an installation must
do in either form stands in the other files, whose tests run on this one unchanged.)
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import GalleryStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_asking import FOUND, WAIT_SECONDS, begun, slow, wait_until
from tests.builders.e2e_forms import ENROLLED, FIVE_PROCESSES, Standing
from tests.builders.e2e_photographs import Sitter, sitters, unique
from tests.builders.e2e_processes import Processes
from tests.builders.e2e_scene import UTAH, Scene, enrol, open_gallery_like

NEVADA = "US-NV"
"""A state that allows what Utah allows, on the other plane."""

KILLED = {
    "gateway": (0, "unreachable"),
    "detection": (503, "detection_unavailable"),
    "embedding": (503, "embedding_unavailable"),
}
"""What the client hears when that process dies under its search: HTTP status, code."""

# Where this form stands already: six processes are enough for one machine.
pytestmark = pytest.mark.xdist_group(FIVE_PROCESSES)


@pytest.fixture(scope="module")
def server(processes: Processes) -> Processes:
    return processes


@pytest.fixture(scope="module")
def scene(five_processes: Standing) -> Scene:
    return five_processes.scene


@pytest.fixture(scope="module")
def nevada(scene: Scene, models: Path) -> Sitter:
    """Nevada's gallery, with one person in it who is in no other."""
    (only,) = sitters(ENROLLED + 3)[-1:]
    open_gallery_like(scene.installation, NEVADA, UTAH, models)
    enrol(scene.installation, NEVADA, [only])
    return only


def test_two_planes_are_asked_and_their_lists_become_one(scene: Scene, nevada: Sitter) -> None:
    """R-13, R-30: a gallery on each plane, one merged list; the person is found where they are."""
    scene.drawn()
    search = scene.search(nevada.probe(), galleries=[UTAH, NEVADA])
    assert [search.gallery(name).status for name in (UTAH, NEVADA)] == [GalleryStatus.SEARCHED] * 2
    found = {}
    for one in scene.drawn():
        found.update(scene.look(one))
    assert nevada.portrait in found.values()
    assert any(portrait in found.values() for portrait in (s.portrait for s in scene.enrolled))


def test_each_plane_holds_its_own_galleries_and_keys(
    scene: Scene, nevada: Sitter, server: Processes
) -> None:
    """R-30: Utah's private key stands in Utah's plane and nowhere else."""
    with scene.client(people.OPERATOR) as operator:
        held = {one.gallery: one.plane for one in operator.galleries()}
    told = {UTAH: "utah", NEVADA: "others", "US-VT": "others", "US-MD": "others"}
    assert {name: held[name] for name in told} == told
    keys = {
        name: {path.stem for path in (server.data / "planes" / name).rglob("US-*")}
        for name in ("utah", "others")
    }
    assert all(UTAH in stem for stem in keys["utah"])
    assert not any(UTAH in stem for stem in keys["others"])


def test_a_plane_that_is_down_is_said_aloud_and_comes_back(
    scene: Scene, nevada: Sitter, server: Processes
) -> None:
    """Law 8: the gallery is named as unavailable, the other is searched all the same; when its
    plane is there again, the next search finds it, and nobody had to restart anything else.
    """
    galleries = [UTAH, NEVADA]
    server.kill_one("vector-search-others")
    partial = scene.search(scene.enrolled[4].probe(1), galleries=galleries)
    assert partial.gallery(UTAH).status is GalleryStatus.SEARCHED
    assert partial.gallery(NEVADA).status is GalleryStatus.UNAVAILABLE
    assert partial.gallery(NEVADA).receipt is None
    assert httpx.get(f"{server.address}/readyz").status_code == 200, "the gateway is well"

    server.start_again("vector-search-others")

    def whole() -> bool:
        again = scene.search(nevada.probe(1), galleries=galleries)
        return {again.gallery(name).status for name in galleries} == {GalleryStatus.SEARCHED}

    wait_until(whole)


@dataclass
class Enrolling:
    """Portraits on their way, asked for without waiting."""

    scene: Scene
    whom: list[Sitter]

    def begin(self) -> list[str]:
        with self.scene.client(people.custodian(NEVADA)) as custodian:
            return [
                custodian.enrol(NEVADA, f"NV-LATE-{one.name}", one.portrait, wait=0).enrolment_id
                for one in self.whom
            ]

    def ended(self, enrolments: list[str]) -> list[str]:
        """What they came to, once all have."""
        pause = threading.Event()
        with self.scene.client(people.custodian(NEVADA)) as custodian:
            for _ in range(int(WAIT_SECONDS / 0.1)):
                found = [custodian.enrolment(NEVADA, one).status for one in enrolments]
                if not set(found) - {"live", "rejected"}:
                    return found
                pause.wait(0.1)
        raise AssertionError(found)


@pytest.mark.parametrize("name", ["detection", "embedding", "vector-search-others"])
def test_enrolments_survive_whoever_worked_on_them(
    scene: Scene, nevada: Sitter, server: Processes, name: str
) -> None:
    """R-22, R-45: killed without a word while portraits are on their way, and started again: every
    one that was accepted becomes live, once.
    """
    before = live_in_nevada(scene)
    number = ["detection", "embedding", "vector-search-others"].index(name)
    enrolling = Enrolling(scene, sitters(ENROLLED + 3 + 12)[ENROLLED + 3 + 4 * number :][:4])
    begun = enrolling.begin()
    server.kill_one(name)
    server.start_again(name)
    assert enrolling.ended(begun) == ["live"] * 4
    assert before is not None
    # A plane that was not there a moment ago is asked again within seconds (ADR 38).
    told = [before]

    def reached() -> bool:
        now = live_in_nevada(scene)
        told.extend([] if now is None else [now])
        return now is not None

    wait_until(reached)
    assert told[-1] == before + 4


def live_in_nevada(scene: Scene) -> int | None:
    """None while its plane is out of reach."""
    with scene.client(people.OPERATOR) as operator:
        return {one.gallery: one.live_records for one in operator.galleries()}.get(NEVADA)


def test_without_audit_nothing_is_looked_at(scene: Scene, server: Processes) -> None:
    """Law 4: no ledger, no grant, no search; a clear 503. And back again."""
    server.kill_one("audit")
    with pytest.raises(ClientError) as raised:
        scene.search(scene.enrolled[5].probe())
    assert (raised.value.status, raised.value.code) == (503, "ledger_unavailable")
    server.start_again("audit")
    wait_until(lambda: scene.search(scene.enrolled[5].probe(1)).status in FOUND)


@pytest.fixture(scope="module")
def slow_probe(scene: Scene) -> bytes:
    return slow(scene.enrolled[6].probe(1))


@pytest.mark.parametrize("name", list(KILLED))
def test_whoever_is_killed_in_the_middle_of_a_search(
    scene: Scene, server: Processes, slow_probe: bytes, name: str
) -> None:
    """R-9, R-22, law 3: the client hears of it, and repeats its call with its key: the same grant,
    one receipt. No other process had to be started again.
    """
    asked = begun(scene, unique(slow_probe))
    server.kill_one(name)
    asked.wait()
    assert asked.error is not None, "it was killed too late"
    assert (asked.error.status, asked.error.code) == KILLED[name]
    server.start_again(name)
    (granted,) = asked.entries(scene)
    assert granted.kind == "request.granted"
    wait_until(lambda: asked.ask(scene).status in FOUND)
    search = asked.ask(scene)
    assert (search.search_id, search.receipt.index) == (granted.body["search_id"], granted.index)
    assert scene.ledger.kinds(search.search_id) == ["request.granted", "search.executed"]


def test_sigterm_lets_a_search_that_was_accepted_finish(
    scene: Scene, server: Processes, slow_probe: bytes
) -> None:
    """R-45: the gateway is asked to stop while detection is at work on a large photograph: the
    answer arrives, the process ends by itself, and the ledger has the search with its end.
    """
    asked = begun(scene, unique(slow_probe))
    assert server.stop_one("gateway") == 0
    asked.wait()
    assert asked.answer is not None, asked.error
    assert asked.answer.gallery(UTAH).status is GalleryStatus.SEARCHED
    server.start_again("gateway")
    kinds = scene.ledger.kinds(asked.answer.search_id)
    assert kinds == ["request.granted", "search.executed"]
