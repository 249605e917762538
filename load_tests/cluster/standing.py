"""An installation that stands while it is measured: the cluster, or five processes on files."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from load_tests.installation import Installation
from load_tests.lfw import ROOT
from load_tests.memory import megabytes
from load_tests.server import FIVE_PROCESSES, cpu_of_family, running
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.lifecycle import StopSignals
from onrecord.standalone.folder import DataFolder

PARTS = ("postgres", "kafka", "milvus", "triton", "s3")
"""All but Prometheus, whose scraping is no work of a search."""
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")).resolve() / "tools"


@dataclass(frozen=True, slots=True)
class Standing:
    """`gateways`: base URLs. `processes`: ids by name, of parts too. `parts`: `host:port` of Triton
    (`triton`) and the URL of Milvus (`milvus`), where they are there. `keys`: where what belongs to
    the measurement itself is kept.
    """

    name: str
    gateways: tuple[str, ...]
    issuer: DevelopmentIssuer = field(repr=False)
    identity: Path
    processes: Mapping[str, int]
    parts: Mapping[str, str]
    keys: Path

    @property
    def installation(self) -> Installation:
        return Installation(self.gateways[0], self.issuer)

    def cpu_seconds(self) -> float:
        """Processor time that all of it has used until now, over all processes."""
        return sum(cpu_of_family(one) for one in self.processes.values())

    def idle_cpu(self, seconds: float) -> float:
        """Processor seconds a second while nobody asks for anything."""
        before, began = self.cpu_seconds(), time.perf_counter()
        time.sleep(seconds)
        return (self.cpu_seconds() - before) / (time.perf_counter() - began)

    def memory(self) -> dict[str, dict[str, float]]:
        """RSS, PSS and highest RSS of each process with its children, in MiB."""
        return {name: _memory_of(one) for name, one in self.processes.items()}


def _memory_of(process_id: int) -> dict[str, float]:
    for _ in range(5):
        try:
            return megabytes(process_id)
        except (FileNotFoundError, ProcessLookupError, KeyError):  # a child ended meanwhile
            continue
    return megabytes(process_id)


@contextmanager
def cluster(root: Path, models: Path, replicas: int) -> Iterator[Standing]:
    """Every real part, and so many of each service, on a folder that is kept."""
    folder = ClusterFolder(root)
    wanted = Wanted(models.resolve(), _TOOLS, parts=PARTS, replicas=replicas)
    stands = Cluster(folder, wanted, lambda said: print(f"  {said}", flush=True))
    try:
        if not stands.start(StopSignals()):
            raise RuntimeError("the cluster did not start")
        processes = {one.part.name: one.pid() for one in stands.parts}
        processes |= {one.plan.name: one.process.pid for one in stands.services.running}
        yield Standing(
            "cluster",
            tuple(stands.gateways),
            DevelopmentIssuer.open(folder.services.identity),
            folder.services.identity,
            processes,
            {
                "triton": stands.part("triton").place.at("grpc"),
                "milvus": f"http://{stands.part('milvus').place.at('proxy')}",
            },
            root / "authorities",
        )
        ended = stands.ended()
        if ended is not None:
            raise RuntimeError(ended)
    finally:
        stands.close()


@contextmanager
def five(root: Path, models: Path) -> Iterator[Standing]:
    """Five processes on files, as `onrecord up-processes` starts them."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with running(root, models, FIVE_PROCESSES) as server:
        yield Standing(
            "five",
            (server.installation.address,),
            server.installation.issuer,
            DataFolder(root).identity,
            {"up-processes": server.process_id},
            {},
            root.with_name(f"{root.name}-authorities"),
        )
