"""The plane's index on a real Milvus server, whose reads lag behind its writes (Bounded).

What is put in is found some seconds later. The roster is truth: what it holds and the index does
not find is never answered as if it were not there.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.local.parts.milvus import Milvus
from deploy.local.running import Running, place_for
from onrecord.chassis.problems import retry_after_seconds
from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.adapters.milvus_metrics import MilvusMetrics
from onrecord.vector_search.core.values import IndexHit, IndexSpace
from onrecord.vector_search.ports import VectorIndex
from onrecord.vector_search.service.search_count import CountedIndex, SearchWatch
from tests.builders.plane import build_world, face, near
from tests.cluster.conftest import TOOLS
from tests.unit.vector_search.test_index import TestBothKeepTheContract as Contract
from tests.unit.vector_search.test_index import key, soon, space, stored

__all__ = ["space"]  # a fixture of the suite

DIMENSION = 16
ROWS = 60
_SOON = 30.0
_AFTER_A_START = 90.0


def uri(running: Running) -> str:
    return f"http://{running.place.at('proxy')}"


def metrics(running: Running) -> MilvusMetrics:
    return MilvusMetrics([f"http://{running.place.at('metrics')}/metrics"])


def eventually(holds: Callable[[], bool], seconds: float = _SOON) -> None:
    deadline = Deadline.after(seconds)
    while not holds():
        deadline.check()
        threading.Event().wait(0.05)


class Settled:
    """A `VectorIndex` that waits, after a write, until reads have caught up with it."""

    def __init__(self, index: MilvusIndex) -> None:
        self._index = index

    def insert(
        self, space: IndexSpace, rows: Sequence[tuple[str, Vector]], deadline: Deadline
    ) -> None:
        self._index.insert(space, rows, deadline)
        wanted = dict(rows)
        eventually(lambda: self._held(space, list(wanted)) == set(wanted) and self._is(space, rows))

    def delete(self, space: IndexSpace, keys: Sequence[str], deadline: Deadline) -> None:
        self._index.delete(space, keys, deadline)
        eventually(lambda: not keys or not self._held(space, list(keys)))

    def _is(self, space: IndexSpace, rows: Sequence[tuple[str, Vector]]) -> bool:
        last, vector = rows[-1]
        return any(
            hit.key == last
            and hit.similarity > space.metric.similarity(_itself(space, vector)) - 1e-5
            for hit in self._index.search(space, vector, 2, soon())
        )

    def _held(self, space: IndexSpace, keys: list[str]) -> set[str]:
        self._index.count(space, soon())  # loads it
        name, client = collection_name(space), self._index._client
        return {str(one["key"]) for one in client.get(name, ids=keys, output_fields=["key"])}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


def _itself(space: IndexSpace, vector: Vector) -> float:
    return float(vector @ vector) if space.metric is Metric.IP else 0.0


@pytest.fixture(scope="module")
def milvus(milvus_server: Running) -> Iterator[MilvusIndex]:
    index = MilvusIndex.on_server(uri(milvus_server))
    yield index
    index.close()


@pytest.fixture(scope="module")
def index(milvus: MilvusIndex) -> VectorIndex:
    return Settled(milvus)


class TestAServerKeepsTheContract(Contract):
    """As Milvus Lite does, once reads have caught up."""

    def test_readers_miss_nothing_while_another_writes(self, index: VectorIndex) -> None:
        """Reads lag, but what was once found is found from then on."""
        space = IndexSpace("US-CO", "model", DIMENSION, Metric.IP)
        index.create(space, soon())
        milvus: MilvusIndex = index._index  # type: ignore[attr-defined]
        done = threading.Event()
        lost: list[set[str]] = []

        def read() -> None:
            seen: set[str] = set()
            while not done.is_set():
                found = {hit.key for hit in milvus.search(space, face(1), 1000, soon())}
                if not seen <= found:
                    lost.append(seen - found)
                seen = found

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(ROWS):
            milvus.insert(space, [(key(number), stored(space, number))], soon())
        eventually(lambda: milvus.count(space, soon()) == ROWS)
        done.set()
        for reader in readers:
            reader.join()
        assert lost == []


@pytest.fixture
def fresh(milvus: MilvusIndex, request: pytest.FixtureRequest) -> Iterator[IndexSpace]:
    """A space of this test's own, filled and visible."""
    made = IndexSpace("US-UT", f"model of {request.node.name}", DIMENSION, Metric.IP)
    filled(milvus, made)
    yield made
    milvus._client.drop_collection(collection_name(made))


