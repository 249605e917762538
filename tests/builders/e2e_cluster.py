"""The cluster (`make cluster`) for tests that know it by what it shows the world."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.standing import Standing, read
from onrecord.chassis.lifecycle import StopSignals
from tests.builders.e2e_server import Installation, installation_of

_ROOT = Path(__file__).resolve().parents[2]
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")).resolve() / "tools"


@dataclass(frozen=True, slots=True)
class ClusterServing:
    """Every real part, and two of each service."""

    cluster: Cluster

    @property
    def data(self) -> Path:
        """What OnRecord's own processes keep in files; the parts keep theirs beside it."""
        return self.cluster.folder.services.root

    @property
    def address(self) -> str:
        return self.cluster.gateways[0]

    @property
    def installation(self) -> Installation:
        return installation_of(self.data, self.address)

    @property
    def metrics(self) -> Sequence[str]:
        return tuple(f"http://{one.health}/metrics" for one in self.cluster.plans)

    @property
    def logs(self) -> Sequence[Path]:
        return tuple(one.log for one in self.cluster.plans)


@dataclass(frozen=True, slots=True)
class FoundServing:
    """A cluster that somebody has started (`make cluster`), without galleries as yet."""

    folder: ClusterFolder
    standing: Standing

    @property
    def data(self) -> Path:
        return self.folder.services.root

    @property
    def address(self) -> str:
        return self.standing.gateways[0]

    @property
    def installation(self) -> Installation:
        return installation_of(self.data, self.address)

    @property
    def metrics(self) -> Sequence[str]:
        return tuple(f"http://{row.health}/metrics" for row in self.standing.rows if row.health)

    @property
    def logs(self) -> Sequence[Path]:
        return tuple(Path(row.log) for row in self.standing.rows if row.health)


def found_cluster(root: Path) -> FoundServing:
    """The one that runs on the folder `root`."""
    folder = ClusterFolder(root)
    standing = read(folder)
    assert standing is not None, f"no cluster runs on {root}"
    assert standing.state == "ready"
    return FoundServing(folder, standing)


@contextmanager
def running_cluster(models: Path, otlp: str) -> Iterator[ClusterServing]:
    """Started and ready; stopped in order, and what did not end cleanly fails the test.

    `otlp`: where its spans go.
    """
    # Not under pytest's own folders, which no account but ours may enter.
    with tempfile.TemporaryDirectory(prefix="onrecord-cluster-") as name:
        folder = ClusterFolder(Path(name))
        said: list[str] = []
        wanted = Wanted(models.resolve(), _TOOLS, otlp=otlp, log_form="json")
        cluster = Cluster(folder, wanted, said.append)
        try:
            assert cluster.start(StopSignals()), said
            yield ClusterServing(cluster)
            assert cluster.ended() is None
        finally:
            clean = cluster.close()
        assert clean, said[-20:]
