"""`/v1/dead-letters`: what nobody could work on, for operators and a gallery's custodians."""

from typing import NamedTuple

from fastapi import APIRouter, Query, Request, Response

from onrecord.contracts.field_reading import Fields, invalid
from onrecord.gateway.core.gallery_views import DeadLetterPage, ExplainedView, RedrivenView
from onrecord.gateway.dead_letters import DeadLetters
from onrecord.gateway.gallery_presentation import explained_view, letter_page, redriven_view
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.uploads import read_document

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "letters": {"type": "array", "items": {"type": "integer"}},
                        "gallery": {"type": "string"},
                        "after": {"type": "integer"},
                    },
                    "example": {"letters": [17, 18]},
                }
            }
        },
    }
}


def router(desk: Desk, letters: DeadLetters) -> APIRouter:
    routes = APIRouter(prefix="/v1/dead-letters", tags=["galleries"])
    limits = desk.limits

    @routes.get(
        "",
        response_model=DeadLetterPage,
        operation_id="listDeadLetters",
        summary="Messages nobody could work on: ids and reasons (operators, custodians)",
    )
    async def list_letters(
        request: Request,
        gallery: str | None = Query(None, max_length=16),
        after: int = Query(0, ge=0),
        limit: int = Query(limits.page, ge=1, le=limits.page),
    ) -> Response:
        found = await desk.serve(
            request, lambda caller: letters.list(caller, gallery, after, limit)
        )
        return shown(letter_page(found, limit))

    @routes.get(
        "/{letter_id}",
        response_model=ExplainedView,
        operation_id="explainDeadLetter",
        summary="What it was, why it stopped, and what sending it on again would do",
    )
    async def explain(request: Request, letter_id: int) -> Response:
        found = await desk.serve(request, lambda caller: letters.explain(caller, letter_id))
        return shown(explained_view(found))

    @routes.post(
        "/redrive",
        response_model=RedrivenView,
        operation_id="redriveDeadLetters",
        summary="Send letters on again, from roster and vault: those named, or all of a gallery",
        openapi_extra=_BODY,
    )
    async def redrive(request: Request) -> Response:
        """Of a gallery a page at a time, above `after`; repeat until `sent` is empty."""
        with desk.rooms.calls.place():
            caller = await desk.caller(request)
            asked = _asked(await read_document(request, limits), limits.page)
            sent = await desk.run(
                lambda: letters.redrive(caller, asked.gallery, asked.letters, asked.after)
            )
            return shown(redriven_view(sent))

    return routes


class _Asked(NamedTuple):
    letters: list[int] | None
    gallery: str | None
    after: int


def _asked(sent: dict[str, object], most: int) -> _Asked:
    fields = Fields(sent)
    ids = fields.take_nullable("letters")
    gallery = fields.text("gallery", 16) if fields.has("gallery") else None
    after = fields.take_nullable("after") or 0
    fields.finish()
    if not _is_whole(after):
        raise invalid("after", "must be a whole number")
    if ids is None:
        return _Asked(None, gallery, after)
    if not isinstance(ids, list) or not 1 <= len(ids) <= most or not all(map(_is_whole, ids)):
        raise invalid("letters", f"must be a list of 1 to {most} whole numbers")
    if gallery is not None:
        raise invalid("gallery", "stands beside letters; name one or the other")
    return _Asked(list(dict.fromkeys(ids)), None, 0)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
