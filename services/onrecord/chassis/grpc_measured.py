"""One gRPC call as telemetry sees it."""

from typing import Any

import grpc

from onrecord.chassis.grpc_health import CHECK
from onrecord.chassis.telemetry.calls import MeasuredCall
from onrecord.chassis.telemetry.requests import OK, outcome_of
from onrecord.chassis.telemetry.tracing import TRACEPARENT, failed
from onrecord.kernel.errors import ErrorCode


class Measured(MeasuredCall):
    """A call of a method, which ends well unless it is said how else."""

    def __init__(self, service: str, method: str, context: grpc.ServicerContext) -> None:
        given = dict(context.invocation_metadata()).get(TRACEPARENT)
        trace = given if isinstance(given, str) else None
        super().__init__(service, method.rpartition(".")[2], trace)
        self.outcome = OK

    def ended(self, code: ErrorCode) -> None:
        """It is answered with an error."""
        self.outcome = outcome_of(code)
        failed(self.span, code)


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
