"""`/v1/searches`: an investigator's side."""

import re
from contextlib import AbstractAsyncContextManager, nullcontext

from fastapi import APIRouter, Query, Request, Response

from onrecord.gateway.callers import Caller
from onrecord.gateway.core.views import LeadReport, SearchPage, SearchView
from onrecord.gateway.emergencies import Emergencies
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.rooms import Rooms
from onrecord.gateway.http.uploads import PartRule, image_rule, read_parts
from onrecord.gateway.leads import Leads
from onrecord.gateway.opening import SearchCall
from onrecord.gateway.presentation import search_page, search_view
from onrecord.gateway.searches import Searches, Standing
from onrecord.gateway.store import Search
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role

_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,128}")


def router(desk: Desk, searches: Searches, leads: Leads, emergencies: Emergencies) -> APIRouter:
    routes = APIRouter(prefix="/v1/searches", tags=["searches"])
    limits, rooms = desk.limits, desk.rooms
    rules = (
        PartRule("request", limits.request_bytes, ErrorCode.FIELD_TOO_LONG),
        image_rule("probe", limits),
    )

    def whole(search: Search) -> SearchView:
        return search_view(search, emergencies.of(search))

    async def standing(caller: Caller, key: str) -> Standing:
        """Where there is room it does not matter how a search stands, and nobody is asked."""
        if rooms.searches.free:
            return Standing.NEW
        return await known(caller, key)

    async def known(caller: Caller, key: str) -> Standing:
        return await desk.run(lambda: searches.standing(caller, key))

    @routes.post(
        "",
        status_code=201,
        response_model=SearchView,
        operation_id="startSearch",
        summary="Search, on the record, with one probe for one case",
        openapi_extra={
            "parameters": [
                openapi.header(_HEADER, "The same key, the same search: safe to repeat")
            ],
            **openapi.multipart(
                request={"type": "object", "example": openapi.REQUEST_EXAMPLE},
                probe=openapi.image("JPEG, PNG or WebP, at most 20 MB and 60 megapixels"),
            ),
        },
    )
    async def start_search(request: Request) -> Response:
        """Answers 201 as soon as an entry exists, granted or refused. A search that could not be
        finished is taken up again by the same call with the same key, request and probe."""
        with rooms.probes.place() as is_kept:
            caller = await desk.caller(request)
            caller.require(Role.REQUESTER)  # before what they send holds one of the places
            key = _idempotency_key(request)
            stands = await (known if is_kept else standing)(caller, key)
            if is_kept and stands is not Standing.GRANTED:
                rooms.probes.refuse()
            if stands is Standing.NEW:
                rooms.searches.look()
            begun = (caller.person, caller.claims.agency, key)
            with rooms.probes.going_on(begun) if is_kept else nullcontext():
                parts = await read_parts(request, rules, limits)
                call = SearchCall(caller, key, parts["request"], parts["probe"])
                if stands is Standing.NEW:  # the room may have filled meanwhile
                    stands = await standing(caller, key)
                async with _room(rooms, stands):
                    view = await desk.run(lambda: whole(searches.start(call)))
            return shown(view, 201)

    @routes.get(
        "",
        response_model=SearchPage,
        operation_id="listSearches",
        summary="The caller's own searches",
    )
    async def list_searches(
        request: Request,
        after: str = Query("", max_length=64),
        limit: int = Query(limits.page, ge=1, le=limits.page),
    ) -> Response:
        found = await desk.serve(request, lambda caller: searches.list_own(caller, after, limit))
        return shown(search_page(found, limit))

    @routes.get(
        "/{search_id}",
        response_model=SearchView,
        operation_id="getSearch",
        summary="How far a search is",
    )
    async def get_search(request: Request, search_id: str) -> Response:
        view = await desk.serve(request, lambda caller: whole(searches.own(caller, search_id)))
        return shown(view)

    @routes.get(
        "/{search_id}/leads",
        response_model=LeadReport,
        operation_id="getLeads",
        summary="INVESTIGATIVE LEAD ONLY: at most two, for the requester alone",
    )
    async def get_leads(request: Request, search_id: str) -> Response:
        report = await desk.serve(request, lambda caller: leads.of(caller, search_id))
        return shown(report)

    return routes


def _room(rooms: Rooms, stands: Standing) -> AbstractAsyncContextManager[None]:
    """A place for the search; its answer, where there is one, needs none."""
    if stands is Standing.ENDED:
        return nullcontext()
    return rooms.searches.place(granted=stands is Standing.GRANTED)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get(_HEADER)
    if key is None:
        raise OnRecordError(
            ErrorCode.IDEMPOTENCY_KEY_MISSING, f"send the header {_HEADER}", field=_HEADER
        )
    if _KEY.fullmatch(key) is None:
        raise OnRecordError(
            ErrorCode.FIELD_INVALID,
            f"{_HEADER} is 1 to 128 visible ASCII characters",
            field=_HEADER,
        )
    return key
