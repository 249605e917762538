"""R-43, R-44: what the pages tell a person on duty to type, typed on a real API server.

What only looks is run. What changes something is run with `--dry-run=server`: the server admits it
and does nothing. Nothing runs in a simulated pod, so of `logs` and `port-forward` is seen that they
reach for pods that are there.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping

import pytest
import yaml

from deploy.kubernetes.server import KubernetesServer
from tests.chart.apiserver import own_namespace
from tests.chart.given import values
from tests.chart.releases import NAME, Release, component, merged
from tests.chart.typed import Typed, functions, typed

_ON = {"enabled": True}
_ONCE = ("migrations", "topics", "buckets")
_WITH_HOOKS = {"setup": dict.fromkeys(_ONCE, True), "monitoring": {"serviceMonitors": _ON}}
_WITHOUT = {"setup": dict.fromkeys(_ONCE, False)}
_LOOK = ("get", "describe", "pods")
_CHANGE = ("delete", "drain", "patch", "scale", "rollback")
_REACH = ("logs", "port-forward")
_HEALTH = 8081


@pytest.fixture(scope="module")
def release(cluster: KubernetesServer) -> Iterator[Release]:
    """The small profile, upgraded once: there is something to go back to."""
    with own_namespace(cluster) as name:
        found = Release(cluster, name, merged(values("small"), _WITH_HOOKS), "small")
        found.install()
        found.upgrade(_WITHOUT)
        yield found


@pytest.fixture(scope="module")
def told(release: Release) -> Mapping[str, str]:
    """What stands in the pages in capitals, of this release."""
    audit = next(pod for pod in release.serving() if component(pod) == "audit")
    return {
        "AUDIT-POD": audit["metadata"]["name"],
        "POD": audit["metadata"]["name"],
        "NODE": audit["spec"]["nodeName"],
        "PLANE": "main",
        "CLAIM": f"{NAME}-vector-search-main-keys",
        "NAME": f"{NAME}-audit",
    }


@pytest.mark.parametrize("command", [one for one in typed() if one.verb in _LOOK], ids=str)
def test_what_looks_is_run(release: Release, told: Mapping[str, str], command: Typed) -> None:
    """And shows something: a selector that chooses nothing would say "No resources found"."""
    done = _run(release, _filled(command, told))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") >= 2, done.stdout + done.stderr


@pytest.mark.parametrize("command", [one for one in typed() if one.verb in _CHANGE], ids=str)
def test_what_changes_something_is_admitted(
    release: Release, told: Mapping[str, str], command: Typed
) -> None:
    """By the server, for every object that it names; and nothing has changed."""
    before = {one["metadata"]["uid"] for one in release.serving()}
    dry = "--dry-run" if command.verb == "rollback" else "--dry-run=server"
    done = _run(release, f"{_filled(command, told)} {dry}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), done.stderr
    assert {one["metadata"]["uid"] for one in release.serving()} == before


@pytest.mark.parametrize("command", [one for one in typed() if one.verb in _REACH], ids=str)
def test_what_speaks_to_pods_finds_them(
    release: Release, told: Mapping[str, str], command: Typed
) -> None:
    """Down to the kubelet, of which there is none here."""
    text = _filled(command, told)
    if command.verb == "logs":
        done = _run(release, text)
        assert done.returncode != 0
        job = re.search(r" job/(\S+)", text)
        if job and "NotFound" in done.stderr:
            assert job[1] in _gone_when_done(release)
        else:
            assert "/containerLogs/" in done.stderr, done.stderr
        return
    found = re.search(r"port-forward (?:(\w+)/)?(\S+) (\d+)(?::(\d+))?$", text)
    assert found, text
    one = release.one(found[1] or "pod", found[2])
    assert int(found[4] or found[3]) in _ports(one)


def test_the_notes_tell_the_next_three_commands(release: Release) -> None:
    """R-44: after an installation: does it fit, is it at work, how is it reached."""
    notes = release.cluster.helm("get", "notes", NAME, "-n", release.namespace)
    fits, works, reach = re.findall(r"^ {3}((?:helm|kubectl) .+)$", notes, re.MULTILINE)
    tested = _run(release, fits.removesuffix(" --logs"))  # there is no kubelet to ask for them
    assert tested.returncode == 0, tested.stderr
    assert "Phase:          Succeeded" in tested.stdout
    listed = _run(release, works)
    assert listed.stdout.count("Running") == len(release.serving()) == 5
    found = re.search(r"port-forward svc/(\S+) 8420:(\d+)$", reach)
    assert found
    assert int(found[2]) in _ports(release.one("service", found[1]))


def test_each_command_is_of_a_kind_that_is_tried() -> None:
    """None is passed over, and there are some of each."""
    kinds = {one.verb for one in typed()}
    assert kinds <= {*_LOOK, *_CHANGE, *_REACH}
    assert len(typed()) > 25
    assert kinds >= {"get", "logs", "drain", "scale", "rollback", "port-forward"}


def _gone_when_done(release: Release) -> set[str]:
    """Jobs that Helm takes away when they succeed: they are there to be asked if they fail."""
    asked = ("get", "hooks", NAME, "-n", release.namespace, "--revision", "1")
    hooks = [one for one in yaml.safe_load_all(release.cluster.helm(*asked)) if one]
    return {
        one["metadata"]["name"]
        for one in hooks
        if "hook-succeeded" in one["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    }


def _filled(command: Typed, told: Mapping[str, str]) -> str:
    text = command.text.replace("-n onrecord ", '-n "$NS" ')
    for name, value in told.items():
        text = re.sub(rf"(?<![\w-]){name}(?![\w-])", value, text)
    return text if text != "pods" else "pods audit"


def _run(release: Release, text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", f"{functions()}\n{text}"],  # noqa: S607 - the machine's own
        cwd=release.cluster.folder,
        env={**release.cluster.environment(), "NS": release.namespace},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _ports(one: Mapping[str, object]) -> set[int]:
    spec = one["spec"]
    assert isinstance(spec, Mapping)
    if one["kind"] == "Service":
        return {int(port["port"]) for port in spec["ports"]}
    pod = spec["template"]["spec"] if one["kind"] == "Deployment" else spec
    return {int(p["containerPort"]) for c in pod["containers"] for p in c.get("ports", ())}
