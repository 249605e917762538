"""What is measured: each thing declared once, with its type, unit, labels and meaning.

Counters and histograms are counted where the work is done. Gauges are only declared: what they
stand at is read when somebody asks (`exposition`), so that none goes on telling what once was.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, TypeVar

import prometheus_client

PREFIX: Final = "onrecord_"
OTHER: Final = "other"
"""What a label says in place of a value that is not declared, or is one too many."""

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of durations: from an append to the longest call that people wait for."""
COUNTS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
"""Upper bounds of how many were worked on together."""


@dataclass(frozen=True, slots=True)
class Label:
    """`values`: all it may say. None: whatever the installation has, `most` of them at most."""

    name: str
    says: str
    values: tuple[str, ...] | None = None
    most: int = 64


class Instrument:
    """One thing that is measured."""

    kind = ""

    def __init__(self, name: str, says: str, unit: str, labels: Sequence[Label]) -> None:
        self.name = PREFIX + name
        self.says = says
        self.unit = unit
        self.labels = tuple(labels)
        self._known: dict[str, set[str]] = {one.name: set(one.values or ()) for one in labels}
        self._lock = threading.Lock()

    def bounded(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """The label values in their order, each one that may be said."""
        if given.keys() != self._known.keys():
            raise TypeError(f"{self.name} has the labels {[one.name for one in self.labels]}")
        return tuple(self._bound(one, given[one.name]) for one in self.labels)

    def _bound(self, label: Label, value: str) -> str:
        known = self._known[label.name]
        if value in known:
            return value
        if label.values is not None:
            return OTHER
        with self._lock:
            if value not in known and len(known) < label.most:
                known.add(value)
        return value if value in known else OTHER


class _Counted(Instrument):
    """An instrument that keeps what it has counted."""

    def __init__(
        self, name: str, says: str, unit: str, labels: Sequence[Label], made: type, **how: Any
    ) -> None:
        super().__init__(name, says, unit, labels)
        names = [one.name for one in labels]
        self.metric = made(self.name, says, names, registry=None, **how)
        self._children: dict[tuple[tuple[str, str], ...], Any] = {}

    def _child(self, given: Mapping[str, str]) -> Any:
        key = tuple(given.items())
        child = self._children.get(key)
        if child is None:
            values = self.bounded(given)
            child = self.metric.labels(*values) if values else self.metric
            # Only what may be said is kept: a stranger's values must not fill our memory.
            if set(given.values()) <= set(values):
                self._children[key] = child
        return child


class Counter(_Counted):
    """How often something has happened since the process began."""

    kind = "counter"

    def __init__(self, name: str, says: str, labels: Sequence[Label] = (), unit: str = "") -> None:
        super().__init__(name, says, unit, labels, prometheus_client.Counter)
        declared = [one.values for one in labels if one.values is not None]
        if labels and len(declared) == len(labels):
            for values in product(*declared):
                # Told at 0 before anything happens: Prometheus sees no rise in what only appears.
                self.metric.labels(*values)

    def add(self, amount: float = 1, **labels: str) -> None:
        self._child(labels).inc(amount)


class Histogram(_Counted):
    """How values are spread; `buckets` are upper bounds."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        says: str,
        labels: Sequence[Label] = (),
        unit: str = "seconds",
        buckets: Sequence[float] = SECONDS,
    ) -> None:
        super().__init__(
            name, says, unit, labels, prometheus_client.Histogram, buckets=tuple(buckets)
        )
        self.buckets = tuple(buckets)

    def observe(self, value: float, **labels: str) -> None:
        self._child(labels).observe(value)

    @contextmanager
    def timed(self, **labels: str) -> Iterator[None]:
        """Observe how long the block takes, however it ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - began, **labels)


class Gauge(Instrument):
    """How something stands. A reading tells its values when they are asked for."""

    kind = "gauge"

    def __init__(self, name: str, says: str, labels: Sequence[Label] = (), unit: str = "") -> None:
        super().__init__(name, says, unit, labels)


_Kind = TypeVar("_Kind", bound=Instrument)


@dataclass(slots=True)
class Meter:
    """The instruments of one subject, in the order of their declaration."""

    subject: str
    instruments: list[Instrument] = field(default_factory=list)

    def counter(
        self, name: str, says: str, labels: Sequence[Label] = (), unit: str = ""
    ) -> Counter:
        return self._declared(Counter(name, says, labels, unit))

    def histogram(
        self,
        name: str,
        says: str,
        labels: Sequence[Label] = (),
        unit: str = "seconds",
        buckets: Sequence[float] = SECONDS,
    ) -> Histogram:
        return self._declared(Histogram(name, says, labels, unit, buckets))

    def gauge(self, name: str, says: str, labels: Sequence[Label] = (), unit: str = "") -> Gauge:
        return self._declared(Gauge(name, says, labels, unit))

    def _declared(self, one: _Kind) -> _Kind:
        self.instruments.append(one)
        return one
