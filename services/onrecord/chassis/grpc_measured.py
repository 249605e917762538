"""One gRPC call as telemetry sees it."""

import time
from typing import Any

import grpc

from onrecord.chassis.grpc_health import CHECK
from onrecord.chassis.telemetry.requests import OK, REQUEST_SECONDS, outcome_of
from onrecord.chassis.telemetry.tracing import TRACEPARENT, failed, joined, span
from onrecord.kernel.errors import ErrorCode


class Measured:
    """How long a call took, how it ended, and whose trace it is in."""

    def __init__(self, service: str, method: str, context: grpc.ServicerContext) -> None:
        self._labels = {"service": service, "method": method.rpartition(".")[2]}
        self._outcome = OK
        given = dict(context.invocation_metadata()).get(TRACEPARENT)
        self._joined = joined(given if isinstance(given, str) else None)
        self._span = span(self._labels["method"], "server", onrecord_service=service)

    def __enter__(self) -> "Measured":
        self._began = time.perf_counter()
        self._joined.__enter__()
        self._opened = self._span.__enter__()
        return self

    def ended(self, code: ErrorCode) -> None:
        """It is answered with an error."""
        self._outcome = outcome_of(code)
        failed(self._opened, code)

    def __exit__(self, *excinfo: Any) -> None:
        self._span.__exit__(None, None, None)
        self._joined.__exit__(None, None, None)
        REQUEST_SECONDS.observe(
            time.perf_counter() - self._began, **self._labels, outcome=self._outcome
        )


class Unmeasured:
    """A probe every few seconds is nothing to measure."""

    def __enter__(self) -> "Unmeasured":
        return self

    def ended(self, code: ErrorCode) -> None:
        """It is answered with an error."""

    def __exit__(self, *excinfo: Any) -> None:
        return None


def measured(service: str, method: str, context: grpc.ServicerContext) -> Measured | Unmeasured:
    """One call of `method` (`/package.Contract/Method`) to `service`."""
    return Unmeasured() if method == CHECK else Measured(service, method, context)
