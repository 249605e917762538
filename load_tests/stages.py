"""Where the time of one search of three galleries goes, by stage, beside the same stages bare.

    OPENBLAS_NUM_THREADS=1 python -m load_tests.stages [--searches 60] [--records 1000]
        [--data FOLDER] [--image docs/images/stages.png]

One process, one run. The system is the composition of `onrecord up` behind real HTTP; its methods
are timed from outside. Each search over HTTP is followed by the same photograph through
`bare_search`. One thread a model call and one a gallery in both. Figures are medians, by the clock
and of processor time; a stage's rest is what remains of a service's after the stages within it.
The folder is that of `load_tests.search`, filled once.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from load_tests.bare_search import BareSearch
from load_tests.galleries import DATA, LIST_SIZE, STATES, prepare, searched_everywhere
from load_tests.installation import Installation, reference_models
from load_tests.lfw import ROOT, Photograph, data_folder, photographs
from load_tests.people import INVESTIGATOR, request
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
from onrecord.gateway.fan_out import FanOut
from onrecord.standalone.app import StandaloneSettings, standalone
from onrecord.standalone.folder import DataFolder

_STOP_SECONDS = 30.0
_WARM = 5
_METHODS = (
    Watched(AuditService, "authorize", "authorise"),
    Watched(DetectionService, "detect", "detection"),
    Watched(PillowDecoder, "decode", "decode"),
    Watched(YuNetDetector, "find", "find"),
    Watched(EmbeddingService, "embed", "embedding"),
    Watched(OnnxRuntimeSession, "run", lambda session: f"run {session.card.name}"),
    Watched(FanOut, "search", "galleries"),
)
_RUN = "run reid-retail-0095"


@contextmanager
def served(data: Path, models: Path) -> Iterator[str]:
    """The one-process composition behind HTTP, in threads of this process, with its consumers."""
    with standalone(StandaloneSettings(data, models)) as running:
        config = uvicorn.Config(running.app, port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        for part in running.parts:
            part.start()
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
            for part in running.parts:
                part.ask_to_stop()
            for part in running.parts:
                part.wait(_STOP_SECONDS)


def measure(
    client: OnRecordClient, probes: list[Photograph], watch: Watch, bare: BareSearch
) -> tuple[Runs, Runs]:
    """What every search took by stage: through the system, and bare."""
    system: Runs = []
    beside: Runs = []
    for number, probe in enumerate(probes):
        image = probe.path.read_bytes()
        declared = request(LIST_SIZE, STATES)
        watch.take()
        with watch.stage("total"):
            key = f"{time.time_ns()}-{number}-{probe.name}"
            made = client.search(declared, image, idempotency_key=key)
        seen = watch.take()
        if not searched_everywhere(made):
            print(f"  left out, not searched: {probe.name}")
            continue
        spent = bare.run(image, at_once=True)
        system.append(_by_stage(seen))
        beside.append({**spent, "total": sum(spent.values(), Spent())})
    return system[_WARM:], [_named(one) for one in beside[_WARM:]]


def _by_stage(seen: dict[str, Spent]) -> dict[str, Spent]:
    services = ("authorise", "detection", "embedding", "galleries")
    return {
        "authorise": seen["authorise"],
        "decode": seen["decode"],
        "find": seen["find"],
        "detection rest": seen["detection"] - seen["decode"] - seen["find"],
        "embed": seen[_RUN],
        "embedding rest": seen["embedding"] - seen[_RUN],
        "galleries": seen["galleries"],
        "gateway": seen["total"] - sum((seen[name] for name in services), Spent()),
        "total": seen["total"],
    }


def _named(bare: dict[str, Spent]) -> dict[str, Spent]:
    """The bare stages under the names of the system's."""
    names = {"align": "detection rest", "index": "galleries"}
    return {names.get(stage, stage): spent for stage, spent in bare.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--searches", type=int, default=60)
    parser.add_argument("--records", type=int, default=1000, help="in each gallery")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--image", type=Path, help="draw the table here (PNG)")
    given = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1, which `onrecord up` sets for itself")
    data, watch = data_folder(), Watch()
    models = reference_models(data)
    probes = photographs(data, "probe_mated")[: given.searches + _WARM]
    before = os.getloadavg()[0]
    given.data.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        BareSearch(
            data / "models",
            models,
            Path(folder),
            galleries=len(STATES),
            records=given.records,
            list_size=LIST_SIZE,
        ) as bare,
        served(given.data, models) as address,
    ):
        issuer = DevelopmentIssuer.open(DataFolder(given.data).identity)
        prepare(Installation(address, issuer), models, given.records)
        token = INVESTIGATOR.tokens(issuer)()  # minted before the clock starts
        with OnRecordClient(address, token) as client, watch.on(_METHODS):
            system, beside = measure(client, probes, watch, bare)
    told = tell(system, beside)
    told |= {
        "records": given.records,
        "galleries": len(STATES),
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
