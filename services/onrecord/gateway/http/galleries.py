"""`/v1/galleries` and `/v1/policies`: operators, custodians, and the public."""

from fastapi import APIRouter, Request, Response

from onrecord.gateway.administration import Administration
from onrecord.gateway.core.views import (
    GalleryInfoView,
    GalleryList,
    LoggedView,
    PolicyList,
)
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.uploads import read_document
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


def router(desk: Desk, administration: Administration) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["galleries"])
    limits = desk.limits

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
        with desk.rooms.calls.place():
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
        with desk.rooms.calls.place():
            caller = await desk.caller(request)
            sent = await read_document(request, limits)
            index = await desk.run(lambda: administration.activate_policy(caller, gallery, sent))
            return shown(LoggedView(index), 201)

    @routes.get(
        "/policies",
        response_model=PolicyList,
        operation_id="listPolicies",
        summary="The policies in force, for everyone (R-28)",
        openapi_extra=openapi.public(),
    )
    async def list_policies() -> Response:
        with desk.rooms.calls.place():
            found = await desk.run(administration.policies)
            return shown(PolicyList([policy_view(one) for one in found]))

    return routes
