"""`/v1/searches/{id}/emergency`: what follows a search that went first (R-10)."""

from typing import Any

from fastapi import APIRouter, Request, Response

from onrecord.gateway.core.views import LoggedView
from onrecord.gateway.emergencies import Emergencies
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.uploads import read_document

_FOLLOW_UP: dict[str, Any] = {
    "instrument": {
        "type": "search_warrant",
        "issuer": "Third District Court, Salt Lake County",
        "number": "W-2026-00417",
        "date": "2026-11-23",
    }
}
_LIFT: dict[str, Any] = {
    "gallery": "US-UT",
    "reason": "The court was closed by a storm; the warrant was refused as moot on 2026-11-26.",
}


def router(desk: Desk, emergencies: Emergencies) -> APIRouter:
    routes = APIRouter(prefix="/v1/searches/{search_id}/emergency", tags=["searches"])
    limits = desk.limits

    @routes.post(
        "/follow-up",
        status_code=201,
        response_model=LoggedView,
        operation_id="followUpEmergency",
        summary="Name the instrument obtained after an emergency search",
        openapi_extra=openapi.document(_FOLLOW_UP, "instrument"),
    )
    async def follow_up(request: Request, search_id: str) -> Response:
        """By anyone of the agency that searched, as requester or supervisor. Repeatable."""
        with desk.rooms.calls.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            entry = await desk.run(lambda: emergencies.follow_up(caller, search_id, sent))
            return shown(LoggedView(entry.index), 201)

    @routes.post(
        "/lift",
        status_code=201,
        response_model=LoggedView,
        operation_id="liftSuspension",
        summary="End the suspension that an overdue follow-up has brought",
        openapi_extra=openapi.document(_LIFT, "gallery", "reason"),
    )
    async def lift(request: Request, search_id: str) -> Response:
        """By the gallery's custodian or an auditor, for a reason that stands in the ledger."""
        with desk.rooms.calls.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            entry = await desk.run(lambda: emergencies.lift(caller, search_id, sent))
            return shown(LoggedView(entry.index), 201)

    return routes
