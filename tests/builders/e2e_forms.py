"""The forms of one installation that the end-to-end tests run on, unchanged (R-45): one process and
five; where `ONRECORD_E2E` is `cluster`, the real parts with two of each service, and these alone.
"""

import os
from dataclasses import dataclass

import pytest

from tests.builders.e2e_scene import Scene
from tests.builders.e2e_server import Serving

ONE_PROCESS = "one-process"
FIVE_PROCESSES = "five-processes"
CLUSTER = "cluster"
ON_CLUSTER = os.environ.get("ONRECORD_E2E") == CLUSTER

COMMANDS = {ONE_PROCESS: ("up",), FIVE_PROCESSES: ("up-processes", "--planes", "1")}
"""What starts each of them, with `onrecord`."""

BOTH = [
    # A worker each: everything that needs a form runs where that form already stands.
    pytest.param(form, id=form, marks=pytest.mark.xdist_group(form))
    for form in ((CLUSTER,) if ON_CLUSTER else (ONE_PROCESS, FIVE_PROCESSES))
]


@dataclass(frozen=True, slots=True)
class Standing:
    """A form that is at work. Three states: Utah allows, Vermont forbids, Maryland's agreement
    has run out. Utah has enrolled the first `ENROLLED` people, each other state the next one.
    """

    server: Serving
    scene: Scene


ENROLLED = 12
EXAMINERS = 4
