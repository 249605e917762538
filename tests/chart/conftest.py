"""What the chart's tests share."""

import pytest

from tests.chart.apiserver import cluster, namespace, release  # noqa: F401 - fixtures, by their names

CHANGING = ("test_apiserver_drain", "test_apiserver_upgrade", "test_install_guide")
"""Modules that take nodes away, or put a release through its life."""


@pytest.hookimpl(tryfirst=True)  # xdist looks at the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes (`--dist loadgroup`), each with an API server of its own: in one all that looks
    at releases that stand still, in the other all that changes some. What needs no server goes
    where there is time.
    """
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            changing = item.path.stem in CHANGING
            item.add_marker(pytest.mark.xdist_group("changing" if changing else "standing"))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
