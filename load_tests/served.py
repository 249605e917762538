"""Templates a second of one model: run in this process, and served by Triton on the same cores."""

import os
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from deploy.local.parts.triton import Triton
from deploy.local.running import Running, place_for
from onrecord.chassis.inference import InferenceSession, ModelRepository
from onrecord.chassis.inference.triton import TritonModels
from onrecord.chassis.inference.triton_server import TritonServer
from onrecord.kernel.deadlines import Deadline

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"


@contextmanager
def served(
    repository: Path, name: str, folder: Path, *, instances: int, requirements: str = "triton"
) -> Iterator[InferenceSession]:
    """The model `name` on a Triton of its own with so many instances, held to its card."""
    shutil.copytree(repository / name, folder / "models" / name)
    config = folder / "models" / name / "config.pbtxt"
    config.write_text(re.sub(r"count: \d+", f"count: {instances}", config.read_text()))
    part = Triton((folder / "models",), requirements=requirements)
    part.install(TOOLS, print)
    running = Running(part, place_for(part, TOOLS, folder / "triton"))
    try:
        running.start()
        server = TritonServer(running.place.at("grpc"))
        try:
            models = TritonModels(ModelRepository(repository), server)
            session = models.session(name)
            models.check(Deadline.after(60))
            yield session
        finally:
            server.close()
    finally:
        running.close()


def rate(session: InferenceSession, batch: int, *, callers: int, seconds: float) -> float:
    """Images a second, with so many callers that each wait for their answer."""
    card = session.card
    shape = (batch, card.input.height or 640, card.input.width or 640, 3)
    images = np.random.default_rng(batch).integers(0, 256, shape, np.uint8)
    session.run({card.input.name: images})

    def call(_: int) -> int:
        done = 0
        while time.monotonic() < until:
            session.run({card.input.name: images})
            done += batch
        return done

    with ThreadPoolExecutor(callers) as pool:
        began = time.monotonic()
        until = began + seconds
        done = sum(pool.map(call, range(callers)))
        return done / (time.monotonic() - began)


def side_by_side(
    ways: Mapping[str, Callable[[int], float]], batches: Sequence[int], runs: int
) -> list[dict[str, Any]]:
    """Each way in turn, run after run, so that what disturbs one disturbs the other."""
    told = []
    for batch in batches:
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                found[name].append(way(batch))
        medians = {name: statistics.median(values) for name, values in found.items()}
        told.append({"batch": batch, "runs": found, "median": medians})
    return told
