"""`/v1/events`: what has changed of a client's own, in order, with a cursor and a wait."""

import time

from fastapi import APIRouter, Query, Request, Response

from onrecord.gateway.core.views import EventPage
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.health import Readiness
from onrecord.gateway.news import News
from onrecord.gateway.presentation import event_page

MAX_WAIT_SECONDS = 25


def router(desk: Desk, news: News, readiness: Readiness) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["events"])
    limits = desk.limits

    @routes.get(
        "/events",
        response_model=EventPage,
        operation_id="listEvents",
        summary="What has changed of the caller's own: searches, tasks, enrolments",
    )
    async def list_events(
        request: Request,
        after: int = Query(0, ge=0, le=2**53 - 1, description="`next` of the page before"),
        limit: int = Query(limits.page, ge=1, le=limits.page),
        wait: float = Query(0, ge=0, le=MAX_WAIT_SECONDS, description="seconds, for the first"),
    ) -> Response:
        """Answers at once where there is something, else when there is, else after `wait`."""
        until = time.monotonic() + wait
        # A client that waits holds neither a thread nor one of the places for work.
        audiences = await desk.serve(request, news.audiences)
        async with news.waiting(audiences) as waiting:
            while True:
                with desk.rooms.calls.place():
                    found = await desk.run(lambda: news.page(audiences, after, limit))
                left = until - time.monotonic()
                if found or left <= 0 or readiness.draining or await request.is_disconnected():
                    return shown(event_page(found, after))
                await waiting.wait(left)

    return routes
