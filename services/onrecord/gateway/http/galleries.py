"""`/v1/galleries` and `/v1/policies`: operators, custodians, and the public."""

from fastapi import APIRouter, Request, Response

from onrecord.gateway.administration import Administration
from onrecord.gateway.core.views import (
    EnrolmentView,
    GalleryInfoView,
    GalleryList,
    LoggedView,
    PolicyList,
)
from onrecord.gateway.enrolments import Enrolments
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.uploads import image_rule, read_document, read_parts
from onrecord.gateway.presentation import gallery_info_view, gallery_list, policy_view

_GALLERY_EXAMPLE = {
    "model_id": "sface@1+fp32+0123456789abcdef",
    "authority_key": "US-UT/authority+4f1c2a9b+AY3k…",
    "plane": "utah",
}
_BUNDLE_EXAMPLE = {
    "policy": "cGVybWl0…",
    "authority": "anVyaXNkaWN0aW9u…",
    "manifest": "eyJhdXRob3JpdHlf…",
    "signature": "onrecord/authority/v1\n…",
}


def router(desk: Desk, administration: Administration, enrolments: Enrolments) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["galleries"])
    limits = desk.limits
    portrait_rule = image_rule("portrait", limits)

    @routes.get(
        "/galleries",
        response_model=GalleryList,
        operation_id="listGalleries",
        summary="The galleries there are",
    )
    async def list_galleries(request: Request) -> Response:
        """A plane that does not answer is named under `unavailable`; the others are listed."""
        return shown(gallery_list(await desk.serve(request, lambda _: administration.galleries())))

    @routes.put(
        "/galleries/{gallery}",
        response_model=GalleryInfoView,
        operation_id="createGallery",
        summary="Create a gallery: its model, and the state's first authority key (operators)",
        openapi_extra=openapi.document(_GALLERY_EXAMPLE, "model_id", "authority_key"),
    )
    async def create_gallery(request: Request, gallery: str) -> Response:
        async with desk.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            made = await desk.run(lambda: administration.create_gallery(caller, gallery, sent))
            return shown(gallery_info_view(made))

    @routes.post(
        "/galleries/{gallery}/policy",
        status_code=201,
        response_model=LoggedView,
        operation_id="activatePolicy",
        summary="Put a policy in force that the state has signed (custodians)",
        openapi_extra=openapi.document(
            _BUNDLE_EXAMPLE, "policy", "authority", "manifest", "signature"
        ),
    )
    async def activate_policy(request: Request, gallery: str) -> Response:
        async with desk.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            index = await desk.run(lambda: administration.activate_policy(caller, gallery, sent))
            return shown(LoggedView(index), 201)

    @routes.put(
        "/galleries/{gallery}/records/{record_id:path}",
        status_code=201,
        response_model=EnrolmentView,
        operation_id="enrolRecord",
        summary="Enrol one portrait (custodians of the gallery)",
        openapi_extra=openapi.multipart(
            portrait=openapi.image("JPEG, PNG or WebP, at most 20 MB and 60 megapixels")
        ),
    )
    async def enrol_record(request: Request, gallery: str, record_id: str) -> Response:
        async with desk.place():
            caller = await desk.caller(request)
            parts = await read_parts(request, (portrait_rule,), limits)
            done = await desk.run(
                lambda: enrolments.enrol(caller, gallery, record_id, parts["portrait"])
            )
            view = EnrolmentView(
                enrolment_id=done.ticket.enrolment_id,
                gallery=done.gallery,
                generation=done.ticket.generation,
                model_id=done.ticket.model_id,
                status="live",
                entry_index=done.entry_index,
            )
            return shown(view, 201)

    @routes.get(
        "/policies",
        response_model=PolicyList,
        operation_id="listPolicies",
        summary="The policies in force, for everyone (R-28)",
        openapi_extra=openapi.public(),
    )
    async def list_policies() -> Response:
        async with desk.place():
            found = await desk.run(administration.policies)
            return shown(PolicyList([policy_view(one) for one in found]))

    return routes
