"""A cluster at work that Prometheus watches, with a witness of its ledger."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from onrecord.chassis.certificates import write_secret
from onrecord.chassis.lifecycle import StopSignals
from onrecord.client import ClientError
from onrecord.kernel.vocabulary import GalleryStatus, Service
from onrecord.proof.notes import NoteVerifier
from onrecord.standalone.plan import ProcessPlan
from tests.builders import e2e_people as people
from tests.builders.e2e_scene import UTAH
from tests.builders.e2e_server import Installation, installation_of
from tests.builders.faces import encoded
from tests.builders.models import reference_repository
from tests.builders.witnessing import running_witness
from tests.chaos.load import Load
from tests.chaos.stage import pictures, set_up
from tests.chaos.told import Told
from tests.cluster.asking_prometheus import Prometheus
from tests.cluster.conftest import TOOLS

_SEED: Final = 7
_RECORDS: Final = 4
_NOBODY: Final = np.full((480, 360, 3), 128, np.uint8)
"""A picture of nothing."""


@dataclass(frozen=True, slots=True)
class Watched:
    """`addresses`: of the gateways."""

    installation: Installation
    addresses: Sequence[str]
    prometheus: Prometheus
    folder: Path


@contextmanager
def watched_cluster() -> Iterator[Watched]:
    """Started and ready; every process of audit asks one witness."""
    # Not under pytest's own folders, which no account but ours may enter.
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onrecord-watched-")))
        root.chmod(0o711)
        folder = ClusterFolder(root / "cluster")

        def between(plans: Sequence[ProcessPlan]) -> None:
            text = folder.services.public_ledger_key.read_text("utf-8").strip()
            log = NoteVerifier.parse(text)
            witness = stack.enter_context(running_witness(root / "witness.db", log))
            asked = {"witnesses": [f"{witness.key.text} {witness.url}"], "witness_quorum": 1}
            for one in plans:
                if one.service is Service.AUDIT:
                    told = {**one.settings, **asked}
                    lines = [f"{name} = {json.dumps(value)}\n" for name, value in told.items()]
                    write_secret(one.config, "".join(lines).encode())

        said: list[str] = []
        wanted = Wanted(reference_repository().resolve(), TOOLS, between=between)
        cluster = Cluster(folder, wanted, said.append)
        try:
            assert cluster.start(StopSignals()), said
            yield Watched(
                installation_of(folder.services.root, cluster.gateways[0]),
                cluster.gateways,
                Prometheus(cluster.part("prometheus").place.at("http")),
                root,
            )
            assert cluster.ended() is None
        finally:
            clean = cluster.close()
        assert clean, said[-20:]


@contextmanager
def under_load(watched: Watched) -> Iterator[None]:
    """People search, enrol, delete and examine; one asks for what the law refuses, and one brings
    a portrait without a face.
    """
    told = watched.folder / "told"
    told.mkdir()
    examiners = set_up(watched.installation, reference_repository())
    picture = next(pictures())
    load = Load(watched, examiners, pictures(), Told(told), _SEED)
    load.begin(_RECORDS)
    _refused(watched.installation, picture)
    _rejected(watched.installation)
    yield
    load.stop()
    assert not load.broke


def _refused(installation: Installation, picture: bytes) -> None:
    # A purpose that the state's policy does not name.
    asked = people.request(galleries=[UTAH], purpose="immigration_enforcement")
    with people.client(installation, people.investigator()) as client:
        said = client.search(asked, picture, idempotency_key=people.fresh_key())
    assert [one.status for one in said.galleries] == [GalleryStatus.REFUSED]


def _rejected(installation: Installation) -> None:
    with (
        people.client(installation, people.custodian(UTAH)) as client,
        pytest.raises(ClientError, match="face_not_found"),
    ):
        client.enrol(UTAH, "UT-NOBODY", encoded(_NOBODY), wait=30)
