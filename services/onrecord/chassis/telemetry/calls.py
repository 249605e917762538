"""One call that a process takes, over gRPC or HTTP, as telemetry sees it."""

import time
from types import TracebackType
from typing import Self

from onrecord.chassis.telemetry.requests import REQUEST_SECONDS
from onrecord.chassis.telemetry.tracing import joined, span


class MeasuredCall:
    """How long a call took, how it ended, and whose trace it is in.

    `method` and `outcome` are what is known when it ends; without an outcome it is not counted.
    """

    def __init__(self, service: str, name: str, traceparent: str | None) -> None:
        """`name`: the span's, and the method's unless `method` is set."""
        self.method = name
        self.outcome: str | None = None
        self._service = service
        self._joined = joined(traceparent)
        self._around = span(name, "server", onrecord_service=service)

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._joined.__enter__()
        self.span = self._around.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # How it ended was told by whoever answered; what passes through here adds nothing to it.
        self._around.__exit__(None, None, None)
        self._joined.__exit__(None, None, None)
        if self.outcome is not None:
            seconds = time.perf_counter() - self._began
            REQUEST_SECONDS.observe(
                seconds, service=self._service, method=self.method, outcome=self.outcome
            )
