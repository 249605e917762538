"""What every process measures of the calls it takes, and of itself."""

from typing import Final

from onrecord.chassis.problems import PROBLEMS
from onrecord.chassis.telemetry.instruments import Label, Meter
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service

OK: Final = "ok"
REFUSED: Final = "refused"
SHED: Final = "shed"
UNAVAILABLE: Final = "unavailable"
FAILED: Final = "failed"
OUTCOMES: Final = (OK, REFUSED, SHED, UNAVAILABLE, FAILED)

SERVICE: Final = Label("service", "which of the five services", tuple(one.value for one in Service))

METER: Final = Meter("calls, and the process")
REQUEST_SECONDS: Final = METER.histogram(
    "request_seconds",
    "How long calls over HTTP and gRPC took, by how they ended: refused (the caller's matter), "
    "shed (no room), unavailable (something we need is away), failed (ours).",
    (
        SERVICE,
        Label("method", "gRPC service and method, or HTTP method and route", most=128),
        Label("outcome", "how it ended", OUTCOMES),
    ),
)
READINGS_FAILED: Final = METER.counter(
    "readings_failed_total",
    "How often gauges could not be read when metrics were asked for.",
    (Label("reading", "what was to be read", most=32),),
)
BUILD_INFO: Final = METER.gauge(
    "build_info",
    "Always 1: which version runs.",
    (SERVICE, Label("version", "of the distribution", most=4)),
)

CERTIFICATE_EXPIRY: Final = METER.gauge(
    "certificate_expiry_seconds",
    "Until this process's certificate expires; negative when it has.",
    (SERVICE,),
    "seconds",
)
CERTIFICATE_LIFETIME: Final = METER.gauge(
    "certificate_lifetime_seconds",
    "How long this process's certificate lasts in all, from its first moment to its last.",
    (SERVICE,),
    "seconds",
)


def outcome_of(code: ErrorCode) -> str:
    """How a call that ended with `code` ended."""
    return outcome_of_status(PROBLEMS[code][0])


def outcome_of_status(status: int) -> str:
    """How a call that was answered with this HTTP status ended."""
    if status < 400:
        return OK
    if status == 429:
        return SHED
    if status in (503, 504, 507):
        return UNAVAILABLE
    return REFUSED if status < 500 else FAILED
