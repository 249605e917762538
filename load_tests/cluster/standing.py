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
from load_tests.server import cpu_of_family
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.lifecycle import StopSignals
from onrecord.standalone.plan import ONE_PLANE

PARTS = ("postgres", "kafka", "milvus", "triton", "s3")
"""All but Prometheus, whose scraping is no work of a search."""
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")).resolve() / "tools"


@dataclass(frozen=True, slots=True)
class Standing:
    """`gateways`: base URLs. `processes`: ids by name, of parts too. `health`: `host:port` at which
    each of our processes tells its metrics. `parts`: `host:port` of Triton
    (`triton`) and the URL of Milvus (`milvus`), where they are there. `keys`: where what belongs to
    the measurement itself is kept.
    """

    name: str
    gateways: tuple[str, ...]
    issuer: DevelopmentIssuer = field(repr=False)
    identity: Path
    processes: Mapping[str, int]
    health: tuple[str, ...]
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
def cluster(root: Path, models: Path, *, replicas: int = 2, places: int = 0) -> Iterator[Standing]:
    """Every real part, and so many of each service, on a folder that is kept.

    `places`: how many searches a gateway works on at once; 0: as it comes.
    """
    wanted = Wanted(models.resolve(), _TOOLS, parts=PARTS, replicas=replicas, searches=places)
    with _standing("cluster", root, wanted) as standing:
        yield standing


@contextmanager
def five(root: Path, models: Path, *, places: int = 0) -> Iterator[Standing]:
    """Five processes on files, with one plane, as `onrecord up-processes` starts them."""
    wanted = Wanted(
        models.resolve(), _TOOLS, parts=(), planes=ONE_PLANE, replicas=1, searches=places
    )
    with _standing("five", root, wanted) as standing:
        yield standing


@contextmanager
def _standing(name: str, root: Path, wanted: Wanted) -> Iterator[Standing]:
    folder = ClusterFolder(root)
    stands = Cluster(folder, wanted, lambda said: print(f"  {said}", flush=True))
    try:
        if not stands.start(StopSignals()):
            raise RuntimeError("it was asked to stop before it stood")
        processes = {one.part.name: one.pid() for one in stands.parts}
        processes |= {one.plan.name: one.process.pid for one in stands.services.running}
        at = {one.part.name: one.place for one in stands.parts}
        parts = {"triton": at["triton"].at("grpc")} if "triton" in at else {}
        parts |= {"milvus": f"http://{at['milvus'].at('proxy')}"} if "milvus" in at else {}
        identity = folder.services.identity
        yield Standing(
            name if not wanted.searches else f"{name}_{wanted.searches}_places",
            tuple(stands.gateways),
            DevelopmentIssuer.open(identity),
            identity,
            processes,
            tuple(one.health for one in stands.plans),
            parts,
            root / "authorities",
        )
        ended = stands.ended()
        if ended is not None:
            raise RuntimeError(ended)
    finally:
        stands.close()
