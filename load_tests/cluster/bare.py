"""One search without a system around it, on the cluster's own Triton and Milvus.

Decode, find the face, cut it, embed, search: numpy, OpenCV, tritonclient and pymilvus, one thread
a gallery. The collections are those that the planes search.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from load_tests.bare_reference import (
    YUNET_OUTPUTS,
    Floats,
    Image,
    bare_align,
    decode,
    reid_by,
    yunet_by,
)

STAGES = ("decode", "find", "align", "embed", "search")
_DETECTOR, _EMBEDDER = "yunet", "reid-retail-0095"
_Done = TypeVar("_Done")


class BareOnCluster:
    """`run` gives the seconds of each stage.

    `beside`: the detector's two passes are made side by side, as the services make them.
    """

    def __init__(
        self, triton: str, milvus: str, collections: Sequence[str], list_size: int
    ) -> None:
        from pymilvus import MilvusClient
        from tritonclient.grpc import InferenceServerClient

        self._triton: Any = InferenceServerClient(triton)
        self._milvus: Any = MilvusClient(uri=milvus)
        self._collections = list(collections)
        self._list_size = list_size
        self._pool = ThreadPoolExecutor(max(len(self._collections), 2))
        self._find, self._find_beside = (
            yunet_by(lambda canvas: self._infer(_DETECTOR, canvas, YUNET_OUTPUTS), every)
            for every in (map, self._pool.map)
        )
        self._embed = reid_by(lambda crop: self._infer(_EMBEDDER, crop, ["embedding"])[0])

    def run(self, image: bytes, *, beside: bool = False) -> dict[str, float]:
        """Raises RuntimeError where no face is found."""
        find = self._find_beside if beside else self._find
        took: dict[str, float] = {}
        pixels = _timed(took, "decode", lambda: decode(image))
        landmarks = _timed(took, "find", lambda: find(pixels))
        if landmarks is None:
            raise RuntimeError("the bare model finds no face")
        crop = _timed(took, "align", lambda: bare_align(pixels, landmarks))
        vector: Floats = _timed(took, "embed", lambda: self._embed(crop))
        row = vector.tolist()
        _timed(took, "search", lambda: list(self._pool.map(self._one(row), self._collections)))
        return took

    def close(self) -> None:
        self._pool.shutdown()
        self._milvus.close()
        self._triton.close()

    def _one(self, row: list[float]) -> Callable[[str], object]:
        return lambda name: self._milvus.search(
            name, data=[row], anns_field="vector", limit=self._list_size, output_fields=["key"]
        )

    def _infer(self, model: str, image: Image, outputs: Sequence[str]) -> list[Floats]:
        from tritonclient.grpc import InferInput, InferRequestedOutput

        batch = np.ascontiguousarray(image[None, :, :, ::-1])  # RGB, as the models are built
        given = InferInput("image", list(batch.shape), "UINT8")
        given.set_data_from_numpy(batch)
        asked = [InferRequestedOutput(name) for name in outputs]
        answer = self._triton.infer(model, [given], outputs=asked)
        return [np.asarray(answer.as_numpy(name), np.float32) for name in outputs]


def _timed(took: dict[str, float], stage: str, act: Callable[[], _Done]) -> _Done:
    began = time.perf_counter()
    done = act()
    took[stage] = time.perf_counter() - began
    return done
