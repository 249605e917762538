"""What `helm template` makes of the chart: no server, no release."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes.programs import helm
from tests.chart.given import values
from tests.chart.releases import CHART, merged

ROOT: Final = Path(__file__).resolve().parents[2]
RELEASE: Final = "onrecord"
NAMESPACE: Final = "faces"
_TOOLS: Final = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"

Manifest = Mapping[str, Any]


class RefusedError(Exception):
    """helm refused, with what it said."""


@lru_cache
def program() -> Path:
    """helm, built once. Raises InstallError."""
    return helm(_TOOLS, lambda line: print(line, file=sys.stderr))  # noqa: T201 - minutes are told


def template(profile: str, given: Mapping[str, Any], *options: str) -> list[Manifest]:
    """The objects of a release, in the order of `helm template`. Without a profile: the values
    alone. Raises RefusedError.
    """
    return list(_rendered(profile, json.dumps(given, sort_keys=True), options))


@lru_cache(maxsize=32)
def _rendered(profile: str, given: str, options: tuple[str, ...]) -> tuple[Manifest, ...]:
    with _file(json.loads(given)) as written:
        arguments = [*_profile(profile), "-f", str(written), *options]
        said = run("template", RELEASE, str(CHART), "-n", NAMESPACE, *arguments)
    # In C: the dashboards alone take seconds in Python.
    return tuple(one for one in yaml.load_all(said, Loader=yaml.CSafeLoader) if one)


def given(profile: str, changed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a platform team gives, with `changed` over it."""
    return merged(values(profile), changed or {})


def lint(profile: str, given: Mapping[str, Any]) -> str:
    """Raises RefusedError."""
    with _file(given) as written:
        return run("lint", "--strict", str(CHART), *_profile(profile), "-f", str(written))


def run(*arguments: str) -> str:
    """Raises RefusedError."""
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr + done.stdout)
    return done.stdout


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] in kinds]


def named(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod that the release makes: the name of what makes it, and its template."""
    for one in of_kind(manifests, "Deployment", "Job"):
        yield one["metadata"]["name"], one["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    """Of a pod's template, those that prepare it too."""
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def assert_bounded(at: str, container: Manifest) -> None:
    """R-44: it asks for a processor and memory, and may have no more than so much."""
    for what in ("requests", "limits"):
        assert {"cpu", "memory"} <= container.get("resources", {}).get(what, {}).keys(), (at, what)


def assert_unprivileged(at: str, container: Manifest) -> None:
    """R-44: more than `restricted` asks for: nobody writes to the root file system either."""
    security = container.get("securityContext", {})
    assert security.get("readOnlyRootFilesystem") is True, at
    assert security.get("runAsNonRoot") is True, at
    assert security.get("allowPrivilegeEscalation") is False, at
    assert security.get("capabilities") == {"drop": ["ALL"]}, at
    assert security.get("seccompProfile") == {"type": "RuntimeDefault"}, at


def _profile(profile: str) -> list[str]:
    return ["-f", str(CHART / "profiles" / f"{profile}.yaml")] if profile else []


@contextmanager
def _file(given: Mapping[str, Any]) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        yield Path(file.name)
