"""What a process tells Prometheus when it is asked (text format)."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from onrecord.chassis.telemetry.instruments import Counter, Gauge, Meter

_log = logging.getLogger(__name__)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Value:
    """What a gauge stands at, for these labels."""

    gauge: Gauge
    value: float
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """Gauges read together. `read` may fail: then they are told of no more, and that is counted."""

    name: str
    read: Callable[[], Iterable[Value]]


class Exposition:
    """Everything a process has to tell: what its meters counted, and its readings."""

    def __init__(
        self, meters: Sequence[Meter], readings: Sequence[Reading], failures: Counter
    ) -> None:
        """`failures`: counts the readings that failed, by `reading`; one of the meters has it."""
        self._registry = CollectorRegistry()
        # First, so that what fails here is counted in the same answer.
        self._registry.register(_Readings(tuple(readings), failures))
        ProcessCollector(registry=self._registry)
        for meter in meters:
            for one in meter.instruments:
                metric = getattr(one, "metric", None)
                if metric is not None:
                    self._registry.register(metric)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Readings:
    """The gauges, as a collector of prometheus_client."""

    def __init__(self, readings: tuple[Reading, ...], failures: Counter) -> None:
        self._readings = readings
        self._failures = failures

    def describe(self) -> Iterable[Metric]:
        return ()  # asked at registration; nobody reads anything then

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self._readings:
            try:
                values = tuple(reading.read())
            except Exception:  # noqa: BLE001 - what does not answer must not silence the rest
                _log.warning("the reading of %s failed", reading.name, exc_info=True)
                self._failures.add(reading=reading.name)
                continue
            for one in values:
                gauge = one.gauge
                family = families.get(gauge.name)
                if family is None:
                    names = [label.name for label in gauge.labels]
                    family = GaugeMetricFamily(gauge.name, gauge.says, labels=names)
                    families[gauge.name] = family
                family.add_metric(gauge.bounded(one.labels), one.value)
        yield from families.values()
