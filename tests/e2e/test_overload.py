"""More searches at once than a gateway has places for: what is accepted finishes, what is shed is
told when to come again, only searchers are shed, and nothing is lost or half done (R-23, R-45).

Run on both forms. The askers are of the Department of Public Safety, whose quota no other file of
these tests counts against.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from onrecord.gateway.http.rooms import Rooms
from onrecord.gateway.limits import Limits, searches_at_once, searches_of_each
from onrecord.kernel.vocabulary import Role, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_asking import FOUND, WAIT_SECONDS
from tests.builders.e2e_people import Person
from tests.builders.e2e_scene import Scene

PLACES = Rooms(Limits(searches=searches_at_once(0))).probes.places
AGENCY = "us-ut-dps"
_BOUNDARY = "b0undary"
_LOOK_AGAIN = 0.02


@dataclass(slots=True)
class Asker:
    """Somebody new, with one search to ask for under one key."""

    address: str
    token: Callable[[], str] = field(repr=False)
    who: Person
    probe: bytes = field(repr=False)
    key: str = field(default_factory=people.fresh_key)
    request: dict[str, Any] = field(
        default_factory=lambda: people.request(beneficiary_agency=AGENCY)
    )

    def ask(self, held: threading.Event | None = None) -> httpx.Response:
        """Ask; the last byte of the probe is sent only once `held` is set."""
        head, tail = self._body()

        def body() -> Iterator[bytes]:
            yield head
            assert held is None or held.wait(WAIT_SECONDS)
            yield tail

        headers = {
            "Authorization": f"Bearer {self.token()}",
            "Idempotency-Key": self.key,
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }
        url = f"{self.address}/v1/searches"
        return httpx.post(url, content=body(), headers=headers, timeout=WAIT_SECONDS)

    def insist(self) -> tuple[httpx.Response, int]:
        """Ask until it is accepted, as patiently as one is told to; how often it was shed."""
        deadline, pause, shed = time.monotonic() + WAIT_SECONDS, threading.Event(), 0
        while True:
            answer = self.ask()
            if answer.status_code != 429:
                return answer, shed
            shed += 1
            assert time.monotonic() < deadline
            pause.wait(wait_of(answer))

    def _body(self) -> tuple[bytes, bytes]:
        parts = (("request", json.dumps(self.request).encode()), ("probe", self.probe))
        body = b"".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
            + data
            + b"\r\n"
            for name, data in parts
        )
        end = f"--{_BOUNDARY}--\r\n".encode()
        return body[:-3], body[-3:] + end


def askers(scene: Scene, count: int) -> list[Asker]:
    found = []
    for number in range(count):
        who = Person(f"inv-{people.fresh_key()}", AGENCY, (Role.REQUESTER,))
        token = people.tokens(scene.installation.issuer, who)
        probe = scene.enrolled[number % len(scene.enrolled)].probe()
        found.append(Asker(scene.installation.address, token, who, probe))
    return found


def wait_of(shed: httpx.Response) -> int:
    """What a refusal for want of room says, checked; its `Retry-After` in seconds."""
    assert (shed.status_code, shed.json()["code"]) == (429, "overloaded"), shed.text
    assert shed.headers["content-type"] == "application/problem+json"
    seconds = int(shed.headers["retry-after"])
    assert 1 <= seconds <= 60
    return seconds


def wait_until_full(one: Asker) -> None:
    """Until a search finds no place any more; it has no body, so with a place it is malformed."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, threading.Event()
    headers = {"Authorization": f"Bearer {one.token()}", "Idempotency-Key": people.fresh_key()}
    while httpx.post(f"{one.address}/v1/searches", headers=headers).status_code != 429:
        assert time.monotonic() < deadline
        pause.wait(_LOOK_AGAIN)


def check_others_are_served(scene: Scene, asker: Asker) -> None:
    """Searches take no place from a requester who looks, an examiner, a custodian, the public."""
    for who, path in (
        (asker.who, "/v1/searches"),
        (people.examiner(), "/v1/tasks"),
        (people.AUDITOR, "/v1/ledger/bodies?limit=1"),
        (people.custodian("US-UT"), "/v1/galleries/US-UT/check"),
        (asker.who, "/ledger/checkpoint"),
    ):
        token = people.tokens(scene.installation.issuer, who)()
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{asker.address}{path}", headers=headers, timeout=WAIT_SECONDS)
        assert answer.status_code == 200, (path, answer.text)


def check_whole(scene: Scene, asked: Sequence[Asker], answers: Sequence[httpx.Response]) -> None:
    """Each was found, once: one grant, one end, one row, whose receipt the answer names."""
    for one, answer in zip(asked, answers, strict=True):
        said = answer.json()
        assert (answer.status_code, SearchStatus(said["status"]) in FOUND) == (201, True), said
        assert scene.ledger.kinds(said["search_id"]) == ["request.granted", "search.executed"]
        (granted,) = scene.ledger.by(one.who.person)
        assert granted.index == said["receipt"]["index"]
        with scene.client(one.who) as client:
            assert [row.search_id for row in client.searches()] == [said["search_id"]]


def test_beyond_its_places_searches_are_shed_and_the_accepted_ones_finish(scene: Scene) -> None:
    """R-23, R-45: every place is held by a search whose probe is still on its way; the next is
    told at once to come again, and leaves no trace, while whoever asks for anything else is served;
    the others end as if nobody else had asked.
    """
    first, outsider = askers(scene, PLACES + 4), askers(scene, 1)[0]
    release = threading.Event()
    with ThreadPoolExecutor(len(first)) as threads:
        running = [threads.submit(one.ask, release) for one in first]
        try:
            wait_until_full(outsider)
            began = time.monotonic()
            shed = outsider.ask()
            assert time.monotonic() - began < 5.0, "a refusal waits for nobody"
            check_others_are_served(scene, outsider)
        finally:
            release.set()
        answers = [one.result() for one in running]

    wait_of(shed)
    accepted = [one for one, said in zip(first, answers, strict=True) if said.is_success]
    refused = [one for one, said in zip(first, answers, strict=True) if not said.is_success]
    # At work at once are fewer; who waits behind them longer than a second is told so.
    assert len(accepted) >= searches_of_each(2)  # where the form has two gateways
    check_whole(scene, accepted, [one for one in answers if one.is_success])
    for answer in answers:
        assert answer.is_success or wait_of(answer)
    for one in (*refused, outsider):
        assert scene.ledger.by(one.who.person) == []
        with scene.client(one.who) as client:
            assert list(client.searches()) == []

    again = [*refused, outsider]
    check_whole(scene, again, [one.insist()[0] for one in again])


def test_clients_that_come_again_when_told_lose_nothing(scene: Scene) -> None:
    """R-9, R-23: twice as many at once as there are places, each repeating with its own key: all
    are found, each with one grant and one end, however often it was shed on the way.
    """
    asked = askers(scene, 2 * PLACES)
    together = threading.Barrier(len(asked))

    def work(one: Asker) -> tuple[httpx.Response, int]:
        together.wait(WAIT_SECONDS)
        return one.insist()

    with ThreadPoolExecutor(len(asked)) as threads:
        found = list(threads.map(work, asked))
    assert sum(shed for _, shed in found) > 0, "they were never too many"
    check_whole(scene, asked, [answer for answer, _ in found])
