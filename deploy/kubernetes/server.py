"""The whole: a server that kubectl and helm reach, and nodes that pods are placed on."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.kubernetes import programs
from deploy.kubernetes.identity import Identity
from deploy.kubernetes.nodes import SimulatedNode
from deploy.kubernetes.parts import ApiServer, Controllers, Etcd, Kwok, Scheduler
from deploy.local.part import Part, Say
from deploy.local.running import Running, place_for

_WAIT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_COMMAND_SECONDS: Final = 300.0


class CommandError(Exception):
    """kubectl or helm ended with an error; the text is what it said."""


@dataclass(frozen=True, slots=True)
class KubernetesServer:
    """A server at work. `path` is to be put before PATH: kubectl and helm lie there."""

    kubeconfig: Path
    path: str
    folder: Path

    def environment(self) -> Mapping[str, str]:
        """In which `kubectl` and `helm` by their names are ours, and mean this server."""
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{self.path}:{os.environ['PATH']}",
        }

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """What it says; `given` is its standard input. Raises CommandError."""
        return self._run("kubectl", *arguments, given=given)

    def helm(self, *arguments: str) -> str:
        """What it says. Raises CommandError."""
        return self._run("helm", *arguments)

    def read(self, *arguments: str) -> Any:
        """`kubectl get ARGUMENTS -o json`, parsed; of several objects their list.

        Raises CommandError.
        """
        found = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found["items"] if found.get("kind") == "List" else found

    def apply(self, *objects: Mapping[str, object]) -> str:
        """Raises CommandError."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        return self.kubectl("apply", "-f", "-", given=json.dumps(listed))

    def warnings(self, *arguments: str, given: str) -> tuple[str, ...]:
        """What the server warns of while kubectl does something. Raises CommandError."""
        said = self._done("kubectl", *arguments, given=given).stderr.splitlines()
        return tuple(line for line in said if line.startswith("Warning"))

    def _run(self, *argv: str, given: str = "") -> str:
        return self._done(*argv, given=given).stdout

    def _done(self, *argv: str, given: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            argv,
            env=self.environment(),
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"{' '.join(argv)}:\n{done.stderr.strip() or done.stdout.strip()}")
        return done


@contextmanager
def started(
    tools: Path, folder: Path, nodes: Sequence[SimulatedNode], say: Say
) -> Iterator[KubernetesServer]:
    """Install what lacks, start a server in `folder`, and stop it in the end.

    Its nodes are ready, and there is a service account for pods.
    Raises InstallError, PartError, CommandError.
    """
    programs.all_of_it(tools, say)
    identity = Identity(folder / "identity")
    path = f"{programs.control_plane(tools, say)}:{programs.helm(tools, say).parent}"
    with ExitStack() as stack:

        def begun(part: Part) -> Running:
            running = Running(part, place_for(part, tools, folder / part.name))
            stack.callback(running.close)
            running.begin()
            return running

        etcd = begun(Etcd())
        etcd.wait()
        begun(ApiServer(identity, f"http://{etcd.place.at('client')}")).wait()
        for one in [begun(part) for part in (Controllers(identity), Scheduler(identity))]:
            one.wait()
        begun(Kwok(identity)).wait()
        server = KubernetesServer(identity.kubeconfig, path, folder)
        server.apply(*(node.manifest() for node in nodes))
        _wait_for_nodes(server, len(nodes))
        server.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
        yield server


def _wait_for_nodes(server: KubernetesServer, count: int) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while sum(map(_is_ready, server.read("nodes"))) < count:
        if time.monotonic() > until:
            raise CommandError("the simulated nodes are not ready")
        time.sleep(_POLL_SECONDS)


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    untainted = not any(
        taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"].get("taints", [])
    )
    return untainted and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )
