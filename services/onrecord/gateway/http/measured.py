"""One HTTP request as telemetry sees it: its route, how long it took, how it ended, its trace."""

from typing import Any

from starlette.types import Scope

from onrecord.chassis.telemetry.calls import MeasuredCall
from onrecord.chassis.telemetry.requests import REFUSED, outcome_of_status
from onrecord.chassis.telemetry.tracing import TRACEPARENT
from onrecord.kernel.vocabulary import Service

_UNMEASURED = ("/healthz", "/readyz")  # a probe every few seconds is nothing to measure
_NOWHERE = "no such route"
_HEADER = TRACEPARENT.encode()


class Measured(MeasuredCall):
    """A request from its first byte to its answer. It says the route, never the path: ids stand
    in paths.
    """

    def __init__(self, scope: Scope) -> None:
        given = next((value for name, value in scope["headers"] if name == _HEADER), None)
        super().__init__(Service.GATEWAY.value, "HTTP", given.decode("latin-1") if given else None)
        self._scope = scope
        self._status = 0

    def answered(self, status: int) -> None:
        self._status = status

    def __exit__(self, *excinfo: Any) -> None:
        route = getattr(self._scope.get("route"), "path", _NOWHERE)
        self.method = f"{self._scope['method']} {route}" if route != _NOWHERE else route
        self.span.update_name(self.method)
        self.span.set_attribute("http.route", route)
        self.span.set_attribute("http.response.status_code", self._status)
        if route not in _UNMEASURED:
            # A client that left before its answer began has no status.
            self.outcome = outcome_of_status(self._status) if self._status else REFUSED
        super().__exit__(*excinfo)
