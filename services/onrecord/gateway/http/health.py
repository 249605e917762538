"""`/healthz` and `/readyz`."""

import logging
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response

from onrecord.gateway.core.views import HealthView, ReadinessView
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.kernel.errors import OnRecordError

_log = logging.getLogger(__name__)

Check = Callable[[], object]
"""Raises `OnRecordError` where what it stands for does not answer."""


class Readiness:
    """Ready while every check holds and nobody has said that it is time to go (R-45)."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._draining = False

    def drain(self) -> None:
        """From now on not ready; calls that come are still served."""
        self._draining = True

    @property
    def draining(self) -> bool:
        return self._draining

    def view(self) -> ReadinessView:
        said = {name: _run(name, check) for name, check in self._checks.items()}
        if self._draining:
            said["draining"] = "draining"
        ready = all(word == "ok" for word in said.values())
        return ReadinessView("ready" if ready else "not_ready", said)


def router(desk: Desk, readiness: Readiness) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get(
        "/healthz",
        response_model=HealthView,
        operation_id="health",
        summary="The process answers",
        openapi_extra=openapi.public(),
    )
    async def health() -> Response:
        return shown(HealthView("ok"))

    @routes.get(
        "/readyz",
        response_model=ReadinessView,
        responses={503: {"model": ReadinessView, "description": "Not ready"}},
        operation_id="readiness",
        summary="Everything it needs answers",
        openapi_extra=openapi.public(),
    )
    async def ready() -> Response:
        view = await desk.run(readiness.view)
        return shown(view, 200 if view.status == "ready" else 503)

    return routes


def _run(name: str, check: Check) -> str:
    try:
        check()
    except OnRecordError as error:
        return error.code.value
    except Exception:  # noqa: BLE001 - whatever a probe meets, the answer is "not ready"
        _log.warning("readiness check failed", extra={"check": name}, exc_info=True)
        return "internal"
    return "ok"
