"""What each process of an installation is told."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click import UsageError
from cryptography import x509

from onrecord.audit.core.witnessing import Witnessing
from onrecord.audit.settings import AuditSettings
from onrecord.chassis.identity_files import read_identity
from onrecord.chassis.settings import examine
from onrecord.cli.services import settings_of
from onrecord.cli.witness_options import witnessing_of
from onrecord.gateway.limits import searches_at_once, searches_of_each
from onrecord.gateway.settings import GatewaySettings
from onrecord.kernel.vocabulary import Service
from onrecord.proof.cosignatures import Quorum
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.places import Places, PlanePlaces, in_folder
from onrecord.standalone.plan import ONE_PLANE, TWO_PLANES, PlanePlan, ProcessPlan, plan
from onrecord.vector_search.settings import VectorSearchSettings


def planned(
    root: Path,
    planes: tuple[PlanePlan, ...],
    witnessing: Witnessing | None = None,
    places: Places | None = None,
    replicas: int = 1,
    searches: int = 0,
) -> list[ProcessPlan]:
    folder = DataFolder(root)
    folder.prepare()
    return plan(
        folder,
        root / "models",
        planes,
        host="127.0.0.1",
        port=0,
        origin="localhost/onrecord",
        inference_threads=2,
        witnessing=witnessing,
        places=places,
        replicas=replicas,
        searches=searches,
    )


@pytest.mark.parametrize("planes", [ONE_PLANE, TWO_PLANES], ids=["one", "two"])
def test_every_service_understands_what_it_is_told(
    tmp_path: Path, planes: tuple[PlanePlan, ...]
) -> None:
    """R-45: the files the supervisor writes are settings files like any other; each process has an
    identity of its own, and nobody else on the machine reads either.
    """
    plans = planned(tmp_path, planes)
    assert {one.service for one in plans} == set(Service)
    assert len(plans) == 4 + len(planes)
    serials = set()
    for one in plans:
        settings, problems = examine(settings_of(one.service), one.config)
        assert problems == []
        assert settings is not None
        identity = read_identity(
            one.service, settings.certificate, settings.certificate_key, settings.roots
        )
        serials.add(identity.chain[0].serial_number)
        for path in (one.config, settings.certificate_key):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert len(serials) == len(plans)
    ports = [one.address for one in plans] + [one.health for one in plans]
    assert len(set(ports)) == len(ports)


def test_who_is_called_is_started_before_who_calls(tmp_path: Path) -> None:
    names = [one.name for one in planned(tmp_path, TWO_PLANES)]
    assert names[0] == "audit"
    assert names[-1] == "gateway"


def test_two_planes_share_no_database_and_no_key(tmp_path: Path) -> None:
    """R-30: two states' planes."""
    told = []
    for one in planned(tmp_path, TWO_PLANES):
        if one.service is Service.VECTOR_SEARCH:
            settings, _ = examine(VectorSearchSettings, one.config)
            assert settings is not None
            told.append(settings)
    first, second = told
    assert {first.plane, second.plane} == {"utah", "others"}
    for name in ("roster_url", "milvus", "keys", "certificate_key", "address"):
        assert getattr(first, name) != getattr(second, name), name
    assert (first.vault, first.bus) == (second.vault, second.bus)


def test_utah_is_at_home_on_its_own_plane(tmp_path: Path) -> None:
    gateway, _ = examine(GatewaySettings, planned(tmp_path, TWO_PLANES)[-1].config)
    assert gateway is not None
    assert [(home.gallery, home.plane) for home in gateway.homes] == [("US-UT", "utah")]
    assert gateway.planes[0].name == "others"


def test_a_second_start_keeps_keys_and_certificates(tmp_path: Path) -> None:
    def secrets() -> dict[str, bytes]:
        folder = DataFolder(tmp_path)
        kept = [*folder.keys.glob("*.*"), *folder.certificates.glob("*.pem")]
        return {str(path): path.read_bytes() for path in kept}

    planned(tmp_path, TWO_PLANES)
    before = secrets()
    planned(tmp_path, TWO_PLANES)
    assert secrets() == before
    assert len(before) > 10


