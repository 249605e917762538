"""One search without a system around it: decode, find, align, embed, search every gallery.

The models are those of `bare_reference`; the galleries are random unit vectors in a Milvus Lite
file of their own, one collection a gallery (an exact search costs the same whatever they are).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from load_tests.bare_reference import Floats, bare_align, bare_reid, bare_yunet, decode, served_reid
from load_tests.watch import Spent, spent_now

_T = TypeVar("_T")
STAGES = ("decode", "find", "align", "embed", "index")


class BareSearch:
    """`run` gives what each stage took.

    `at_once`: the galleries are searched by as many threads; otherwise one after another.
    `as_served`: with the embedder's file that the services run, of the model repository `served`,
    and the detector's two passes side by side, as theirs are.
    """

    def __init__(
        self,
        models: Path,
        served: Path,
        folder: Path,
        *,
        galleries: int,
        records: int,
        list_size: int,
    ) -> None:
        from pymilvus import DataType, MilvusClient

        self._embed, self._embed_as_served = bare_reid(models), served_reid(served)
        self._client = MilvusClient(uri=str(folder / "bare.db"))
        self._names = [f"gallery_{number}" for number in range(galleries)]
        self._list_size = list_size
        self._pool = ThreadPoolExecutor(max(galleries, 2))
        self._find, self._find_as_served = bare_yunet(models), bare_yunet(models, 1, self._pool.map)
        chance = np.random.default_rng(20261123)
        for name in self._names:
            vectors = chance.standard_normal((records, 256)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=256)
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="FLAT", metric_type="IP")
            self._client.create_collection(name, schema=schema, index_params=index)
            rows = [{"id": number, "vector": one.tolist()} for number, one in enumerate(vectors)]
            self._client.insert(name, rows)
            self._client.flush(name)
            self._client.load_collection(name)

    def __enter__(self) -> "BareSearch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        self._client.close()

    def run(self, image: bytes, *, at_once: bool, as_served: bool = False) -> dict[str, Spent]:
        find = self._find_as_served if as_served else self._find
        embed = self._embed_as_served if as_served else self._embed
        took: dict[str, Spent] = {}
        pixels = _timed(took, "decode", lambda: decode(image))
        landmarks = _timed(took, "find", lambda: find(pixels))
        if landmarks is None:
            raise RuntimeError("the system found a face where the bare model finds none")
        crop = _timed(took, "align", lambda: bare_align(pixels, landmarks))
        vector: Floats = _timed(took, "embed", lambda: embed(crop))
        every = self._pool.map if at_once else map
        _timed(took, "index", lambda: list(every(lambda n: self._one(n, vector), self._names)))
        return took

    def _one(self, name: str, vector: Floats) -> object:
        return self._client.search(name, data=[vector.tolist()], limit=self._list_size)


def _timed(took: dict[str, Spent], stage: str, act: Callable[[], _T]) -> _T:
    began = spent_now()
    done = act()
    took[stage] = spent_now() - began
    return done
