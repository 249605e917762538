"""`/v1/galleries/{gallery}/records` and `/enrolments`: one record at a time, for custodians."""

import asyncio

from fastapi import APIRouter, Query, Request, Response

from onrecord.gateway.core.enrolments import EnrolmentProgress
from onrecord.gateway.core.gallery_views import CheckView, DeletionView, EnrolmentView
from onrecord.gateway.deletions import Deletions
from onrecord.gateway.enrolments import Enrolments
from onrecord.gateway.gallery_presentation import check_view, deletion_view, enrolment_view
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.preferences import preferred_wait
from onrecord.gateway.http.uploads import image_rule, read_parts
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EnrolmentStatus

_LOOK_AGAIN = 0.5
"""Seconds after which to look all the same: another gateway may have been told the news."""
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` (RFC 7240): answer when it is live or rejected, or after N seconds",
    "schema": {"type": "string", "example": "wait=30"},
}


def router(desk: Desk, enrolments: Enrolments, deletions: Deletions) -> APIRouter:
    routes = APIRouter(prefix="/v1/galleries/{gallery}", tags=["galleries"])
    limits = desk.limits
    portrait_rule = image_rule("portrait", limits)

    @routes.put(
        "/records/{record_id:path}",
        status_code=202,
        response_model=EnrolmentView,
        operation_id="enrolRecord",
        summary="Enrol one portrait (custodians of the gallery)",
        responses={
            200: {"description": "It is live already, with this very image"},
            201: {"description": "It has become live while the call waited"},
        },
        openapi_extra={
            "parameters": [_PREFER],
            **openapi.multipart(
                portrait=openapi.image("JPEG, PNG or WebP, at most 20 MB and 60 megapixels")
            ),
        },
    )
    async def enrol_record(request: Request, gallery: str, record_id: str) -> Response:
        """Answers 202 as soon as the portrait is safely on its way. Asked to wait, it answers 201
        when the record is live, the reason as a problem when it is rejected, and 202 otherwise."""
        with desk.rooms.uploads.place():
            caller = await desk.custodian(request, gallery)
            parts = await read_parts(request, (portrait_rule,), limits)
            begun = await desk.run(
                lambda: enrolments.enrol(caller, gallery, record_id, parts["portrait"])
            )
        if begun.unchanged:
            return shown(enrolment_view(begun.progress, begun.duplicate))
        seconds = preferred_wait(request.headers.get("prefer"), limits.wait_seconds)
        progress = await _ended(desk, enrolments, begun.progress, seconds)
        if seconds and progress.status is EnrolmentStatus.REJECTED:
            raise _rejected(progress)
        live = progress.status is EnrolmentStatus.LIVE
        answer = shown(enrolment_view(progress, begun.duplicate), 201 if live else 202)
        if seconds:
            answer.headers["Preference-Applied"] = f"wait={seconds}"
        return answer

    @routes.get(
        "/enrolments/{enrolment_id}",
        response_model=EnrolmentView,
        operation_id="getEnrolment",
        summary="How far one portrait is",
    )
    async def get_enrolment(request: Request, gallery: str, enrolment_id: str) -> Response:
        found = await desk.serve(
            request, lambda caller: enrolments.own(caller, gallery, enrolment_id)
        )
        return shown(enrolment_view(found))

    @routes.get(
        "/records/{record_id:path}/deletion",
        response_model=DeletionView,
        operation_id="getDeletion",
        summary="The receipt for a record that was deleted, as it stands",
    )
    async def get_deletion(request: Request, gallery: str, record_id: str) -> Response:
        found = await desk.serve(
            request, lambda caller: deletions.receipt(caller, gallery, record_id)
        )
        return shown(deletion_view(found))

    @routes.delete(
        "/records/{record_id:path}",
        response_model=DeletionView,
        operation_id="deleteRecord",
        summary="Delete a record: no search that begins after the answer returns it (custodians)",
    )
    async def delete_record(request: Request, gallery: str, record_id: str) -> Response:
        done = await desk.serve(
            request, lambda caller: deletions.delete(caller, gallery, record_id)
        )
        return shown(deletion_view(done))

    @routes.get(
        "/check",
        response_model=CheckView,
        operation_id="checkGallery",
        summary="Whether roster, index and vault agree; `repair` makes them",
    )
    async def check_gallery(
        request: Request, gallery: str, repair: bool = Query(False)
    ) -> Response:
        found = await desk.serve(
            request, lambda caller: deletions.check(caller, gallery, repair=repair)
        )
        return shown(check_view(found))

    @routes.delete(
        "/unknown-portraits",
        response_model=CheckView,
        operation_id="removeUnknownPortraits",
        summary="Destroy the sealed portraits of no known enrolment, on the record (custodians)",
    )
    async def remove_unknown(request: Request, gallery: str, count: int = Query(ge=1)) -> Response:
        """`count` is how many there are, as `check` tells it; another number is refused. After a
        roster was restored they may be of records enrolled since its backup: nobody else has them.
        """
        found = await desk.serve(
            request,
            lambda caller: deletions.check(caller, gallery, repair=False, remove_unknown=count),
        )
        return shown(check_view(found))

    return routes


async def _ended(
    desk: Desk, enrolments: Enrolments, progress: EnrolmentProgress, seconds: int
) -> EnrolmentProgress:
    """As far as it comes in this time. Waiting takes no thread and no place."""
    ref = progress.enrolment
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    with enrolments.arrivals.expecting(ref.enrolment_id) as news:
        while True:
            news.clear()  # before looking: what comes from here on is told
            progress = await desk.run(lambda: enrolments.progress(ref.gallery, ref.enrolment_id))
            left = until - loop.time()
            if progress.ended or left <= 0:
                return progress
            try:
                await asyncio.wait_for(news.wait(), min(left, _LOOK_AGAIN))
            except TimeoutError:
                continue


def _rejected(progress: EnrolmentProgress) -> OnRecordError:
    code = progress.code or ErrorCode.INTERNAL
    details = {"enrolment_id": progress.enrolment.enrolment_id, **progress.details}
    return OnRecordError(code, progress.message or code.value, field="portrait", details=details)
