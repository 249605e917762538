"""`/v1/tasks` and `/v1/examiners/me`: an examiner's side."""

from typing import Any

from fastapi import APIRouter, Query, Request, Response

from onrecord.gateway.core.image_type import media_type
from onrecord.gateway.core.views import DecisionView, ExaminerView, TaskPage, TaskView
from onrecord.gateway.examinations import Examinations
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import NO_STORE, Desk, shown
from onrecord.gateway.http.uploads import read_document
from onrecord.gateway.presentation import decision_view, task_page, task_view

_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The encoded image. Each call is a look, and each look is an entry.",
        "content": {kind: {} for kind in ("image/jpeg", "image/png", "image/webp")},
    }
}


def router(desk: Desk, examinations: Examinations) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["examinations"])
    limits = desk.limits

    @routes.put(
        "/examiners/me",
        response_model=ExaminerView,
        operation_id="joinExaminers",
        summary="Enter the pool from which examiners are drawn",
    )
    async def join_examiners(request: Request) -> Response:
        one = await desk.serve(request, examinations.join)
        return shown(ExaminerView(one.person, one.agency, one.training_completed.isoformat()))

    @routes.get(
        "/tasks",
        response_model=TaskPage,
        operation_id="listTasks",
        summary="The caller's own tasks",
    )
    async def list_tasks(
        request: Request,
        after: str = Query("", max_length=64),
        limit: int = Query(limits.page, ge=1, le=limits.page),
    ) -> Response:
        found = await desk.serve(
            request, lambda caller: examinations.list_own(caller, after, limit)
        )
        return shown(task_page(found, limit))

    @routes.get(
        "/tasks/{task_id}",
        response_model=TaskView,
        operation_id="getTask",
        summary="A task and its candidates, shuffled, without scores",
    )
    async def get_task(request: Request, task_id: str) -> Response:
        opened = await desk.serve(request, lambda caller: examinations.open(caller, task_id))
        return shown(task_view(opened))

    @routes.get(
        "/tasks/{task_id}/probe",
        response_class=Response,
        responses=_IMAGE,
        operation_id="lookAtProbe",
        summary="Look at the probe",
    )
    async def look_at_probe(request: Request, task_id: str) -> Response:
        image = await desk.serve(
            request, lambda caller: examinations.look_at_probe(caller, task_id)
        )
        return _image(image)

    @routes.get(
        "/tasks/{task_id}/candidates/{candidate_ref}/portrait",
        response_class=Response,
        responses=_IMAGE,
        operation_id="lookAtCandidate",
        summary="Look at a candidate's portrait, opened by its plane",
    )
    async def look_at_candidate(request: Request, task_id: str, candidate_ref: str) -> Response:
        image = await desk.serve(
            request,
            lambda caller: examinations.look_at_candidate(caller, task_id, candidate_ref),
        )
        return _image(image)

    @routes.post(
        "/tasks/{task_id}/decision",
        response_model=DecisionView,
        operation_id="decideTask",
        summary="Decide on every candidate, once",
        openapi_extra=openapi.document(openapi.DECISION_EXAMPLE, "method", "decisions"),
    )
    async def decide(request: Request, task_id: str) -> Response:
        with desk.rooms.calls.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            task = await desk.run(lambda: examinations.decide(caller, task_id, sent))
            return shown(decision_view(task))

    return routes


def _image(data: bytes) -> Response:
    headers = {
        **NO_STORE,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(data, media_type=media_type(data), headers=headers)
