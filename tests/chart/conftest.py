"""What the chart's tests share."""

from pathlib import Path
from typing import Final

import pytest

from tests.chart.apiserver import cluster, namespace, release  # noqa: F401 - fixtures, by their names

_HERE: Final = Path(__file__).parent
CHANGING: Final = ("test_apiserver_drain", "test_apiserver_upgrade", "test_install_guide")
"""Modules that take nodes away, or put a release through its life."""


@pytest.hookimpl(tryfirst=True)  # xdist looks at the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes (`--dist loadgroup`), each with an API server of its own: in one all that looks
    at releases that stand still, in the other all that changes some. What needs no server goes
    where there is time.
    """
    mine = [item for item in items if item.path.parent == _HERE]
    for item in mine:
        if "cluster" in getattr(item, "fixturenames", ()):
            changing = item.path.stem in CHANGING
            item.add_marker(pytest.mark.xdist_group("changing" if changing else "standing"))
    if len(mine) == len(items):
        items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
