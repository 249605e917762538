"""One process after the other, under load; and what people heard of it."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.cluster.cluster import Cluster
from deploy.local.cluster.parts import roster_of
from deploy.local.parts.postgres import Postgres
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.plan import ProcessPlan
from tests.chaos.form import Target
from tests.chaos.load import Load
from tests.chaos.passing import let_pass
from tests.rolling.rotation import Rotation

_OUT_SECONDS: Final = 1.0
"""From leaving the rotation to being asked to end: the chart's `preStop`, shortened."""
_SETTLED_SECONDS: Final = 3.0
"""Less than the chart's `minReadySeconds`; callers come back within two seconds and a bit."""
_FOUND_SECONDS: Final = 60.0
_LOOK_AGAIN: Final = 0.1
_ANSWER_SECONDS: Final = 10.0
_MIGRATE: Final = (sys.executable, "-m", "onrecord", "migrate")
_DATABASES: Final = {Service.AUDIT: "ledger", Service.GATEWAY: "casework"}

# Not failures. Shed: told to come again. On its way: what the bus brings has not come yet. Gone:
# whoever was found and then deleted is not looked at, nor named. Poor: a picture that no record is
# made of. All of it happens without any restart as well.
_ALLOWED: Final = (
    r": answered$",
    r": 429 ",
    r": 409 receipt_gap$",
    r"^(look|leads): 404 not_found$",
    r"^enrol: 422 quality_",
)


@dataclass(slots=True)
class Rolled:
    """`replaced`: seconds that each process was away. `failed`: what people were told, for whom
    nobody should have noticed anything.
    """

    replaced: dict[str, float] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    answered: int = 0


def roll(cluster: Cluster, targets: Sequence[Target], rotation: Rotation, load: Load) -> Rolled:
    """Replace every process of ours by one that `python -m onrecord` starts now.

    Raises AssertionError where one does not end cleanly, does not come back, or where no search
    finds every gallery afterwards.
    """
    rolled, before = Rolled(), load.heard.counts()
    for target in targets:
        plan = _plan(cluster, target.name)
        gateway = plan.service is Service.GATEWAY
        with rotation.without(f"http://{plan.address}") if gateway else nullcontext():
            let_pass(_OUT_SECONDS)
            began = time.monotonic()
            target.stop()
            target.start()
            rolled.replaced[target.name] = time.monotonic() - began
        let_pass(_SETTLED_SECONDS)
        _wait(f"a search after {target.name}", load, time.monotonic())
    heard = load.heard.counts() - before
    rolled.failed = failures(heard)
    rolled.answered = sum(count for what, count in heard.items() if what.endswith(": answered"))
    return rolled


def failures(heard: "Counter[str]") -> dict[str, int]:
    """What nobody should hear when nothing but a restart happens."""
    return {
        what: count
        for what, count in heard.items()
        if not any(re.search(allowed, what) for allowed in _ALLOWED)
    }


@contextmanager
def program(folder: Path | None) -> Iterator[None]:
    """Processes that are started meanwhile import OnRecord from `folder`; None: ours."""
    before = os.environ.get("PYTHONPATH")
    if folder is not None:
        os.environ["PYTHONPATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = before


def migrate(cluster: Cluster, folder: Path) -> list[str]:
    """As a hook of the chart does: the schemas are brought to what the program in `folder` needs,
    while the one before works on them. What each said.
    """
    postgres = cluster.part("postgres")
    assert isinstance(postgres.part, Postgres)
    said = []
    done = set()
    for plan in cluster.plans:
        database = _DATABASES.get(plan.service)
        if plan.service is Service.VECTOR_SEARCH:
            database = roster_of(str(plan.settings["plane"]))
        if database is None or database in done:
            continue
        done.add(database)
        ran = subprocess.run(
            [*_MIGRATE, plan.service.value, "--config", str(plan.config)],
            env={
                **os.environ,
                "PYTHONPATH": str(folder),
                "ONRECORD_MIGRATE_URL": postgres.part.owner_url(postgres.place, database),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        said.append(ran.stdout)
    return said


def versions(cluster: Cluster) -> dict[str, str]:
    """Which version each process says that it is, in its own metrics."""
    return {plan.name: _version(plan) for plan in cluster.plans}


def _version(plan: ProcessPlan) -> str:
    connection = http.client.HTTPConnection(plan.health, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/metrics")
        told = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = re.search(r'build_info\{[^}]*version="([^"]+)"', told)
    return found.group(1) if found else ""


def _plan(cluster: Cluster, name: str) -> ProcessPlan:
    return next(one for one in cluster.plans if one.name == name)


def _wait(what: str, load: Load, since: float) -> None:
    while not load.searched_whole_since(since):
        assert time.monotonic() < since + _FOUND_SECONDS, f"{what} found not every gallery"
        let_pass(_LOOK_AGAIN)