def filled(index: MilvusIndex, space: IndexSpace) -> None:
    index.create(space, soon())
    index.insert(space, [(key(n), face(n)) for n in range(ROWS)], soon())
    eventually(lambda: index.count(space, soon()) == ROWS)


def best(index: MilvusIndex, space: IndexSpace, number: int, seconds: float = _SOON) -> IndexHit:
    return index.search(space, face(number), 5, Deadline.after(seconds))[0]


def refusal(attempt: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as refused:
        attempt()
    return refused.value


def test_keys_come_in_pages_and_in_order(milvus: MilvusIndex, fresh: IndexSpace) -> None:
    rng = np.random.default_rng(4)
    for number in rng.permutation(range(ROWS, ROWS + 30)):
        milvus.insert(fresh, [(key(int(number)), face(int(number)))], soon())
    milvus.delete(fresh, [key(11)], soon())
    wanted = [key(n) for n in range(ROWS + 30) if n != 11]
    eventually(lambda: milvus.count(fresh, soon()) == len(wanted))
    found: list[str] = []
    while len(page := milvus.keys(fresh, found[-1] if found else "", 16, soon())) == 16:
        found += page
    assert [*found, *page] == wanted


def test_a_key_put_in_twice_is_one_vector_and_no_search_says_it_twice(
    milvus: MilvusIndex, fresh: IndexSpace
) -> None:
    for number in (3, 3_000, 3_001):
        milvus.insert(fresh, [(key(3), face(number))], soon())
    eventually(lambda: best(milvus, fresh, 3_001).key == key(3))
    hits = milvus.search(fresh, face(3_001), ROWS + 5, soon())
    assert len([hit for hit in hits if hit.key == key(3)]) == 1
    eventually(lambda: milvus.count(fresh, soon()) == ROWS)


def test_compacting_ends_and_what_is_left_is_found(milvus: MilvusIndex, fresh: IndexSpace) -> None:
    """Its object store lets go of the old segments later, which the port says."""
    milvus.delete(fresh, [key(n) for n in range(20)], soon())
    milvus.compact(fresh, Deadline.after(60))
    eventually(lambda: milvus.count(fresh, soon()) == ROWS - 20)
    assert {hit.key for hit in milvus.search(fresh, face(30), ROWS, soon())} == {
        key(n) for n in range(20, ROWS)
    }


def loaded(index: MilvusIndex, space: IndexSpace) -> str:
    return str(index._client.get_load_state(collection_name(space))["state"].name)


def test_a_gallery_that_is_not_searched_is_released_and_a_search_loads_it(
    milvus_server: Running, fresh: IndexSpace
) -> None:
    index = MilvusIndex.on_server(uri(milvus_server), idle_seconds=0.0)
    assert best(index, fresh, 7).key == key(7)
    index.release_idle(soon())
    assert loaded(index, fresh) == "NotLoad"
    index.delete(fresh, [key(8)], soon())  # a write needs no memory
    index.insert(fresh, [(key(ROWS), face(ROWS))], soon())
    assert loaded(index, fresh) == "NotLoad"
    assert best(index, fresh, 7).key == key(7)
    eventually(lambda: best(index, fresh, ROWS).key == key(ROWS))
    assert best(index, fresh, 8).key != key(8)
    index.close()


def test_one_that_was_used_lately_is_kept(milvus_server: Running, fresh: IndexSpace) -> None:
    index = MilvusIndex.on_server(uri(milvus_server), idle_seconds=60.0)
    assert best(index, fresh, 7).key == key(7)
    index.release_idle(soon())
    assert loaded(index, fresh) == "Loaded"
    index.close()


def test_a_search_that_waits_no_longer_for_loading_is_told_when_to_come_again(
    milvus_server: Running, fresh: IndexSpace
) -> None:
    """Law 4: a clear 503 with a time; loading goes on meanwhile."""
    index = MilvusIndex.on_server(uri(milvus_server), idle_seconds=0.0, load_wait_seconds=0.0)
    index._client.release_collection(collection_name(fresh))
    began = time.monotonic()
    refused = refusal(lambda: best(index, fresh, 7))
    assert refused.code is ErrorCode.PLANE_UNAVAILABLE
    assert "being loaded" in refused.message
    assert retry_after_seconds(refused) == 5
    assert time.monotonic() - began < 2
    eventually(lambda: loaded(index, fresh) == "Loaded")
    assert best(index, fresh, 7).key == key(7)
    index._client.release_collection(collection_name(fresh))
    short = MilvusIndex.on_server(uri(milvus_server), load_wait_seconds=60.0)
    began = time.monotonic()
    assert "being loaded" in refusal(lambda: best(short, fresh, 7, seconds=1.0)).message
    assert time.monotonic() - began < 1.0, "the caller is told before its deadline"
    for one in (index, short):
        one.close()


def test_one_that_another_process_released_is_loaded_again(
    milvus_server: Running, fresh: IndexSpace
) -> None:
    """And the engine's count agrees with ours still: it counts what it answers (R-23)."""
    index = CountedIndex(MilvusIndex.on_server(uri(milvus_server)))
    watch = SearchWatch(index, metrics(milvus_server))
    assert watch.check(soon()) == 0
    assert index.search(fresh, face(7), 5, soon())[0].key == key(7)
    other = MilvusIndex.on_server(uri(milvus_server))
    other._client.release_collection(collection_name(fresh))
    assert index.search(fresh, face(7), 5, soon())[0].key == key(7)
    assert watch.check(soon()) == 0
    for one in (index, other):
        one.close()


def test_a_collection_dropped_behind_our_back_is_not_answered_from(
    milvus: MilvusIndex, milvus_server: Running
) -> None:
    """R-48: not by this process, and not by the next one, until it is made again."""
    space = IndexSpace("US-VT", "dropped", DIMENSION, Metric.IP)
    filled(milvus, space)
    milvus._client.drop_collection(collection_name(space))
    later = MilvusIndex.on_server(uri(milvus_server))
    for index in (milvus, milvus, later):
        for read in (
            partial(index.search, space, face(1), 5),
            partial(index.count, space),
            partial(index.keys, space, "", 10),
        ):
            assert refusal(partial(read, soon())).code is ErrorCode.PLANE_UNAVAILABLE
    milvus.create(space, soon())
    assert milvus.count(space, soon()) == 0
    milvus.insert(space, [(key(1), face(1))], soon())
    eventually(lambda: milvus.count(space, soon()) == 1)
    assert best(milvus, space, 1).key == key(1)
    later.close()


def test_a_plane_answers_from_what_has_caught_up_and_not_from_what_was_lost(
    tmp_path: Path, milvus: MilvusIndex
) -> None:
    """Laws 4 and 9: an insert may lag for a minute; what is missing after that is a 503."""
    world = build_world(tmp_path, index=milvus)
    world.open_gallery()
    for number in range(4):
        world.enrol(number)
    early = world.ask(world.grant(search_id="early"), near(face(2), 1))
    assert len(early.candidates) <= 4
    [gallery] = world.plane._galleries.all()
    held = world.plane._galleries.known(gallery.jurisdiction).space
    eventually(lambda: milvus.count(held, soon()) == 4)
    world.clock.at += timedelta(minutes=2)
    found = world.ask(world.grant(search_id="a", list_size=50), near(face(2), 1))
    assert len(found.candidates) == 4
    assert found.candidates[0].similarity == round(1e6 * float(face(2) @ near(face(2), 1)))
    milvus._client.drop_collection(collection_name(held))
    milvus.create(held, soon())  # as a plane does that begins
    lost = refusal(lambda: world.ask(world.grant(search_id="b"), face(2)))
    assert lost.code is ErrorCode.PLANE_UNAVAILABLE
    assert "lacks records" in lost.message
    world.plane._parts.roster.dispose()


def test_the_engines_own_count_against_real_searches(
    milvus_server: Running, fresh: IndexSpace, caplog: pytest.LogCaptureFixture
) -> None:
    """R-23: as many as we made; a search behind the plane is an alarm."""
    index = CountedIndex(MilvusIndex.on_server(uri(milvus_server)))
    watch = SearchWatch(index, metrics(milvus_server))
    assert watch.check(soon()) == 0
    before = metrics(milvus_server).read(soon()).vectors
    for number in range(7):
        index.search(fresh, face(number), 5, soon())
    assert metrics(milvus_server).read(soon()).vectors == before + 7
    assert watch.check(soon()) == 0
    stranger = MilvusIndex.on_server(uri(milvus_server))
    stranger.search(fresh, face(1), 5, soon())
    stranger.search(fresh, face(2), 5, soon())
    assert watch.check(soon()) == 2
    assert "ALARM search_count" in caplog.text
    assert watch.check(soon()) == 0
    for one in (index, stranger):
        one.close()


class TestAServerThatEnds:
    @pytest.fixture
    def mortal(self, tmp_path: Path) -> Iterator[Running]:
        part = Milvus()
        part.install(TOOLS, print)
        running = Running(part, place_for(part, TOOLS, tmp_path / "milvus"))
        try:
            running.start()
            yield running
        finally:
            running.close()

    def test_killed_it_is_a_503_and_started_again_it_has_everything(self, mortal: Running) -> None:
        """Law 4: nothing is looked at, in time; found again without a restart of ours."""
        space = IndexSpace("US-UT", "mortal", DIMENSION, Metric.IP)
        index = CountedIndex(MilvusIndex.on_server(uri(mortal)))
        watch = SearchWatch(index, metrics(mortal))
        index.create(space, soon())
        index.insert(space, [(key(n), face(n)) for n in range(ROWS)], soon())
        eventually(lambda: index.count(space, soon()) == ROWS)
        assert watch.check(soon()) == 0
        mortal.kill()
        began = time.monotonic()
        for ask in (
            partial(index.search, space, face(1), 5),
            partial(index.insert, space, [(key(1), face(1))]),
            partial(index.count, space),
        ):
            refused = refusal(partial(ask, Deadline.after(2.0)))
            assert refused.code in (ErrorCode.PLANE_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED)
        assert time.monotonic() - began < 8.0
        assert watch.check(soon()) == 0, "an engine that does not tell is no alarm of this kind"
        mortal.start()

        def found() -> bool:
            try:
                hits = index.search(space, face(9), ROWS, Deadline.after(20))
            except OnRecordError:
                return False
            return {hit.key for hit in hits} == {key(n) for n in range(ROWS)}

        eventually(found, _AFTER_A_START)
        assert index.search(space, face(9), 1, soon())[0].key == key(9)
        index.close()

    def test_paused_it_costs_the_deadline_and_no_more(self, mortal: Running) -> None:
        space = IndexSpace("US-UT", "mortal", DIMENSION, Metric.IP)
        index = MilvusIndex.on_server(uri(mortal))
        filled(index, space)
        mortal.pause()
        try:
            began = time.monotonic()
            refused = refusal(lambda: best(index, space, 1, seconds=1.5))
            assert refused.code in (ErrorCode.PLANE_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED)
            assert time.monotonic() - began < 4.0
        finally:
            mortal.resume()
        eventually(lambda: best(index, space, 1).key == key(1), _AFTER_A_START)
        index.close()
