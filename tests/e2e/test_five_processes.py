"""The same installation as six processes: five services, vector search on two planes.

The tests of one process run here unchanged: an installation's address, its issuer and its public
keys are all they know. Then what only processes apart can do: one of them dies.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_photographs import Sitter, enlarged, sitters
from tests.builders.e2e_processes import Processes, running_processes
from tests.builders.e2e_scene import UTAH, Scene, build_scene, enrol, open_gallery_like
from tests.e2e.test_one_search import *  # noqa: F403 - the very same tests, on other processes

NEVADA = "US-NV"
"""A state that allows what Utah allows, on the other plane."""
_ENROLLED = 12
_EXAMINERS = 4
_WAIT_SECONDS = 60.0
_SLOW_PIXELS = 6000  # a side: some half a second to decode

# All on one worker: six processes are enough for one machine.
pytestmark = [pytest.mark.xdist_group("five-processes"), pytest.mark.slow]


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with running_processes(tmp_path_factory.mktemp("five-processes") / "data", models) as running:
        yield running
        said = running.logs()
        assert "Traceback" not in said, said[-3000:]


@pytest.fixture(scope="module")
def scene(server: Processes, models: Path) -> Scene:
    """Three states: Utah allows, Vermont forbids, Maryland's agreement has run out."""
    return build_scene(server.installation, models, enrolled=_ENROLLED, examiners=_EXAMINERS)


@pytest.fixture(scope="module")
def nevada(scene: Scene, models: Path) -> Sitter:
    """Nevada's gallery, with one person in it who is in no other."""
    (only,) = sitters(_ENROLLED + 3)[-1:]
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
    assert held == {UTAH: "utah", NEVADA: "others", "US-VT": "others", "US-MD": "others"}
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

    until(whole)


def until(holds: Callable[[], bool]) -> None:
    """A service that is back is found within two seconds; meanwhile it is refused as away."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            if holds():
                return
        except ClientError as error:
            assert error.status == 503, error
        assert time.monotonic() < deadline


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
            for _ in range(int(_WAIT_SECONDS / 0.1)):
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
    with scene.client(people.OPERATOR) as operator:
        before = {one.gallery: one.live_records for one in operator.galleries()}[NEVADA]
    number = ["detection", "embedding", "vector-search-others"].index(name)
    enrolling = Enrolling(scene, sitters(_ENROLLED + 3 + 12)[_ENROLLED + 3 + 4 * number :][:4])
    begun = enrolling.begin()
    server.kill_one(name)
    server.start_again(name)
    assert enrolling.ended(begun) == ["live"] * 4
    with scene.client(people.OPERATOR) as operator:
        after = {one.gallery: one.live_records for one in operator.galleries()}[NEVADA]
    assert after == before + 4


def test_without_audit_nothing_is_looked_at(scene: Scene, server: Processes) -> None:
    """Law 4: no ledger, no grant, no search; a clear 503. And back again."""
    server.kill_one("audit")
    with pytest.raises(ClientError) as raised:
        scene.search(scene.enrolled[5].probe())
    assert (raised.value.status, raised.value.code) == (503, "ledger_unavailable")
    server.start_again("audit")
    found = {SearchStatus.SEALED, SearchStatus.EXAMINING}
    until(lambda: scene.search(scene.enrolled[5].probe(1)).status in found)


def test_sigterm_lets_a_search_that_was_accepted_finish(scene: Scene, server: Processes) -> None:
    """R-45: the gateway is asked to stop while detection is at work on a large photograph: the
    answer arrives, the process ends by itself, and the ledger has the search with its end.
    """
    slow, who, found = enlarged(scene.enrolled[6].probe(1), _SLOW_PIXELS), people.investigator(), []
    before = scene.ledger.entries()[-1].index
    asking = threading.Thread(target=lambda: found.append(scene.search(slow, by=who)))
    asking.start()
    until(lambda: scene.ledger.entries()[-1].index > before)
    assert not found, "it was over before anything could happen to it"
    assert server.stop_one("gateway") == 0
    asking.join(_WAIT_SECONDS)
    (search,) = found
    assert search.gallery(UTAH).status is GalleryStatus.SEARCHED
    server.start_again("gateway")
    assert scene.ledger.kinds(search.search_id) == ["request.granted", "search.executed"]
