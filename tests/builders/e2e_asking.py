"""A search that is under way while something happens to the installation."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from onrecord.client import ClientError, Search
from onrecord.kernel.vocabulary import SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_ledger import Entry
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import enlarged, unique
from tests.builders.e2e_scene import Scene

FOUND = {SearchStatus.SEALED, SearchStatus.EXAMINING}
WAIT_SECONDS = 60.0
_SLOW_PIXELS = 7500  # a side: the better part of a second to decode
_LOOK_AGAIN = 0.02
_TRIES = 3


def slow(probe: bytes) -> bytes:
    """The same face, in a photograph that takes long to decode."""
    return enlarged(probe, _SLOW_PIXELS)


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
        """Ask, or ask again, here and now."""
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
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()

    def entries(self, scene: Scene) -> list[Entry]:
        """Those of the search that it has brought about, as they stand now."""
        by = scene.ledger.by(self.who.person)
        (search_id,) = {one.body["search_id"] for one in by} or {""}
        return [one for one in scene.ledger.entries() if one.body.get("search_id") == search_id]


def begun(scene: Scene, slow_probe: bytes) -> Asked:
    """A search whose grant is in the ledger and whose photograph is being decoded.

    One that was over before anybody looked is no fault of anybody: then another is asked for.
    """
    for _ in range(_TRIES):
        asked = Asked(people.investigator(), people.request(), people.fresh_key(), slow_probe)
        asked.begin(scene)
        wait_until(partial(_is_granted, scene, asked))
        if asked.answer is None:
            return asked
        asked.wait()
        slow_probe = unique(slow_probe)
    raise AssertionError("each was over before anything could happen to it")


def _is_granted(scene: Scene, asked: Asked) -> bool:
    return bool(scene.ledger.by(asked.who.person))


def wait_until(holds: Callable[[], bool]) -> None:
    """A service that is back is found within two seconds; meanwhile it is refused as away."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, threading.Event()
    while True:
        try:
            if holds():
                return
        except ClientError as error:
            assert error.status == 503, error
        assert time.monotonic() < deadline
        pause.wait(_LOOK_AGAIN)
