"""Puts a wire into every connection of an installation, before its processes start."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from onrecord.chassis.certificates import write_secret
from onrecord.standalone.places import Setting
from onrecord.standalone.plan import ProcessPlan
from tests.chaos.wires import State, Wire, Wires

_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
_OWN = ("address", "health_address")
_BUS = "bus"
"""Brokers tell their clients where they are: their wire is there before they start."""


@dataclass(slots=True)
class Links:
    """The wires by who calls whom (`gateway to audit`): one for each address that is called."""

    wires: Wires
    found: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))

    def names(self) -> Sequence[str]:
        return sorted(self.found)

    @contextmanager
    def broken(self, name: str, state: State) -> Iterator[None]:
        """Cut or stalled while this lasts."""
        for wire in self.found[name]:
            self.wires.set(wire, state)
        try:
            yield
        finally:
            for wire in self.found[name]:
                self.wires.set(wire, State.WHOLE)


def rewire(
    plans: Sequence[ProcessPlan],
    parts: Mapping[str, str],
    links: Links,
    brokers: Wire | None = None,
) -> None:
    """Write each process's settings anew, so that it calls wires. `parts`: names by address.
    `brokers`: the wire that they advertise; it is everybody's.
    """
    if brokers is not None:
        links.found["services to kafka"].append(brokers)
    named = {**{one.address: one.name for one in plans}, **parts}
    for one in plans:
        _rewire(one, named, links, brokers)


def _rewire(one: ProcessPlan, named: Mapping[str, str], links: Links, brokers: Wire | None) -> None:
    # One wire for each address, however many settings name it: that is how it is cut as one.
    own: dict[str, str] = {}

    def wired(match: re.Match[str]) -> str:
        called = match.group()
        if called not in named:
            return called
        if called not in own:
            wire = links.wires.wire(called)
            links.found[f"{one.name} to {named[called]}"].append(wire)
            own[called] = wire.address
        return own[called]

    def changed(name: str, value: Setting) -> Setting:
        if name == _BUS and brokers is not None:
            return f"kafka://{brokers.address}"
        if name in _OWN or name == _BUS:
            return value
        if isinstance(value, str):
            return _ADDRESS.sub(wired, value)
        if isinstance(value, list):
            return [_ADDRESS.sub(wired, text) for text in value]
        return value

    settings = {name: changed(name, value) for name, value in one.settings.items()}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    write_secret(one.config, "".join(lines).encode())
