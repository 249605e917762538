"""One contract, two indexes: Milvus Lite through pymilvus, and the exact one that tests use."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.core.ranking import FETCH_CEILING
from onrecord.vector_search.core.values import IndexSpace
from onrecord.vector_search.ports import VectorIndex
from tests.builders.index import ExactIndex
from tests.builders.plane import MODEL, UTAH, build_world, face, near

DIMENSION = 16
ROWS = 300


@pytest.fixture(scope="module")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusIndex]:
    index = MilvusIndex.on_file(tmp_path_factory.mktemp("milvus") / "vectors.db")
    yield index
    index.close()


@pytest.fixture(scope="module", params=["exact", "milvus"])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    if request.param == "exact":
        return ExactIndex()
    found: MilvusIndex = request.getfixturevalue("milvus")
    return found


@pytest.fixture(scope="module", params=list(Metric))
def space(request: pytest.FixtureRequest, index: VectorIndex) -> IndexSpace:
    """A space of 300 vectors; raw ones where the metric is L2."""
    made = IndexSpace("US-UT", f"model-{request.param}", DIMENSION, request.param)
    index.create(made, soon())
    index.create(made, soon())
    index.insert(made, [(key(n), stored(made, n)) for n in range(ROWS)], soon())
    return made


def stored(space: IndexSpace, number: int) -> Vector:
    return face(number) * np.float32(0.6 if space.metric is Metric.L2 else 1.0)


def soon() -> Deadline:
    return Deadline.after(20)


def key(number: int) -> str:
    return f"{number:064x}"


class TestBothKeepTheContract:
    def test_similarities_are_those_of_the_formula(
        self, index: VectorIndex, space: IndexSpace
    ) -> None:
        """IP: the cosine. L2: 1 - d²/2 with d the Euclidean distance, held to [-1, 1]."""
        probe = stored(space, 7) + np.float32(0.05) * face(9_999)
        everyone = np.stack([stored(space, n) for n in range(ROWS)]).astype(np.float64)
        if space.metric is Metric.IP:
            expected = everyone @ probe
        else:
            expected = 1.0 - ((everyone - probe) ** 2).sum(axis=1) / 2
        order = np.argsort(-expected)[:20]
        hits = index.search(space, probe, 20, soon())
        assert [hit.key for hit in hits] == [key(n) for n in order]
        np.testing.assert_allclose([h.similarity for h in hits], expected[order], atol=1e-6)

    def test_all_are_given_when_more_are_asked_for(
        self, index: VectorIndex, space: IndexSpace
    ) -> None:
        hits = index.search(space, stored(space, 1), FETCH_CEILING, soon())
        assert {hit.key for hit in hits} >= {key(n) for n in range(ROWS)}

    def test_the_same_key_again_takes_the_place_of_the_first(
        self, index: VectorIndex, space: IndexSpace
    ) -> None:
        again = key(1_000)
        index.insert(space, [(again, stored(space, 1_000))], soon())
        index.insert(space, [(again, stored(space, 1_001))], soon())
        found = index.search(space, stored(space, 1_001), 1, soon())[0]
        assert found.key == again
        before = [h for h in index.search(space, stored(space, 1_000), 5, soon()) if h.key == again]
        assert all(hit.similarity < 0.99 for hit in before)

    def test_what_is_deleted_is_not_found(self, index: VectorIndex, space: IndexSpace) -> None:
        index.insert(space, [(key(2_000), stored(space, 2_000))], soon())
        index.delete(space, [key(2_000), key(4_000)], soon())
        index.delete(space, [], soon())
        assert key(2_000) not in {
            h.key for h in index.search(space, stored(space, 2_000), 20, soon())
        }

    def test_no_search_crosses_a_space(self, index: VectorIndex, space: IndexSpace) -> None:
        other = IndexSpace("US-VT", space.model_id, DIMENSION, space.metric)
        index.create(other, soon())
        index.insert(other, [(key(5), stored(space, 5))], soon())
        assert [hit.key for hit in index.search(other, stored(space, 6), 20, soon())] == [key(5)]

    def test_a_new_space_is_empty(self, index: VectorIndex) -> None:
        fresh = IndexSpace("US-MD", "fresh", DIMENSION, Metric.IP)
        index.create(fresh, soon())
        assert index.search(fresh, face(1), 20, soon()) == []

    def test_readers_miss_nothing_while_another_writes(self, index: VectorIndex) -> None:
        """Milvus Lite is flushed every hundred rows: none may be out of sight meanwhile."""
        space = IndexSpace("US-CO", "model", DIMENSION, Metric.IP)
        index.create(space, soon())
        written: list[int] = []
        missed: list[int] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                for number in written[-3:]:
                    hits = index.search(space, stored(space, number), 2, soon())
                    if key(number) not in {hit.key for hit in hits}:
                        missed.append(number)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(ROWS):
            index.insert(space, [(key(number), stored(space, number))], soon())
            written.append(number)
        done.set()
        for reader in readers:
            reader.join()
        assert missed == []
        assert len(written) == ROWS


class TestMilvus:
    def test_a_collection_is_named_by_gallery_and_model(self) -> None:
        space = IndexSpace(UTAH, MODEL, DIMENSION, Metric.IP)
        other = IndexSpace(UTAH, MODEL + "x", DIMENSION, Metric.IP)
        assert collection_name(space).startswith("gallery_US_UT_")
        assert collection_name(space) != collection_name(other)

    def test_what_was_inserted_is_there_after_a_restart(self, tmp_path: Path) -> None:
        space = IndexSpace(UTAH, MODEL, DIMENSION, Metric.IP)
        first = MilvusIndex.on_file(tmp_path / "vectors.db")
        first.insert(space, [(key(n), face(n)) for n in range(3)], soon())
        first.close()
        again = MilvusIndex.on_file(tmp_path / "vectors.db")
        assert again.search(space, face(2), 1, soon())[0].key == key(2)
        again.close()

    def test_a_question_it_cannot_answer_is_an_error_of_ours(self, milvus: MilvusIndex) -> None:
        space = IndexSpace(UTAH, MODEL, DIMENSION, Metric.IP)
        milvus.insert(space, [(key(1), face(1))], soon())
        with pytest.raises(OnRecordError) as refused:
            milvus.search(space, face(1, 8), 1, soon())
        assert refused.value.code is ErrorCode.PLANE_UNAVAILABLE

    def test_nobody_waits_beyond_the_deadline(self, milvus: MilvusIndex) -> None:
        space = IndexSpace(UTAH, MODEL, DIMENSION, Metric.IP)
        milvus.create(space, soon())
        with milvus._turn(space, soon()), pytest.raises(OnRecordError) as refused:
            milvus.search(space, face(1), 1, Deadline.after(0.05))
        assert refused.value.code is ErrorCode.DEADLINE_EXCEEDED

    def test_a_plane_on_milvus_finds_who_is_enrolled_and_not_who_was_replaced(
        self, tmp_path: Path, milvus: MilvusIndex
    ) -> None:
        world = build_world(tmp_path, index=milvus)
        world.open_gallery()
        for number in range(4):
            world.enrol(number)
        first = world.ask(world.grant(search_id="a"), near(face(2), 1))
        assert first.candidates[0].similarity == round(1e6 * float(face(2) @ near(face(2), 1)))
        world.enrol(60, record=2)
        after = world.ask(world.grant(search_id="b", list_size=50), face(2))
        assert len(after.candidates) == 4
        assert after.candidates[0].similarity < 900_000
        world.plane._parts.roster.dispose()
