"""One fault after the other, the watch after each, and what was seen."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.faults import drawn, faults_of
from tests.chaos.form import Form
from tests.chaos.load import Load
from tests.chaos.passing import let_pass
from tests.chaos.watch import Watch

_RECOVER_SECONDS = 60.0
_STEADY_SECONDS = 1.0
_LOOK_AGAIN = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """One fault. `recovered`: seconds from its end until a search that began after it had found
    every gallery; None where that took longer than a minute. `heard`: what clients were told
    meanwhile, in place of an answer.
    """

    at: float
    kind: str
    target: str
    how: str
    lasted: float
    recovered: float | None
    heard: Mapping[str, int]
    broke: list[str]


@dataclass(slots=True)
class Report:
    """The whole. `only`: a regex that kind and target of its faults have; empty: any. `redriven`:
    dead letters that an operator had to send on again. `broken`: every law that did not hold, in a
    sentence.
    """

    seed: int
    form: str
    minutes: float
    only: str = ""
    seen: list[Seen] = field(default_factory=list)
    heard: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, int] = field(default_factory=dict)
    ledger: Mapping[str, int] = field(default_factory=dict)
    mates: Mapping[str, int] = field(default_factory=dict)
    leads: Mapping[str, int] = field(default_factory=dict)
    redriven: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def campaign(
    form: Form, load: Load, watch: Watch, report: Report, say: Callable[[Seen], None]
) -> None:
    """Fill in `report`. The load is at work when this begins, and has finished when it returns."""
    began = time.monotonic()
    chance = random.Random(report.seed)  # noqa: S311 - a seed must give the same faults again
    until = began + 60 * report.minutes
    wanted = [one for one in faults_of(form) if re.search(report.only, f"{one.kind} {one.target}")]
    if not wanted:
        report.broken.append(f"no fault here is called anything like {report.only}")
        load.stop()
        return
    for fault in drawn(wanted, chance):
        if time.monotonic() > until:
            break
        let_pass(_STEADY_SECONDS)
        before, at = load.heard.counts(), time.monotonic()
        broke: list[str] = []
        try:
            how = fault.act(chance)
        except AssertionError as error:  # what a target promises of itself
            how = "not as promised"
            broke.append(str(error))
        healed = time.monotonic()
        recovered = _recovered(load, healed)
        if recovered is None:
            broke.append(f"nothing was searched {_RECOVER_SECONDS:.0f} s after {fault}")
        report.broken += broke
        heard = _errors(load.heard.counts() - before)
        broke += watch.look()
        seen = Seen(at - began, fault.kind, fault.target, how, healed - at, recovered, heard, broke)
        report.seen.append(seen)
        say(seen)
    load.stop()
    load.ask_for_leads()
    watch.last(load.ask_after_enrolments)
    report.redriven = watch.redriven
    report.broken += [*load.broke, *watch.broken]
    report.heard = dict(load.heard.counts())
    report.records = load.records.counts()
    report.ledger, report.mates, report.leads = map(dict, watch.counts())
    report.seconds = time.monotonic() - began


def _recovered(load: Load, healed: float) -> float | None:
    while time.monotonic() < healed + _RECOVER_SECONDS:
        if load.searched_whole_since(healed):
            return time.monotonic() - healed
        let_pass(_LOOK_AGAIN)
    return None


def _errors(heard: "Counter[str]") -> dict[str, int]:
    return {what: count for what, count in heard.items() if not what.endswith(": answered")}
