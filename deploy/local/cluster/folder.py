"""What stands where in a cluster's folder."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.part import HOST, Part, Place
from deploy.local.running import free_ports
from onrecord.standalone.folder import DataFolder


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """`parts`: the data of each part; `services`: what OnRecord's own processes keep in files
    (keys, certificates, settings, logs), for their owner alone.
    """

    root: Path

    def prepare(self) -> None:
        """Make what is missing. A part may run under an account of its own and must reach its own
        folder, so the roots can be entered; what is secret in them can not be read.
        """
        for folder in (self.root, self.parts):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        self.services.prepare()

    @property
    def parts(self) -> Path:
        return self.root / "parts"

    @property
    def services(self) -> DataFolder:
        return DataFolder(self.root / "onrecord")

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "in-use.lock"

    @property
    def standing(self) -> Path:
        """What stands where, as the supervisor last wrote it."""
        return self.root / "cluster.json"

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.root / "cluster.log"

    def place(self, part: Part, tools: Path) -> Place:
        """Where a part lives. Its ports are those of the last start, if they are free."""
        return Place(tools, self.parts / part.name, self.ports(part.name, part.port_names))

    def ports(self, whose: str, names: tuple[str, ...]) -> Mapping[str, int]:
        """As many ports as there are names: those of the last start, if they are free."""
        known = self.known_ports()
        ports: Mapping[str, int] = known.get(whose, {})
        if set(ports) != set(names) or not all(map(_free, ports.values())):
            others = (port for held in known.values() for port in held.values())
            ports = free_ports(names, others)
            write_whole(self._ports, json.dumps({**known, whose: dict(ports)}, indent=1))
        return ports

    def known_ports(self) -> Mapping[str, Mapping[str, int]]:
        """Those of the last start, by whose they are."""
        kept: dict[str, dict[str, int]] = {}
        return json.loads(self._ports.read_text()) if self._ports.exists() else kept

    @property
    def _ports(self) -> Path:
        return self.root / "ports.json"


def write_whole(path: Path, text: str) -> None:
    """A reader sees the old file or the new one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105 - says what it does


def _free(port: int) -> bool:
    try:
        # As servers do: what is left of closed connections does not count.
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
