"""R-44: what the chart makes of each profile, as text: no server is needed."""

import pytest

from tests.chart.releases import PROFILES
from tests.chart.rendering import given, lint, of_kind, template

_SERVICES = {"gateway", "detection", "embedding", "audit", "vector-search"}


@pytest.mark.parametrize("profile", PROFILES)
def test_helm_finds_nothing_to_complain_of(profile: str) -> None:
    """R-44: `helm lint --strict`."""
    assert "0 chart(s) failed" in lint(profile, given(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_service_is_there_with_all_that_belongs_to_it(profile: str) -> None:
    """R-44: a deployment, a service, an account, a budget and policies for each of them."""
    manifests = template(profile, given(profile))
    deployed = {one["metadata"]["name"] for one in of_kind(manifests, "Deployment")}
    served = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]
        for one in of_kind(manifests, "Deployment")
    }
    assert served >= _SERVICES
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"):
        found = {one["metadata"]["name"] for one in of_kind(manifests, kind)}
        assert deployed <= found, kind
