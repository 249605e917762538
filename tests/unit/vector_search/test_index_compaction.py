"""Law 9, R-30: when the plane says that a vector is gone from the index's files, it is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.core.values import IndexSpace
from onrecord.vector_search.ports import VectorIndex
from tests.builders.index import ExactIndex
from tests.builders.plane import MODEL, UTAH, face

DIMENSION = 16
ROWS = 250
SPACE = IndexSpace(UTAH, MODEL, DIMENSION, Metric.IP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture(params=["exact", "milvus"])
def index(request: pytest.FixtureRequest, folder: Path) -> Iterator[VectorIndex]:
    made: VectorIndex
    if request.param == "exact":
        made = ExactIndex(folder / "vectors.jsonl")
    else:
        made = MilvusIndex.on_file(folder / "vectors.db")
    made.create(SPACE, soon())
    made.insert(SPACE, [(key(n), face(n)) for n in range(ROWS)], soon())
    yield made
    made.close()


def soon() -> Deadline:
    return Deadline.after(20)


def key(number: int) -> str:
    return f"{number:064x}"


def traces(folder: Path, vector: Vector) -> list[str]:
    """The files in which a part of the vector stands, as bytes or as text."""
    raw, written = vector.tobytes()[:16], repr(float(vector[0])).encode()
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(one in path.read_bytes() for one in (raw, written))
    ]


def test_compacting_takes_a_deleted_vector_out_of_every_file(
    index: VectorIndex, folder: Path
) -> None:
    # One row that was sealed long ago, one that still waits to be.
    for number in (7, ROWS - 1):
        index.delete(SPACE, [key(number)], soon())
        assert traces(folder, face(number)), "nothing to take out: the test shows nothing"
        index.compact(SPACE, soon())
        assert traces(folder, face(number)) == []
    assert index.count(SPACE, soon()) == ROWS - 2
    left = index.search(SPACE, face(8), ROWS, soon())
    assert left[0].key == key(8)
    assert {hit.key for hit in left} == {key(n) for n in range(ROWS)} - {key(7), key(ROWS - 1)}


def test_a_replaced_vector_is_taken_out_when_its_key_is_deleted(
    index: VectorIndex, folder: Path
) -> None:
    index.insert(SPACE, [(key(3), face(3_000))], soon())
    index.delete(SPACE, [key(3)], soon())
    index.compact(SPACE, soon())
    assert traces(folder, face(3)) == traces(folder, face(3_000)) == []


def test_compacting_everything_away_and_again(index: VectorIndex, folder: Path) -> None:
    index.delete(SPACE, [key(n) for n in range(ROWS)], soon())
    index.compact(SPACE, soon())
    index.compact(SPACE, soon())
    assert index.count(SPACE, soon()) == 0
    assert traces(folder, face(5)) == []
    index.insert(SPACE, [(key(5), face(5))], soon())
    assert [hit.key for hit in index.search(SPACE, face(5), 3, soon())] == [key(5)]


def test_keys_come_in_pages_and_in_order(index: VectorIndex) -> None:
    rng = np.random.default_rng(4)
    for number in rng.permutation(range(ROWS, ROWS + 40)):
        index.insert(SPACE, [(key(number), face(int(number)))], soon())
    index.delete(SPACE, [key(11)], soon())
    found: list[str] = []
    while len(page := index.keys(SPACE, found[-1] if found else "", 64, soon())) == 64:
        found += page
    assert [*found, *page] == [key(n) for n in range(ROWS + 40) if n != 11]
    assert index.count(SPACE, soon()) == len(found) + len(page)


def test_what_was_compacted_is_so_after_a_restart(folder: Path) -> None:
    first = MilvusIndex.on_file(folder / "vectors.db")
    first.insert(SPACE, [(key(n), face(n)) for n in range(ROWS)], soon())
    first.delete(SPACE, [key(9)], soon())
    first.compact(SPACE, soon())
    first.close()
    again = MilvusIndex.on_file(folder / "vectors.db")
    assert again.count(SPACE, soon()) == ROWS - 1
    assert again.search(SPACE, face(10), 1, soon())[0].key == key(10)
    assert key(9) not in again.keys(SPACE, "", 1000, soon())
    again.close()


def test_a_collection_dropped_behind_our_back_is_made_again(folder: Path) -> None:
    """R-48: until it is, nothing is answered from nothing."""
    index = MilvusIndex.on_file(folder / "vectors.db")
    index.insert(SPACE, [(key(n), face(n)) for n in range(3)], soon())
    index._client.drop_collection(collection_name(SPACE))
    with pytest.raises(OnRecordError) as refused:
        index.search(SPACE, face(1), 1, soon())
    assert refused.value.code is ErrorCode.PLANE_UNAVAILABLE
    index.create(SPACE, soon())
    assert index.count(SPACE, soon()) == 0
    index.insert(SPACE, [(key(1), face(1))], soon())
    assert index.search(SPACE, face(1), 1, soon())[0].key == key(1)
    index.close()


def test_insides_that_are_not_as_known_claim_nothing(folder: Path) -> None:
    index = MilvusIndex.on_file(folder / "vectors.db")
    index.insert(SPACE, [(key(n), face(n)) for n in range(ROWS)], soon())
    index.delete(SPACE, [key(1)], soon())
    assert index._lite is not None
    collection = index._lite._collection(collection_name(SPACE))
    collection._compaction_mgr._compact_files = lambda *_: None
    with pytest.raises(OnRecordError) as refused:
        index.compact(SPACE, soon())
    assert refused.value.code is ErrorCode.PLANE_UNAVAILABLE
    del collection._compaction_mgr._compact_files
    index.compact(SPACE, soon())
    index.close()
