"""R-22, R-23: `onrecord up`, with its models and its Milvus Lite, killed ten times over (SIGKILL).

Each kill comes somewhere within a search, an enrolment and a deletion; the client who was cut off
comes again with the same words, and at the end an auditor verifies the ledger from what is public.
"""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from onrecord.client import ClientError, Search
from onrecord.kernel.vocabulary import SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_ledger import LedgerView
from tests.builders.e2e_scene import UTAH, Scene, build_scene, record_id
from tests.builders.e2e_server import Server, start_server
from tests.builders.models import reference_repository

_KILLS = 10
_ENROLLED = 4
_LONGEST = 0.6
"""Seconds into the work at the latest: a search takes some tenths."""


class _Asker:
    """One investigator, who asks in the same words whenever they ask again."""

    def __init__(self, scene: Scene) -> None:
        self._who = people.investigator()
        self._words = [
            (scene.enrolled[number % _ENROLLED].probe(number), people.request(galleries=[UTAH]))
            for number in range(_KILLS)
        ]

    def search(self, scene: Scene, number: int) -> str:
        """The search's id."""
        probe, request = self._words[number]
        with scene.client(self._who) as client:
            return _ended(client.search(request, probe, idempotency_key=f"kill-{number}"))


@pytest.mark.slow
def test_ten_kills_of_the_whole_process_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(10)  # noqa: S311 - the same moments each time, as far as a clock goes
    models, data, log = reference_repository(), tmp_path / "data", tmp_path / "server.log"
    server = start_server(data, models, log)
    scene = build_scene(server.installation, models, enrolled=_ENROLLED, examiners=2)
    by, answered = _Asker(scene), {}
    for number in range(_KILLS):
        _killed_at_work(server, scene, by, number, chance.uniform(0.0, _LONGEST))
        server = start_server(data, models, log)
        scene.installation = server.installation
        answered[number] = by.search(scene, number)
        for before in range(number):
            assert by.search(scene, before) == answered[before], "an answer changed"
    scene.ledger = LedgerView(server.installation)
    for search_id in answered.values():
        kinds = Counter(scene.ledger.kinds(search_id))
        assert kinds["request.granted"] == kinds["search.executed"] == 1, kinds
        assert kinds.total() == 2, kinds
    exported = scene.ledger.export(tmp_path / "ledger")
    verified = scene.ledger.verify(exported)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert server.stop() == 0


def _killed_at_work(server: Server, scene: Scene, by: _Asker, number: int, after: float) -> None:
    """The process ends while somebody searches and a custodian enrols and deletes."""
    started = threading.Barrier(3)

    def search() -> None:
        started.wait()
        with suppress(httpx.TransportError, ClientError):
            by.search(scene, number)

    def change() -> None:
        sitter = scene.enrolled[number % _ENROLLED]
        custodian = people.custodian(UTAH)
        started.wait()
        with (
            suppress(httpx.TransportError, ClientError),
            people.client(scene.installation, custodian) as client,
        ):
            client.enrol(UTAH, record_id(UTAH, sitter), sitter.probe(number))

    with ThreadPoolExecutor(2) as threads:
        threads.submit(search)
        threads.submit(change)
        started.wait()
        threading.Event().wait(after)
        server.kill()


def _ended(said: Search) -> str:
    assert said.status is not SearchStatus.PROCESSING
    return said.search_id
