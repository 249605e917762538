"""Who is let in: searches, uploads and all other calls have places of their own."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from hypothesis import given
from hypothesis import strategies as some

from onrecord.gateway.http.rooms import PLACES, SHED, TAKEN, WAITING, Room, Rooms, SearchRoom
from onrecord.gateway.limits import Limits, searches_at_once, searches_of_each
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import REQUEST, Office, build_office

_SECONDS = 10.0


class Held:
    """Detection that answers when it is let, and says how many are with it."""

    def __init__(self, office: Office) -> None:
        self._detect: Callable[..., Any] = office.detection.detect
        self._go = threading.Event()
        self._with_it = threading.Semaphore(0)
        office.detection.detect = self._held  # type: ignore[method-assign, assignment]

    def _held(self, *given: Any) -> Any:
        self._with_it.release()
        assert self._go.wait(_SECONDS)
        return self._detect(*given)

    def reached(self, count: int) -> None:
        for _ in range(count):
            assert self._with_it.acquire(timeout=_SECONDS)

    def let_go(self) -> None:
        self._go.set()


@contextmanager
def asking(
    folder: Path, limits: Limits
) -> Iterator[tuple[Office, Held, Callable[..., Future[Response]]]]:
    """An office at whose detection searches stay; those that were asked for end with it."""
    office = build_office(folder, limits=limits)
    held = Held(office)
    with office.http, ThreadPoolExecutor(8) as threads:
        try:
            yield office, held, lambda **how: threads.submit(office.search, **how)
        finally:
            held.let_go()


def shed_by(room: str) -> float:
    (family,) = SHED.metric.collect()
    told: dict[tuple[str, str], float] = {
        (one.name, one.labels["room"]): one.value for one in family.samples
    }
    return told.get((SHED.name, room), 0.0)


def is_shed(answer: Response) -> bool:
    told = (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert not told or int(answer.headers["retry-after"]) >= 1
    return told


def until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(_SECONDS / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to that")


def test_a_search_too_many_is_shed_before_its_probe_is_read(tmp_path: Path) -> None:
    """R-45, law 1: told at once when to come again, on no record, and nothing of it was read."""
    with asking(tmp_path, Limits(admission=4, searches=1, fan_out=4)) as (office, held, ask):
        first = ask(key="one")
        held.reached(1)
        before = shed_by("searches")
        headers = {**office.bearer("olsen", Role.REQUESTER), "Idempotency-Key": "two"}
        unreadable = office.http.post("/v1/searches", content=b"no form at all", headers=headers)
        assert is_shed(unreadable), "one that has room is told that its body is malformed"
        assert shed_by("searches") == before + 1
        assert office.audit.kinds() == ["request.granted"]
        held.let_go()
        assert first.result(_SECONDS).status_code == 201
        assert office.search(key="two").status_code == 201


def test_nobody_but_a_requester_holds_a_place_with_a_probe(tmp_path: Path) -> None:
    """R-45: told before anything of the body is read, however slowly it would come."""
    office = build_office(tmp_path)
    headers = {**office.bearer("lee", Role.EXAMINER), "Idempotency-Key": "one"}
    with office.http:
        answer = office.http.post("/v1/searches", content=b"no form at all", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")


def test_searches_take_no_place_from_anybody_else(tmp_path: Path) -> None:
    """Examiners, auditors, custodians and who asks how far a search is are not shed by searches."""
    with asking(tmp_path, Limits(admission=2, searches=1, uploads=1, fan_out=4)) as (
        office,
        held,
        ask,
    ):
        first = ask(key="one")
        held.reached(1)
        assert is_shed(office.search(key="two"))
        asked = {
            "/v1/searches": ("olsen", Role.REQUESTER),
            "/v1/tasks": ("ex-1", Role.EXAMINER),
            "/v1/ledger/bodies": ("ada", Role.AUDITOR),
        }
        for path, (person, role) in asked.items():
            assert office.get(path, person, role).status_code == 200, path
        custodian = office.bearer("uta", Role.CUSTODIAN, gallery="US-UT")
        brought = office.http.put(
            "/v1/galleries/US-UT/records/r-9",
            files={"portrait": ("p.jpg", b"a portrait", "image/jpeg")},
            headers=custodian,
        )
        assert not is_shed(brought)
        held.let_go()
        assert first.result(_SECONDS).status_code == 201


def test_uploads_take_no_place_from_anybody_else(tmp_path: Path) -> None:
    """A custodian whose portrait is at work sheds the next portrait, and nothing else."""
    office = build_office(tmp_path, limits=Limits(admission=2, uploads=1, searches=1, fan_out=4))
    began, go = threading.Event(), threading.Event()
    begin: Callable[..., Any] = office.plane.begin_enrolments

    def slow(*given: Any) -> Any:
        began.set()
        assert go.wait(_SECONDS)
        return begin(*given)

    def bring(record: str) -> Response:
        answer: Response = office.http.put(
            f"/v1/galleries/US-UT/records/{record}",
            files={"portrait": ("p.jpg", b"a portrait", "image/jpeg")},
            headers=office.bearer("uta", Role.CUSTODIAN, gallery="US-UT"),
        )
        return answer

    office.plane.begin_enrolments = slow  # type: ignore[method-assign, assignment]
    with office.http, ThreadPoolExecutor(1) as threads:
        first = threads.submit(bring, "r-8")
        try:
            assert began.wait(_SECONDS)
            assert is_shed(bring("r-9"))
            assert office.search(key="one").status_code == 201
            assert office.get("/v1/tasks", "ex-1", Role.EXAMINER).status_code == 200
        finally:
            go.set()
        assert first.result(_SECONDS).status_code == 202


def test_a_search_that_has_ended_gives_its_answer_while_others_are_shed(tmp_path: Path) -> None:
    """R-9: the same key gets the same answer, however full it is: nothing is worked on for it."""
    with asking(tmp_path, Limits(admission=4, searches=1, fan_out=4)) as (office, held, ask):
        held.let_go()
        done = office.search(key="done")
        again_held = Held(office)
        first = ask(key="one")
        again_held.reached(1)
        assert is_shed(office.search(key="two"))
        again = office.search(key="done")
        assert (again.status_code, again.json()["search_id"]) == (201, done.json()["search_id"])
        other = office.search(key="done", probe=b"another probe")
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        again_held.let_go()
        assert first.result(_SECONDS).status_code == 201


def test_a_granted_search_that_comes_again_waits_and_is_not_shed(tmp_path: Path) -> None:
    """R-9: what was granted and not finished goes before what is new, in the line."""
    with asking(tmp_path, Limits(admission=4, searches=1, fan_out=4)) as (office, held, ask):
        office.embedding.embed, embed = _away, office.embedding.embed  # type: ignore[method-assign, assignment]
        held.let_go()
        assert office.search(key="begun").status_code == 503
        office.embedding.embed = embed  # type: ignore[method-assign]
        again_held = Held(office)
        first = ask(key="one")
        again_held.reached(1)
        again = ask(key="begun")
        until(lambda: _waiting(office) == 1)
        again_held.let_go()
        assert [one.result(_SECONDS).status_code for one in (first, again)] == [201, 201]
    assert office.audit.kinds().count("request.granted") == 2


def test_slow_probes_do_not_shut_out_a_granted_search_that_comes_again(tmp_path: Path) -> None:
    """R-9: places are kept for those that come again; a new search that finds only these is shed,
    and holds none.
    """
    office = build_office(tmp_path, limits=Limits(admission=3, searches=1, fan_out=4))
    office.embedding.embed, embed = _away, office.embedding.embed  # type: ignore[method-assign, assignment]

    async def tried() -> None:
        sent, before = asyncio.Event(), shed_by("probes")
        transport = ASGITransport(office.gateway.app)
        async with AsyncClient(transport=transport, base_url="http://gateway") as client:

            async def ask(key: str, body: AsyncIterator[bytes]) -> Response:
                headers = {**office.bearer("olsen", Role.REQUESTER), "Idempotency-Key": key}
                headers["Content-Type"] = "multipart/form-data; boundary=b0undary"
                return await client.post("/v1/searches", content=body, headers=headers)

            slow = [asyncio.create_task(ask(f"slow-{one}", _body(sent))) for one in range(2)]
            async with asyncio.timeout(_SECONDS):
                while _taken(office, "probes") < 2:
                    await asyncio.sleep(0)
            assert is_shed(await ask("new", _body()))
            assert shed_by("probes") == before + 1
            assert (await ask("begun", _body())).status_code == 201
            assert _taken(office, "probes") == 2
            sent.set()
            async with asyncio.timeout(_SECONDS):
                assert [(await one).status_code for one in slow] == [201, 201]

    with office.http:
        assert office.search(key="begun").status_code == 503
        office.embedding.embed = embed  # type: ignore[method-assign]
        asyncio.run(tried())


def test_slow_repeats_do_not_shut_out_a_granted_search_either(tmp_path: Path) -> None:
    """R-9: a place that is kept is for no search that has ended, and one alone for one that has
    not.
    """
    office = build_office(tmp_path, limits=Limits(admission=4, searches=4, fan_out=4))
    office.embedding.embed, embed = _away, office.embedding.embed  # type: ignore[method-assign, assignment]

    async def tried() -> None:
        sent = asyncio.Event()
        transport = ASGITransport(office.gateway.app)
        async with AsyncClient(transport=transport, base_url="http://gateway") as client:

            async def ask(key: str, body: AsyncIterator[bytes]) -> Response:
                headers = {**office.bearer("olsen", Role.REQUESTER), "Idempotency-Key": key}
                headers["Content-Type"] = "multipart/form-data; boundary=b0undary"
                return await client.post("/v1/searches", content=body, headers=headers)

            async def slowly(key: str) -> asyncio.Task[Response]:
                read = asyncio.Event()
                asked = asyncio.create_task(ask(key, _body(sent, read)))
                async with asyncio.timeout(_SECONDS):
                    await read.wait()
                return asked

            slow = [await slowly("ended") for _ in range(6)]
            assert is_shed(await ask("ended", _body()))
            slow.append(await slowly("one"))
            assert is_shed(await ask("one", _body()))
            assert (await ask("other", _body())).status_code == 201
            sent.set()
            async with asyncio.timeout(_SECONDS):
                assert {(await one).status_code for one in slow} <= {200, 201}

    with office.http:
        for key in ("one", "other"):
            assert office.search(key=key).status_code == 503
        office.embedding.embed = embed  # type: ignore[method-assign]
        assert office.search(key="ended").status_code == 201
        asyncio.run(tried())


def test_who_waits_too_long_is_told_to_come_again(tmp_path: Path) -> None:
    """Nothing is granted to it, and a place it was given in that moment is not lost."""
    limits = Limits(admission=4, searches=2, search_wait_seconds=0.05, fan_out=4)
    with asking(tmp_path, limits) as (office, held, ask):
        running = [ask(key=key) for key in ("one", "two")]
        held.reached(2)
        before = shed_by("line")
        assert is_shed(office.search(key="three"))
        assert shed_by("line") == before + 1
        assert office.audit.kinds() == ["request.granted"] * 2
        held.let_go()
        assert [one.result(_SECONDS).status_code for one in running] == [201, 201]
        assert office.search(key="three").status_code == 201


def test_what_is_full_can_be_seen(tmp_path: Path) -> None:
    """R-43: how many places there are of each kind, and how many are taken."""
    with asking(tmp_path, Limits(admission=4, searches=2, uploads=3, fan_out=4)) as (
        office,
        held,
        ask,
    ):
        first = ask(key="one")
        held.reached(1)
        (reading,) = [one for one in office.gateway.readings if one.name == "room"]
        told = {(one.gauge, one.labels.get("room")): one.value for one in reading.read()}
        places = {room: told[PLACES, room] for room in ("calls", "uploads", "probes", "searches")}
        assert places == {"calls": 4, "uploads": 3, "probes": 4, "searches": 2}
        assert told[TAKEN, "searches"] == told[TAKEN, "probes"] == 1
        assert told[TAKEN, "uploads"] == told[WAITING, None] == 0
        held.let_go()
        assert first.result(_SECONDS).status_code == 201


_STEPS = some.tuples(
    some.booleans(), some.sampled_from(("comes", "comes", "ends", "leaves")), some.integers(0, 99)
)


@given(some.lists(_STEPS, max_size=60))
def test_a_place_is_never_lost_and_never_given_twice(steps: list[tuple[bool, str, int]]) -> None:
    """Whoever comes, ends or gives up: at most two are in, nobody waits beside a free place, and in
    the end both places are free and nobody failed who did not give up.
    """

    async def tried() -> None:
        room, inside = SearchRoom(2, _SECONDS), [0]
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.Event] = []

        async def one(granted: bool, mine: asyncio.Event) -> None:
            async with room.place(granted=granted):
                inside[0] += 1
                assert inside[0] <= 2
                try:
                    await mine.wait()
                finally:
                    inside[0] -= 1

        for granted, what, which in steps:
            if what == "comes" or not tasks:
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(one(granted, ends[-1])))
            elif what == "ends":
                ends[which % len(ends)].set()
            else:
                tasks[which % len(tasks)].cancel()
            if which % 2:  # or several things happen at once
                for _ in range(4):
                    await asyncio.sleep(0)
                assert room.free == 0 or room.waiting == 0
        for end in ends:
            end.set()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), _SECONDS)
        assert all(one.cancelled() or one.exception() is None for one in tasks)
        assert (room.free, room.waiting, inside[0]) == (2, 0, 0)

    asyncio.run(tried())


def test_a_granted_one_goes_before_new_ones() -> None:
    """R-9: its grant does not live for long."""

    async def tried() -> list[str]:
        room, order = SearchRoom(1, _SECONDS), list[str]()
        go = asyncio.Event()

        async def one(name: str, granted: bool) -> None:
            async with room.place(granted=granted):
                order.append(name)
                await go.wait()

        tasks = []
        for name, granted in (("at work", False), ("new", False), ("granted", True)):
            tasks.append(asyncio.create_task(one(name, granted)))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(tried()) == ["at work", "granted", "new"]


def test_a_room_without_a_place_says_so_and_is_free_again() -> None:
    room = Room("calls", 1)
    with room.place(), pytest.raises(OnRecordError) as shed, room.place():
        pass
    assert shed.value.code is ErrorCode.OVERLOADED
    assert room.free == 1


@pytest.mark.parametrize(("admission", "searches", "probes"), [(16, 4, 16), (16, 40, 80)])
def test_a_place_at_work_can_be_reached(admission: int, searches: int, probes: int) -> None:
    """However many searches may be at work, they and their line find room for their probes."""
    assert Rooms(Limits(admission=admission, searches=searches)).probes.places == probes


@pytest.mark.parametrize(
    ("told", "processors", "found"), [(0, 1, 2), (0, 2, 4), (0, 4, 8), (0, 64, 16), (40, 2, 40)]
)
def test_how_many_searches_follow_from_the_processors(
    told: int, processors: int, found: int
) -> None:
    assert searches_at_once(told, processors) == found


@pytest.mark.parametrize(
    ("gateways", "processors", "found"), [(1, 2, 4), (2, 2, 2), (3, 2, 1), (9, 2, 1), (2, 64, 8)]
)
def test_gateways_of_one_machine_share_what_it_can(
    gateways: int, processors: int, found: int
) -> None:
    assert searches_of_each(gateways, processors) == found


def _waiting(office: Office) -> float:
    (reading,) = [one for one in office.gateway.readings if one.name == "room"]
    return next(one.value for one in reading.read() if one.gauge is WAITING)


def _taken(office: Office, room: str) -> float:
    (reading,) = [one for one in office.gateway.readings if one.name == "room"]
    values = {one.labels.get("room"): one.value for one in reading.read() if one.gauge is TAKEN}
    return values[room]


async def _body(
    sent: asyncio.Event | None = None, read: asyncio.Event | None = None
) -> AsyncIterator[bytes]:
    """A search's form; its last bytes come once `sent` is set. `read`: when it is begun to be."""
    if read is not None:
        read.set()
    parts = {"request": json.dumps(REQUEST).encode(), "probe": b"the probe"}
    for name, data in parts.items():
        head = f'--b0undary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        yield head.encode() + data + b"\r\n"
    if sent is not None:
        await sent.wait()
    yield b"--b0undary--\r\n"


def _away(*_: Any) -> Any:
    raise OnRecordError(ErrorCode.INFERENCE_UNAVAILABLE, "away")
