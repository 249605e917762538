"""`onrecord metrics`: all that is measured, on one page; and what a process tells Prometheus."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from cryptography import x509

from onrecord import __version__
from onrecord.chassis.bus.measured import METER as BUS
from onrecord.chassis.health import Page
from onrecord.chassis.telemetry import Exposition, Histogram, Meter, Reading, Value
from onrecord.chassis.telemetry.exposition import CONTENT_TYPE
from onrecord.chassis.telemetry.requests import (
    BUILD_INFO,
    CERTIFICATE_EXPIRY,
    CERTIFICATE_LIFETIME,
    METER,
    READINGS_FAILED,
)
from onrecord.kernel.vocabulary import Service

CHASSIS: Final = (METER, BUS)
_CALLS: Final = "onrecord.clients.circuit"
_BY_SERVICE: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.AUDIT: ("onrecord.audit.measured",),
    Service.GATEWAY: ("onrecord.gateway.measured", "onrecord.gateway.http.rooms", _CALLS),
    Service.DETECTION: ("onrecord.chassis.inference.measured", _CALLS),
    Service.EMBEDDING: ("onrecord.chassis.inference.measured", _CALLS),
    Service.VECTOR_SEARCH: ("onrecord.vector_search.measured", _CALLS),
}
"""The modules that hold each service's meter, `METER`; imported when they are asked for."""


def meters_of(services: Sequence[Service]) -> Sequence[Meter]:
    """All that processes of these services count, each meter once."""
    modules = dict.fromkeys(name for one in services for name in _BY_SERVICE.get(one, ()))
    return (*CHASSIS, *(importlib.import_module(name).METER for name in modules))


def metrics_page(services: Sequence[Service], readings: Sequence[Reading]) -> dict[str, Page]:
    """`/metrics` of a process that runs `services`."""
    info = [Value(BUILD_INFO, 1, {"service": s.value, "version": __version__}) for s in services]
    exposition = Exposition(
        meters_of(services), (Reading("build", lambda: info), *readings), READINGS_FAILED
    )
    return {"/metrics": Page(CONTENT_TYPE, exposition.text)}


def certificate_reading(service: Service, certificate: Path) -> Reading:
    """How long a process's certificate lasts, as its file says now."""

    def read() -> Iterator[Value]:
        leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        left = leaf.not_valid_after_utc - datetime.now(UTC)
        whole = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        whose = {"service": service.value}
        yield Value(CERTIFICATE_EXPIRY, left.total_seconds(), whose)
        yield Value(CERTIFICATE_LIFETIME, whole.total_seconds(), whose)

    return Reading("certificate", read)


_MOST_SHOWN: Final = 30


@click.group()
def metrics() -> None:
    """What is measured."""


@metrics.command()
def document() -> None:
    """The page of all metrics (docs/metrics.md)."""
    click.echo(page(), nl=False)


def page() -> str:
    """All that is measured: name, type, unit, labels, meaning."""
    return "\n".join(_lines(meters_of(tuple(Service)))) + "\n"


def _lines(meters: Sequence[Meter]) -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield "Generated from the source by `onrecord metrics document > docs/metrics.md`; a test keeps"
    yield "it current. Every process tells them at `/metrics` of its health address. Each is in a"
    yield "panel ([dashboards](dashboards.md)) or in a rule ([runbooks](operations.md))."
    for meter in meters:
        yield ""
        yield f"## {meter.subject[0].upper()}{meter.subject[1:]}"
        yield ""
        yield "| metric | type | unit | labels | meaning |"
        yield "|---|---|---|---|---|"
        for one in meter.instruments:
            labels = "; ".join(
                f"`{label.name}`: {label.says} ({_values(label.values, label.most)})"
                for label in one.labels
            )
            buckets = (
                f" Buckets: {', '.join(f'{bound:g}' for bound in one.buckets)}."
                if isinstance(one, Histogram)
                else ""
            )
            unit = one.unit or "–"
            yield f"| `{one.name}` | {one.kind} | {unit} | {labels or '–'} | {one.says}{buckets} |"


def _values(values: tuple[str, ...] | None, most: int) -> str:
    if values is None:
        return f"at most {most}, then `other`"
    if len(values) > _MOST_SHOWN:
        return f"one of {len(values)}, such as {values[0]}"
    return ", ".join(values)