def test_with_one_plane_the_folder_is_that_of_one_process(tmp_path: Path) -> None:
    """So that `onrecord up` and `onrecord up-processes --planes 1` can take turns."""
    folder = DataFolder(tmp_path)
    plans = planned(tmp_path, ONE_PLANE)
    plane, _ = examine(
        VectorSearchSettings, next(o for o in plans if o.service is Service.VECTOR_SEARCH).config
    )
    audit, _ = examine(AuditSettings, plans[0].config)
    assert plane is not None
    assert audit is not None
    assert plane.roster_url.get_secret_value() == folder.database("roster")
    assert plane.milvus == str(folder.vectors)
    assert plane.keys == folder.gallery_keys
    assert audit.database_url.get_secret_value() == folder.database("ledger")
    root = x509.load_pem_x509_certificate((folder.certificates / "root.pem").read_bytes())
    assert root.subject == root.issuer


def test_audit_is_told_of_the_witnesses(tmp_path: Path) -> None:
    """R-24: what `--witness` names is what audit asks."""
    keys = [NoteSigner.generate(f"w.example/{n}", COSIGNATURE_V1).verifier for n in (1, 2)]
    named = [f"{key.text} http://127.0.0.1:{8470 + n}" for n, key in enumerate(keys)]
    plans = planned(tmp_path, ONE_PLANE, witnessing_of(named, 2))
    settings, problems = examine(AuditSettings, plans[0].config)
    assert problems == []
    assert isinstance(settings, AuditSettings)
    assert settings.witnessing.quorum == Quorum(tuple(keys), 2)
    assert [str(one) for one in settings.witnessing.addresses] == named
    with pytest.raises(UsageError, match="quorum"):
        witnessing_of(named, 3)


@pytest.mark.parametrize(("told", "replicas"), [(0, 1), (0, 2), (3, 2)])
def test_gateways_of_one_machine_divide_its_searches(
    tmp_path: Path, told: int, replicas: int
) -> None:
    """Two that each believed they had the machine for themselves let twice as many in as it can."""
    plans = planned(tmp_path, ONE_PLANE, replicas=replicas, searches=told)

    of_each = [one.settings["searches"] for one in plans if one.service is Service.GATEWAY]

    assert of_each == [told or searches_of_each(replicas)] * replicas
    assert told or len(of_each) * searches_of_each(replicas) <= searches_at_once(0)


def test_each_service_twice_on_one_bus_and_its_own_databases(tmp_path: Path) -> None:
    """R-45: replicas share what outlives a process, and each is a process of its own, which who
    calls it knows by both addresses.
    """
    places = replace(
        in_folder(DataFolder(tmp_path), ["others", "utah"]),
        ledger="postgresql+psycopg://host/ledger",
        planes={
            name: PlanePlaces(f"postgresql+psycopg://host/{name}", "http://host:19530")
            for name in ("others", "utah")
        },
        vault="s3://onrecord-vault/sealed",
        ledger_objects="s3://onrecord-ledger",
        objects_access={"objects_endpoint": "http://127.0.0.1:9000", "objects_access_key": "me"},
        inference={"inference": "triton://127.0.0.1:8001"},
        tokens={"token_issuer": "http://127.0.0.1/realms/onrecord", "token_keys": "discover"},
    )
    plans = planned(tmp_path, TWO_PLANES, places=places, replicas=2)
    assert [one.name for one in plans] == [
        f"{service}-{number}"
        for service in (
            "audit",
            "detection",
            "embedding",
            "vector-search-others",
            "vector-search-utah",
            "gateway",
        )
        for number in (1, 2)
    ]
    told = {}
    for one in plans:
        settings, problems = examine(settings_of(one.service), one.config)
        assert problems == []
        told[one.name] = settings
    addresses = {one.name: one.address for one in plans}
    assert len({*addresses.values(), *(one.health for one in plans)}) == 2 * len(plans)
    gateway, plane, audit = (
        told["gateway-2"],
        told["vector-search-utah-1"],
        told["audit-1"],
    )
    assert isinstance(gateway, GatewaySettings)
    assert isinstance(plane, VectorSearchSettings)
    assert isinstance(audit, AuditSettings)
    assert gateway.audit == f"ipv4:{addresses['audit-1']},{addresses['audit-2']}"
    assert [one.name for one in gateway.planes] == ["others", "utah"]
    assert plane.roster_url.get_secret_value() == "postgresql+psycopg://host/utah"
    assert plane.objects_access_key.get_secret_value() == "me"
    assert audit.database_url.get_secret_value() == places.ledger
    assert audit.token_keys == "discover"
    for one in plans:
        if one.service in (Service.DETECTION, Service.EMBEDDING):
            assert one.settings["inference"] == "triton://127.0.0.1:8001"
    assert plane.vault == gateway.vault == "s3://onrecord-vault/sealed"
