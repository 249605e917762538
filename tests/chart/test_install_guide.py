"""R-44: docs/install.md does what it says, typed as it stands on a real API server."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.kubernetes.server import KubernetesServer
from tests.architecture.source import ROOT
from tests.chart import guide
from tests.chart.releases import NAME, Release, is_ready, merged
from tests.chart.rendering import given, template

_SECONDS: Final = 240
_GIBIBYTES: Final = {"Mi": 1 / 1024, "Gi": 1.0}
_MINE: Final = ("bus", "identity", "objects", "certificates")


@dataclass
class Reader:
    """Someone who types the guide's blocks, in their order, in one folder."""

    cluster: KubernetesServer
    folder: Path

    def type(self, text: str) -> str:
        """What the terminal says; that the namespace offends against what it is to enforce is
        not among it.
        """
        environment = self.cluster.environment()
        programs = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text],  # noqa: S607 - the machine's own
            cwd=self.folder,
            env={**environment, "PATH": programs, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "violate" not in done.stderr, done.stderr
        return done.stdout

    def type_and_see(self, block: guide.Block) -> str:
        """What the terminal says: among it, what the page says that it does."""
        assert block.shows
        said = self.type(block.text)
        assert not block.missing(said), said
        return said

    def release(self) -> Release:
        return Release(self.cluster, "onrecord", {})


@pytest.fixture(scope="module")
def reader(cluster: KubernetesServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """One who has a checkout, and has typed nothing yet."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    yield Reader(cluster, folder)
    cluster.kubectl("delete", "namespace", "onrecord", "--ignore-not-found", "--wait=false")


def test_three_commands_and_at_most_eight_values() -> None:
    """R-44: what the small profile may ask for, from an empty cluster."""
    (first,) = [block for block in guide.blocks() if block.tried and block.section == 2]
    assert len(first.commands()) == 3
    assert 0 < first.text.count("--set ") <= 8


def test_it_is_typed_from_its_beginning_to_its_end(reader: Reader) -> None:
    """R-44: every block that promises to have been run, in order; and after each what it says."""
    given = next(block for block in guide.blocks() if "secrets.txt" in block.text)
    reader.type(given.text)
    tried = [block for block in guide.blocks() if block.tried]
    assert [block.section for block in tried] == [2, 3, 6, 6, 9]
    install, look, upgrade, back, more = tried
    reader.type_and_see(install)
    release = reader.release()
    release.settle()
    _well(release, 5)
    _is_said(release, reader.type_and_see(look))
    _nothing_lacks(release)
    before = _images(release)
    reader.type_and_see(upgrade)
    release.settle()
    _well(release, 5)
    assert {one.rsplit(":")[-1] for one in _images(release)} == {"NEW"}
    reader.type_and_see(back)
    release.settle()
    assert _images(release) == before
    before = _main(release)
    reader.type_and_see(more)
    release.settle()
    _well(release, 6)
    _nothing_lacks(release)
    assert _main(release) == before, "the plane that was there started again"


def test_whatever_it_calls_by_name_is_there() -> None:
    """R-44: jobs whose log is to be read, deployments to be scaled: by their real names."""
    made = template("small", given("small"))
    names = {(one["kind"].lower(), one["metadata"]["name"]) for one in made}
    assert len(guide.objects()) >= 4
    assert guide.objects() - names == set()


@pytest.mark.parametrize("profile", ["small", "national"])
def test_its_sums_are_the_charts(profile: str) -> None:
    """R-44: what section 5 says is requested in all."""
    processors = memory = 0.0
    made = template(profile, given(profile))
    least = {
        one["spec"]["scaleTargetRef"]["name"]: int(one["spec"]["minReplicas"])
        for one in made
        if one["kind"] == "HorizontalPodAutoscaler"
    }
    for one in made:
        if one["kind"] != "Deployment":
            continue
        count = least.get(one["metadata"]["name"], one["spec"].get("replicas", 1))
        for container in one["spec"]["template"]["spec"]["containers"]:
            asked = container["resources"]["requests"]
            processors += count * _processors(asked["cpu"])
            memory += count * float(asked["memory"][:-2]) * _GIBIBYTES[asked["memory"][-2:]]
    assert (round(processors, 1), round(memory, 1)) == guide.sums(profile)


def test_a_plane_that_a_state_runs_is_a_release_of_its_own() -> None:
    """R-44: section 9's values, the state's and yours, are ones that the chart takes."""
    theirs, ours = (
        yaml.safe_load(block.text)
        for block in guide.blocks()
        if block.section == 9 and block.language == "yaml"
    )
    mine = {name: value for name, value in given("small").items() if name in _MINE}
    made = template("", merged(mine, theirs))
    assert [one["metadata"]["name"] for one in made if one["kind"] == "Deployment"] == [
        f"{NAME}-vector-search-utah"
    ]
    (gateway,) = (
        one
        for one in template("small", given("small", ours))
        if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", f"{NAME}-gateway")
    )
    settings = tomllib.loads(gateway["data"]["settings.toml"])
    assert "utah=onrecord.dld.utah.example:8443" in settings["planes"]


def test_a_state_installs_its_plane_and_nothing_else(
    cluster: KubernetesServer, namespace: str
) -> None:
    """R-44: with section 9's values of the state, on the server: it runs, its jobs done."""
    theirs = next(
        yaml.safe_load(block.text)
        for block in guide.blocks()
        if block.section == 9 and block.language == "yaml"
    )
    mine = {name: value for name, value in given("small").items() if name in _MINE}
    release = Release(cluster, namespace, merged(mine, theirs))
    release.install()
    _well(release, 1)
    (pod, *_) = release.serving()
    assert pod["metadata"]["labels"]["onrecord.org/plane"] == "utah"


def _well(release: Release, deployments: int) -> None:
    """So many deployments, all ready; for each a budget and a pair of policies."""
    found = {one["metadata"]["name"] for one in release.all_of("deployments")}
    assert len(found) == deployments
    assert all(map(is_ready, release.serving()))
    assert {one["metadata"]["name"] for one in release.all_of("poddisruptionbudgets")} == found
    policies = [one["metadata"]["name"] for one in release.all_of("networkpolicies")]
    assert sorted(policies) == sorted([*found, *(f"{one}-called" for one in found)])


def _is_said(release: Release, said: str) -> None:
    """Section 3 shows it."""
    for kind in ("pods", "networkpolicies", "poddisruptionbudgets"):
        for one in release.all_of(kind):
            assert one["metadata"]["name"] in said
    assert "no policy means refusal" in said


def _nothing_lacks(release: Release) -> None:
    """Every Secret and ConfigMap that a pod needs is there, with every key that it needs: in its
    variables, and as a file that its settings name.
    """
    held = {
        (kind, one["metadata"]["name"]): set(one.get("data", ()))
        for kind in ("secret", "configmap")
        for one in release.all_of(f"{kind}s")
    }
    settings = {
        one["metadata"]["name"]: tomllib.loads(one["data"]["settings.toml"])
        for one in release.all_of("configmaps")
        if "settings.toml" in one.get("data", {})
    }
    for pod in release.serving():
        spec = pod["spec"]
        for one in [*spec["containers"], *spec.get("initContainers", ())]:
            for variable in one.get("env", ()):
                source = variable.get("valueFrom", {}).get("secretKeyRef")
                if source and not source.get("optional"):
                    assert source["key"] in held["secret", source["name"]]
        sources = {one["name"]: _source(one) for one in spec["volumes"]}
        mounts = {one["mountPath"]: one["name"] for one in spec["containers"][0]["volumeMounts"]}
        for value in settings[spec["serviceAccountName"]].values():
            path = Path(value) if isinstance(value, str) and value.startswith("/etc/") else None
            if path is None:
                continue
            source_of = sources[mounts[str(path.parent)]]
            assert source_of is not None
            assert path.name in held[source_of], path


def _source(volume: Mapping[str, Any]) -> tuple[str, str] | None:
    if "secret" in volume:
        return "secret", volume["secret"]["secretName"]
    if "configMap" in volume:
        return "configmap", volume["configMap"]["name"]
    return None


def _images(release: Release) -> set[str]:
    return {one["image"] for pod in release.serving() for one in pod["spec"]["containers"]}


def _main(release: Release) -> set[str]:
    return {
        pod["metadata"]["uid"]
        for pod in release.serving()
        if pod["metadata"]["labels"].get("onrecord.org/plane") == "main"
    }


def _processors(asked: str) -> float:
    return float(asked[:-1]) / 1000 if asked.endswith("m") else float(asked)
