"""`/ledger`: the public log, as C2SP `tlog-tiles` lays it out; and bodies for auditors."""

from fastapi import APIRouter, Query, Request, Response

from onrecord.gateway.core.views import BodyPage
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.ledger import PublicLedger
from onrecord.gateway.presentation import body_page

# A tile of a given path, partial or full, holds the same bytes for ever.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}


def router(desk: Desk, ledger: PublicLedger) -> APIRouter:
    routes = APIRouter(tags=["ledger"])
    limits = desk.limits

    @routes.get(
        "/ledger/checkpoint",
        response_class=Response,
        responses={200: {"description": "A signed note", "content": {"text/plain": {}}}},
        operation_id="getCheckpoint",
        summary="The signed head of the ledger, for everyone",
        openapi_extra=openapi.public(),
    )
    async def get_checkpoint() -> Response:
        with desk.rooms.calls.place():
            note = await desk.run(ledger.checkpoint)
            return Response(note, media_type="text/plain; charset=utf-8", headers=_FRESH)

    @routes.get(
        "/ledger/tile/{path:path}",
        response_class=Response,
        responses={
            200: {"description": "Hashes, or entries", "content": {"application/octet-stream": {}}}
        },
        operation_id="getTile",
        summary="A tile or an entry bundle, for everyone",
        openapi_extra=openapi.public(),
    )
    async def get_tile(path: str) -> Response:
        with desk.rooms.calls.place():
            tile = await desk.run(lambda: ledger.tile(path))
            return Response(tile, media_type="application/octet-stream", headers=_FOR_EVER)

    @routes.get(
        "/v1/ledger/bodies",
        response_model=BodyPage,
        operation_id="listBodies",
        summary="Entry bodies with their nonces (auditors)",
    )
    async def list_bodies(
        request: Request,
        after: int = Query(0, ge=0, le=2**53 - 1, description="the first index wanted"),
        limit: int = Query(limits.page, ge=1, le=limits.page),
    ) -> Response:
        found = await desk.serve(request, lambda caller: ledger.bodies(caller, after, limit))
        return shown(body_page(found, limit))

    return routes
