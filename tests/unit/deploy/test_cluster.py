"""What a cluster is made of, and where it stands, without starting any of it."""

import socket
import stat
from pathlib import Path

from deploy.local.cluster import standing
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.parts import NAMES, Parts, asking, chosen
from deploy.local.cluster.standing import Row
from deploy.local.part import HOST, Place
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.milvus import Milvus
from deploy.local.parts.postgres import Postgres
from deploy.local.parts.s3 import S3
from deploy.local.parts.triton import Triton
from deploy.local.running import Running
from onrecord.standalone.places import in_folder

PLANES = ("others", "utah")


def test_ports_are_kept_from_start_to_start_as_long_as_they_are_free(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path / "cluster")
    folder.prepare()
    first = folder.place(Kafka(), tmp_path).ports
    assert len({*first.values(), folder.ports("gateway", ("http",))["http"]}) == 3
    assert folder.place(Kafka(), tmp_path).ports == first
    with socket.create_server((HOST, first["clients"])):
        assert folder.place(Kafka(), tmp_path).ports["clients"] != first["clients"]


def test_a_part_reaches_its_own_folder_and_nobody_reads_ours(tmp_path: Path) -> None:
    """R-30: a part may run under an account of its own, beside our keys."""
    folder = ClusterFolder(tmp_path / "cluster")
    folder.prepare()
    assert stat.S_IMODE(folder.parts.stat().st_mode) == 0o711
    assert stat.S_IMODE(folder.services.root.stat().st_mode) == 0o700


def test_what_is_left_out_is_in_files(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    folder.prepare()
    assert Parts(()).places(folder, PLANES) == in_folder(folder.services, PLANES)


def test_each_part_is_where_its_users_are_told(tmp_path: Path) -> None:
    """R-30: two planes share a server and no database."""
    folder = ClusterFolder(tmp_path)
    folder.prepare()
    parts = chosen(NAMES, tmp_path / "models", PLANES, Kafka())
    running = []
    for number, part in enumerate(parts):
        data = folder.parts / part.name
        data.mkdir()
        ports = {name: 1000 * (number + 1) + n for n, name in enumerate(part.port_names)}
        running.append(Running(part, Place(tmp_path, data, ports)))
    places = Parts(tuple(running)).places(folder, PLANES)
    at = {type(one.part): one.place for one in running}
    assert places.bus == f"kafka://{at[Kafka].at('clients')}"
    assert places.tokens == {
        "token_issuer": f"http://{at[Keycloak].at('http')}/realms/onrecord",
        "token_audience": "onrecord",
        "token_keys": "discover",
    }
    assert places.inference == {"inference": f"triton://{at[Triton].at('grpc')}"}
    assert {one.milvus for one in places.planes.values()} == {f"http://{at[Milvus].at('proxy')}"}
    urls = [places.ledger, places.casework, *(one.roster for one in places.planes.values())]
    assert len(set(urls)) == 4
    users = [url.removeprefix("postgresql+psycopg://").partition(":")[0] for url in urls]
    assert all(user.endswith("_service") for user in users), "none may change a schema"
    assert at[Postgres].at("postgres") in places.ledger
    assert {places.vault, places.ingest, places.ledger_objects} == {
        "s3://onrecord-vault",
        "s3://onrecord-ingest",
        "s3://onrecord-ledger",
    }
    assert places.objects_access["objects_endpoint"] == f"http://{at[S3].at('http')}"
    assert "secret" not in repr(places)
    assert str(places.objects_access["objects_secret_key"]) not in repr(places)


def test_who_has_ended_or_does_not_answer_is_not_well(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as silent:
        address = f"{HOST}:{silent.getsockname()[1]}"
    here = Row("audit-1", "", 1, "", address, "")
    gone = Row("kafka", "4.1.0", 2**22 + 1, "", "", "")
    paused = Row("triton", "2.51.0", 1, "one (grpc), another (http)", "", "")
    well = Row("milvus", "2.3.5", 1, "", "", "")
    rows = [here, gone, paused, well]
    parts = {"kafka": lambda: True, "triton": lambda: False, "milvus": lambda: True}
    how = standing.how_they_are(rows, parts)
    assert how[0].startswith("does not answer")
    assert how[1:] == ["ended", "does not answer", standing.READY]
    lines = standing.table(rows, how).splitlines()
    assert lines[3].endswith("does not answer")
    assert lines[4].split() == ["another", "(http)"], "a line for each address"


def test_parts_are_asked_where_they_were_started(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    folder.prepare()
    assert asking(folder) == {}
    folder.place(Triton(()), tmp_path)
    (asked,) = asking(folder).items()
    assert asked[0] == "triton"
    assert not asked[1](), "nobody listens there"
