"""Where the time of one search goes, by stage, beside the same stages bare.

    OPENBLAS_NUM_THREADS=1 python -m load_tests.stages [--searches 60] [--records 1000]
        [--image docs/images/stages.png]

One process, one run. The system is the composition of `onrecord up` behind real HTTP; its methods
are timed from outside. Each search over HTTP is followed by the same photograph through the bare
models and a raw pymilvus search of a gallery of the same size and dimension in a file of its own
(random vectors: an exact search costs the same whatever they are). One thread a model call in both.
Figures are medians, by the clock and of processor time; a stage's rest is what remains of a
service's after the stages within it.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from load_tests.bare_reference import Floats, bare_align, bare_reid, bare_yunet, decode
from load_tests.installation import (
    Installation,
    enrol,
    open_gallery,
    reference_models,
    under_many_ids,
)
from load_tests.lfw import ROOT, Photograph, data_folder, photographs
from load_tests.people import INVESTIGATOR, STATE, request
from load_tests.stages_report import Runs, draw, tell
from load_tests.watch import Spent, Watch, Watched
from onrecord.audit.service.audit_service import AuditService
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.inference.session import OnnxRuntimeSession
from onrecord.client import OnRecordClient
from onrecord.detection.adapters.pillow import PillowDecoder
from onrecord.detection.adapters.yunet import YuNetDetector
from onrecord.detection.service import DetectionService
from onrecord.embedding.service import EmbeddingService
from onrecord.kernel.vocabulary import GalleryStatus
from onrecord.standalone.app import StandaloneSettings, standalone
from onrecord.standalone.folder import DataFolder
from onrecord.vector_search.adapters.milvus import MilvusIndex
from onrecord.vector_search.service.plane import PlaneService

LIST_SIZE = 20
_WARM = 5
_METHODS = (
    Watched(AuditService, "authorize", "authorise"),
    Watched(DetectionService, "detect", "detection"),
    Watched(PillowDecoder, "decode", "decode"),
    Watched(YuNetDetector, "find", "find"),
    Watched(EmbeddingService, "embed", "embedding"),
    Watched(OnnxRuntimeSession, "run", lambda session: f"run {session.card.name}"),
    Watched(PlaneService, "search", "plane"),
    Watched(MilvusIndex, "search", "index"),
    Watched(AuditService, "record_receipt", "receipt"),
)
_RUN = "run reid-retail-0095"


@contextmanager
def served(data: Path, models: Path) -> Iterator[str]:
    """The one-process composition behind HTTP, in a thread of this process."""
    with standalone(StandaloneSettings(data, models)) as running:
        config = uvicorn.Config(running.app, port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()


def bare_index(folder: Path, records: int, dimension: int) -> Callable[[Floats], Any]:
    """A raw pymilvus search for the best of random unit vectors in a file of its own."""
    from pymilvus import DataType, MilvusClient

    chance = np.random.default_rng(20261123)
    vectors = chance.standard_normal((records, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    client = MilvusClient(uri=str(folder / "bare.db"))
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_collection("bare", schema=schema, index_params=index)
    rows = [{"id": number, "vector": vector.tolist()} for number, vector in enumerate(vectors)]
    client.insert("bare", rows)
    client.flush("bare")
    client.load_collection("bare")
    return lambda vector: client.search("bare", data=[vector.tolist()], limit=LIST_SIZE)


def measure(
    client: OnRecordClient, probes: list[Photograph], watch: Watch, bare: Callable[[bytes], None]
) -> tuple[Runs, Runs]:
    """What every search took by stage: through the system, and bare."""
    system: Runs = []
    beside: Runs = []
    for number, probe in enumerate(probes):
        image = probe.path.read_bytes()
        declared = request(LIST_SIZE)
        watch.take()
        with watch.stage("total"):
            made = client.search(declared, image, idempotency_key=f"{number}-{probe.name}")
        seen = watch.take()
        if made.gallery(STATE).status is not GalleryStatus.SEARCHED:
            print(f"  left out, not searched: {probe.name}")
            continue
        with watch.stage("total"):
            bare(image)
        system.append(_by_stage(seen))
        beside.append(watch.take())
    return system[_WARM:], beside[_WARM:]


def _by_stage(seen: dict[str, Spent]) -> dict[str, Spent]:
    services = ("authorise", "detection", "embedding", "plane", "receipt")
    return {
        "authorise": seen["authorise"],
        "decode": seen["decode"],
        "find": seen["find"],
        "detection rest": seen["detection"] - seen["decode"] - seen["find"],
        "embed": seen[_RUN],
        "embedding rest": seen["embedding"] - seen[_RUN],
        "index": seen["index"],
        "plane rest": seen["plane"] - seen["index"],
        "receipt": seen["receipt"],
        "gateway": seen["total"] - sum((seen[name] for name in services), Spent()),
        "total": seen["total"],
    }


def _bare(models: Path, folder: Path, records: int, watch: Watch) -> Callable[[bytes], None]:
    find, embed = bare_yunet(models), bare_reid(models)
    search = bare_index(folder, records, 256)

    def run(image: bytes) -> None:
        with watch.stage("decode"):
            pixels = decode(image)
        with watch.stage("find"):
            landmarks = find(pixels)
        if landmarks is None:
            raise RuntimeError("the system found a face where the bare model finds none")
        with watch.stage("detection rest"):
            crop = bare_align(pixels, landmarks)
        with watch.stage("embed"):
            vector = embed(crop)
        with watch.stage("index"):
            search(vector)

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--searches", type=int, default=60)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--image", type=Path, help="draw the table here (PNG)")
    given = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1, which `onrecord up` sets for itself")
    data, watch = data_folder(), Watch()
    models = reference_models(data)
    pictures = photographs(data, "gallery", "probe_unmated")
    probes = photographs(data, "probe_mated")[: given.searches + _WARM]
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = _bare(data / "models", folder, given.records, watch)
        with served(folder / "data", models) as address:
            issuer = DevelopmentIssuer.open(DataFolder(folder / "data").identity)
            installation = Installation(address, issuer)
            open_gallery(installation, models)
            live = len(enrol(installation, under_many_ids(pictures), given.records).live)
            token = INVESTIGATOR.tokens(issuer)()  # minted before the clock starts
            with OnRecordClient(address, token) as client, watch.on(_METHODS):
                system, beside = measure(client, probes, watch, bare)
    told = tell(system, beside)
    told |= {
        "records": live,
        "searches": len(system),
        "load_average": {"before": before, "after": os.getloadavg()[0]},
    }
    print(f"load average (1 min) before {before:.1f}, after {os.getloadavg()[0]:.1f}")
    results = ROOT / "load_tests" / "results"
    results.mkdir(exist_ok=True)
    (results / "stages.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    if given.image:
        draw(told, given.image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
