"""A release of the chart on the API server, and what a platform team gives it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.kubernetes.server import KubernetesServer
from tests.chart.traffic import Endpoint

CHART: Final = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "onrecord"
PROFILES: Final = ("small", "national", "gpu")
NAME: Final = "onrecord"
COMPONENT: Final = "app.kubernetes.io/component"
INSTANCE: Final = "app.kubernetes.io/instance"
_WAIT: Final = ("--wait", "--wait-for-jobs", "--timeout", "180s")


@dataclass(frozen=True, slots=True)
class Release:
    """One, by its name, in a namespace of its own. `given` are the values every revision has."""

    cluster: KubernetesServer
    namespace: str
    given: Mapping[str, Any]
    profile: str = ""

    def install(self) -> None:
        """And wait until all of it is ready. Raises CommandError."""
        self.cluster.helm("install", NAME, *self.arguments({}), *_WAIT)
        self.settle()

    def upgrade(self, changed: Mapping[str, Any]) -> None:
        """To the given values with `changed` over them; the profile stays. Raises CommandError."""
        self.cluster.helm("upgrade", NAME, *self.arguments(changed), *_WAIT)
        self.settle()

    def rollback(self, revision: int) -> None:
        """Raises CommandError."""
        self.cluster.helm("rollback", NAME, str(revision), "-n", self.namespace, *_WAIT)
        self.settle()

    def settle(self) -> None:
        """Wait until every rollout is over: Helm waits for the new pods, not for the old to go.

        Raises CommandError.
        """
        asked = ("rollout", "status", "deployment", "-n", self.namespace, "--timeout=120s")
        self.cluster.kubectl(*asked)

    def uninstall(self) -> None:
        """Raises CommandError."""
        self.cluster.helm("uninstall", NAME, "-n", self.namespace, "--wait", "--timeout", "180s")

    def rendered(self, changed: Mapping[str, Any] | None = None) -> str:
        """The manifests, as text. Raises CommandError."""
        return self.cluster.helm("template", NAME, *self.arguments(changed or {}))

    def revision(self) -> int:
        """The one that is deployed."""
        said = self.cluster.helm("status", NAME, "-n", self.namespace, "-o", "json")
        return int(json.loads(said)["version"])

    def manifest(self, revision: int) -> str:
        """What was sent to the server."""
        asked = ("get", "manifest", NAME, "-n", self.namespace, "--revision", str(revision))
        return self.cluster.helm(*asked)

    def all_of(self, kinds: str) -> Sequence[Mapping[str, Any]]:
        """The objects in the namespace, of kinds by commas, as the server holds them."""
        found: Sequence[Mapping[str, Any]] = self.cluster.read(kinds, "-n", self.namespace)
        return found

    def one(self, kind: str, name: str) -> Mapping[str, Any]:
        """An object as the server holds it. Raises CommandError."""
        found: Mapping[str, Any] = self.cluster.read(kind, name, "-n", self.namespace)
        return found

    def serving(self) -> Sequence[Mapping[str, Any]]:
        """Every pod that is no job's and not on its way out."""
        return [
            pod
            for pod in self.all_of("pods")
            if _owner(pod) != "Job" and "deletionTimestamp" not in pod["metadata"]
        ]

    def arguments(self, changed: Mapping[str, Any]) -> list[str]:
        """What helm is told of the chart and its values, with `changed` over the given ones."""
        written = self.cluster.folder / f"values-{self.namespace}.yaml"
        written.write_text(json.dumps(merged(self.given, changed)))
        profile = ["-f", str(CHART / "profiles" / f"{self.profile}.yaml")] if self.profile else []
        return [str(CHART), "-n", self.namespace, *profile, "-f", str(written)]


@dataclass(frozen=True, slots=True)
class StandingRelease(Release):
    """One that is installed and that nobody changes: what the server holds is asked for once."""

    seen: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict, compare=False)

    def all_of(self, kinds: str) -> Sequence[Mapping[str, Any]]:
        """As `Release`."""
        if kinds not in self.seen:
            self.seen[kinds] = Release.all_of(self, kinds)
        return self.seen[kinds]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As helm lays values over values: maps key by key, all else replaced."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[name] = merged(old, value)
        else:
            result[name] = value
    return result


def component(thing: Mapping[str, Any]) -> str:
    """Of an object: `gateway`, `vector-search`, ..."""
    return str(thing["metadata"].get("labels", {}).get(COMPONENT, ""))


def endpoint(pod: Mapping[str, Any]) -> Endpoint:
    """The pod as NetworkPolicies see it."""
    return Endpoint(
        namespace=pod["metadata"]["namespace"],
        labels=pod["metadata"]["labels"],
        namespace_labels={"kubernetes.io/metadata.name": pod["metadata"]["namespace"]},
        address=pod["status"].get("podIP", ""),
    )


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Running, and its condition says so."""
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return pod["status"]["phase"] == "Running" and conditions.get("Ready") == "True"


def _owner(pod: Mapping[str, Any]) -> str:
    return str(next((one["kind"] for one in pod["metadata"].get("ownerReferences", ())), ""))
