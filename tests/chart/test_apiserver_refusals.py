"""R-44: what is wrong is refused before anything is installed, and says what is wrong."""

from typing import Any

import pytest

from deploy.kubernetes.server import CommandError, KubernetesServer
from tests.chart.given import values
from tests.chart.releases import NAME, Release

_WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown value": ({"nonsense": 1}, "nonsense"),
    "an unknown value of a service": ({"gateway": {"replica": 2}}, "replica"),
    "an unknown value of a plane": ({"planes": {"main": {"millvus": "x"}}}, "millvus"),
    "a number that is text": ({"gateway": {"replicas": "two"}}, "replicas"),
    "a policy": ({"policies": {"US-UT": "permit(principal, action, resource);"}}, "policies"),
    "a secret": ({"objects": {"secretKey": "hunter2"}}, "secretKey"),
}


@pytest.mark.parametrize("what", _WRONG)
def test_it_is_refused_by_the_schema(cluster: KubernetesServer, namespace: str, what: str) -> None:
    """R-44: and nothing of it is there."""
    changed, named = _WRONG[what]
    release = Release(cluster, namespace, values("small"), "small")
    with pytest.raises(CommandError, match=named):
        cluster.helm("install", NAME, *release.arguments(changed))
    assert release.all_of("all") == []


@pytest.mark.parametrize("lacking", ["bus.address", "identity.issuer", "planes.main.milvus"])
def test_what_lacks_is_asked_for_by_its_name(
    cluster: KubernetesServer, namespace: str, lacking: str
) -> None:
    """R-44: the values that have no default are named when they are missing."""
    given = values("small")
    *path, last = lacking.split(".")
    inner = given
    for one in path:
        inner = inner[one]
    del inner[last]
    release = Release(cluster, namespace, given, "small")
    with pytest.raises(CommandError, match=lacking.replace(".", r"\.")):
        release.install()
    assert release.all_of("all") == []
