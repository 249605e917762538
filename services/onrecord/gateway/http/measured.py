"""One HTTP request as telemetry sees it: its route, how long it took, how it ended, its trace."""

import time
from typing import Any

from starlette.types import Scope

from onrecord.chassis.telemetry.requests import (
    REFUSED,
    REQUEST_SECONDS,
    outcome_of_status,
)
from onrecord.chassis.telemetry.tracing import joined, span
from onrecord.kernel.vocabulary import Service

_UNMEASURED = ("/healthz", "/readyz")  # a probe every few seconds is nothing to measure
_NOWHERE = "no such route"


class Measured:
    """A request from its first byte to its answer. It says the route, never the path: ids stand
    in paths.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._status = 0
        given = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
        self._joined = joined(given.decode("latin-1") if given else None)
        self._span = span("HTTP", "server", onrecord_service=Service.GATEWAY.value)

    def __enter__(self) -> "Measured":
        self._began = time.perf_counter()
        self._joined.__enter__()
        self._opened = self._span.__enter__()
        return self

    def answered(self, status: int) -> None:
        self._status = status

    def __exit__(self, *excinfo: Any) -> None:
        route = getattr(self._scope.get("route"), "path", _NOWHERE)
        method = f"{self._scope['method']} {route}" if route != _NOWHERE else route
        self._opened.update_name(method)
        self._opened.set_attribute("http.route", route)
        self._opened.set_attribute("http.response.status_code", self._status)
        self._span.__exit__(None, None, None)
        self._joined.__exit__(None, None, None)
        if route in _UNMEASURED:
            return
        # A client that left before its answer began has no status.
        outcome = outcome_of_status(self._status) if self._status else REFUSED
        REQUEST_SECONDS.observe(
            time.perf_counter() - self._began,
            service=Service.GATEWAY.value,
            method=method,
            outcome=outcome,
        )
