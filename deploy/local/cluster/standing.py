"""What stands where in a cluster, written for whoever asks, and shown as a table."""

import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from deploy.local.cluster.cluster import Cluster
from deploy.local.cluster.folder import ClusterFolder, write_whole
from deploy.local.part import HOST
from deploy.local.running import Running

READY: Final = "ready"
_ANSWER_SECONDS: Final = 3.0
_BETWEEN: Final = ", "
_PORTS: Final = {
    "postgres": ("postgres",),
    "kafka": ("clients",),
    "milvus": ("proxy", "metrics"),
    "triton": ("grpc", "http", "metrics"),
    "s3": ("http",),
    "keycloak": ("http",),
    "prometheus": ("http",),
}
"""The ports of each part that somebody outside it calls."""


@dataclass(frozen=True, slots=True)
class Row:
    """One process. `health`: `host:port` of its `/readyz`; empty for a part."""

    name: str
    version: str
    pid: int
    called_at: str
    health: str
    log: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`state`: starting, ready or stopping. `pid`: the supervisor's. `otlp`: where spans go."""

    state: str
    pid: int
    gateways: tuple[str, ...]
    rows: tuple[Row, ...]
    otlp: str = ""


def write(state: str, cluster: Cluster) -> None:
    """For `read`."""
    rows = (*map(_of_part, cluster.parts), *_of_services(cluster))
    gateways = tuple(cluster.gateways)
    standing = Standing(state, os.getpid(), gateways, rows, cluster.wanted.otlp)
    write_whole(cluster.folder.standing, json.dumps(asdict(standing), indent=1))


def read(folder: ClusterFolder) -> Standing | None:
    """What was last written; None where nothing was."""
    try:
        found = json.loads(folder.standing.read_text())
    except FileNotFoundError:
        return None
    rows = tuple(Row(**row) for row in found.pop("rows"))
    gateways = tuple(found.pop("gateways"))
    return Standing(rows=rows, gateways=gateways, **found)


def table(rows: Sequence[Row], how: Sequence[str] = ()) -> str:
    """A line for each, and one for each further address. `how`: how each is, in their order."""
    lines = [("name", "version", "pid", "called at", "how" if how else "health")]
    for number, one in enumerate(rows):
        first, *further = one.called_at.split(_BETWEEN)
        health = f"http://{one.health}/readyz" if one.health else ""
        last = how[number] if how else health
        lines.append((one.name, one.version, str(one.pid), first, last))
        lines += [("", "", "", address, "") for address in further]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def how_they_are(rows: Sequence[Row], parts: Mapping[str, Callable[[], bool]]) -> list[str]:
    """`READY`, `ended` or what is wrong of each, now. `parts`: what asks each of them, by name."""
    with ThreadPoolExecutor(max(1, len(rows))) as asking:  # one that hangs keeps no other waiting
        return list(asking.map(lambda one: _how_it_is(one, parts.get(one.name)), rows))


def _how_it_is(row: Row, part: Callable[[], bool] | None) -> str:
    if not Path(f"/proc/{row.pid}").exists():
        return "ended"
    if part is not None:
        return READY if part() else "does not answer"
    connection = http.client.HTTPConnection(row.health, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        connection.close()
    if answer.status == 200:
        return READY
    wrong = [f"{name}: {word}" for name, word in said["checks"].items() if word != "ok"]
    return "not ready (" + ", ".join(wrong) + ")"


def _of_part(part: Running) -> Row:
    ports = part.place.ports
    names = _PORTS.get(part.part.name, part.part.port_names)
    called = _BETWEEN.join(
        f"{HOST}:{ports[name]}" + (f" ({name})" if len(names) > 1 else "") for name in names
    )
    pid = 0 if part.ended() else part.pid()
    return Row(part.part.name, part.part.version, pid, called, "", str(part.log))


def _of_services(cluster: Cluster) -> Iterator[Row]:
    for one in cluster.services.running:
        plan = one.plan
        yield Row(plan.name, "", one.process.pid, plan.address, plan.health, str(plan.log))
