"""A cluster under load whose processes are replaced, all of it watched by the observer of chaos."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.builders.e2e_ledger import LedgerView
from tests.builders.models import reference_repository
from tests.chaos.cluster import started_cluster
from tests.chaos.load import Load
from tests.chaos.stage import pictures, set_up
from tests.chaos.told import Told
from tests.chaos.watch import Watch
from tests.rolling.next_version import write_next_version
from tests.rolling.roll import Rolled, migrate, program, roll, versions
from tests.rolling.rotation import Rotation

_BEGIN = 8
_SEED = 20261123
# Those that are called before those that call, as a release does where a contract grows.
_ORDER = ("audit", "vector-search", "embedding", "detection", "gateway")


@dataclass(slots=True)
class Report:
    """`restarted`, `upgraded`: None where it was not asked for. `versions`: of every process at the
    end. `unsearched`: every `search.failed`. `broken`: the laws that did not hold.
    """

    restarted: Rolled | None = None
    upgraded: Rolled | None = None
    versions: dict[str, str] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    unsearched: list[dict[str, Any]] = field(default_factory=list)
    entries: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def run(data: Path, folder: Path, *, restart: bool) -> Report:
    """Upgrade every process to the next version, its schemas first; with `restart`, all of them
    are replaced by the same version before. `data` may be entered by the accounts of parts.
    """
    report, models = Report(), reference_repository()
    told_in = folder / "told"
    told_in.mkdir()
    with started_cluster(data, models, wired=False) as (cluster, form):
        rotation = Rotation(form.addresses)
        form = replace(form, addresses=rotation)
        services = {plan.name: plan.service.value for plan in cluster.plans}
        ours = sorted(
            (one for one in form.targets if one.name in services),
            key=lambda one: _ORDER.index(services[one.name]),
        )
        report.services = {services[one.name] for one in ours}
        told = Told(told_in)
        load = Load(form, set_up(form.installation, models), pictures(), told, _SEED)
        load.begin(_BEGIN)
        watch = Watch(form, told)
        if restart:
            report.restarted = roll(cluster, ours, rotation, load)
            watch.look()
        following = write_next_version(folder / "next")
        migrate(cluster, following)
        with program(following):
            report.upgraded = roll(cluster, ours, rotation, load)
        report.versions = versions(cluster)
        load.stop()
        watch.last(load.ask_after_enrolments)
        ledger = LedgerView(form.installation)
        report.unsearched = [one.body for one in ledger.entries() if one.kind == "search.failed"]
        report.entries = dict(watch.counts()[0])
        report.broken = [*load.broke, *watch.broken]
    return report
