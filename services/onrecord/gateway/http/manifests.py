"""`/v1/galleries/{gallery}/manifests`: lists that a state has signed (R-42)."""

import base64
import binascii

from fastapi import APIRouter, Query, Request, Response

from onrecord.contracts.enrolment import ChunkRef, RowStatus
from onrecord.contracts.field_reading import Fields, invalid
from onrecord.gateway.core.documents import read_object
from onrecord.gateway.core.gallery_views import BroughtView, ChunkView, ManifestView, RowPage
from onrecord.gateway.core.manifest_parts import (
    BroughtRows,
    read_problems,
    read_rows,
    row_number,
)
from onrecord.gateway.gallery_presentation import (
    brought_view,
    chunk_view,
    manifest_view,
    row_page,
)
from onrecord.gateway.http import openapi
from onrecord.gateway.http.desk import Desk, shown
from onrecord.gateway.http.uploads import (
    PartRule,
    read_body,
    read_document,
    read_named_parts,
)
from onrecord.gateway.limits import Limits
from onrecord.gateway.manifests import Manifests
from onrecord.kernel.errors import ErrorCode, OnRecordError

_PROBLEMS = "problems"
_ROWS_PAGE = 1000
_EXAMPLE = {"header": "eyJhY3QiOiJlbnJvbCIs…", "signature": "onrecord/manifest/v1\n…"}
_LINES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {
                    "type": "string",
                    "description": 'One line a row: ["record id", "sha256", "path"], in the '
                    "order of the list; at most 65,536 rows and 24 MiB",
                }
            }
        },
    }
}
_PORTRAITS = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        _PROBLEMS: {
                            "type": "object",
                            "description": "Row number to why it has no portrait",
                            "example": {"17": "image_missing"},
                        }
                    },
                    "additionalProperties": {
                        "type": "string",
                        "format": "binary",
                        "description": "A portrait, named by the number of its row",
                    },
                }
            }
        },
    }
}


def router(desk: Desk, manifests: Manifests) -> APIRouter:
    routes = APIRouter(prefix="/v1/galleries/{gallery}/manifests", tags=["galleries"])
    limits = desk.limits

    @routes.post(
        "",
        response_model=ManifestView,
        operation_id="openManifest",
        summary="Take up a list that the state has signed (custodians); repeatable",
        openapi_extra=openapi.document(_EXAMPLE, "header", "signature"),
    )
    async def open_manifest(request: Request, gallery: str) -> Response:
        with desk.rooms.uploads.place():
            caller = await desk.custodian(request, gallery)
            sent = await read_document(request, limits, limits.header_bytes)
            header, signature = _signed(sent, limits)
            opened = await desk.run(lambda: manifests.open(caller, gallery, header, signature))
            return shown(manifest_view(opened))

    @routes.get(
        "/{manifest_id}",
        response_model=ManifestView,
        operation_id="getManifest",
        summary="How far a list is, chunk by chunk",
    )
    async def get_manifest(request: Request, gallery: str, manifest_id: str) -> Response:
        found = await desk.serve(
            request, lambda caller: manifests.state(caller, gallery, manifest_id)
        )
        return shown(manifest_view(found))

    @routes.put(
        "/{manifest_id}/chunks/{chunk}",
        response_model=ChunkView,
        operation_id="putChunk",
        summary="Bring the rows of one chunk; a list of deletions is carried out by it",
        openapi_extra=_LINES,
    )
    async def put_chunk(request: Request, gallery: str, manifest_id: str, chunk: int) -> Response:
        with desk.rooms.uploads.place():
            caller = await desk.custodian(request, gallery)
            sent = await read_body(request, limits, limits.chunk_bytes)
            at = ChunkRef(manifest_id, chunk)
            done = await desk.run(
                lambda: manifests.put_chunk(caller, gallery, at, read_rows(sent.splitlines()))
            )
            return shown(chunk_view(done))

    @routes.post(
        "/{manifest_id}/chunks/{chunk}/portraits",
        response_model=BroughtView,
        operation_id="bringPortraits",
        summary="Bring portraits for rows of a chunk, or say why there are none",
        openapi_extra=_PORTRAITS,
    )
    async def bring_portraits(
        request: Request, gallery: str, manifest_id: str, chunk: int
    ) -> Response:
        """Each image is held against the hash the state has signed. Bring the same again after a
        failure: what is on its way stays on its way."""
        with desk.rooms.uploads.place():
            caller = await desk.custodian(request, gallery)
            brought = await _brought(request, limits)
            at = ChunkRef(manifest_id, chunk)
            done = await desk.run(lambda: manifests.bring(caller, gallery, at, brought))
            return shown(brought_view(done))

    @routes.get(
        "/{manifest_id}/rows",
        response_model=RowPage,
        operation_id="listRows",
        summary="Rows of a chunk by status, or its duplicates: what is awaited, rejected, unknown",
    )
    async def list_rows(
        request: Request,
        gallery: str,
        manifest_id: str,
        chunk: int = Query(ge=0),
        status: list[RowStatus] = Query(default=[]),  # noqa: B008 - FastAPI's way
        duplicates: bool = Query(False),
        after: int = Query(0, ge=0),
        limit: int = Query(_ROWS_PAGE, ge=1, le=_ROWS_PAGE),
    ) -> Response:
        wanted = () if duplicates else tuple(status) or tuple(RowStatus)
        at = ChunkRef(manifest_id, chunk)
        found = await desk.serve(
            request, lambda caller: manifests.rows(caller, gallery, at, wanted, after, limit)
        )
        return shown(row_page(found, limit))

    return routes


def _signed(sent: dict[str, object], limits: Limits) -> tuple[bytes, str]:
    fields = Fields(sent)
    encoded = fields.text("header", limits.header_bytes)
    signature = fields.text("signature", 16 * 1024, lines=True)
    fields.finish()
    try:
        return base64.b64decode(encoded, validate=True), signature
    except (binascii.Error, ValueError) as error:
        raise invalid("header", "is not base64") from error


async def _brought(request: Request, limits: Limits) -> BroughtRows:
    named = 0

    def rule_of(name: str) -> PartRule | None:
        nonlocal named
        if name == _PROBLEMS:
            return PartRule(name, limits.request_bytes, ErrorCode.FIELD_TOO_LONG)
        if row_number(name) is None:
            return None
        named += 1
        if named > limits.batch_rows:
            raise invalid("rows", f"are more than {limits.batch_rows} in one call")
        return PartRule(name, limits.image_bytes, ErrorCode.IMAGE_TOO_LARGE)

    most = PartRule("body", limits.batch_bytes, ErrorCode.FIELD_TOO_LONG)
    parts = await read_named_parts(request, rule_of, most, limits)
    problems = read_problems(read_object(parts.pop(_PROBLEMS, b"{}"), _PROBLEMS))
    portraits = {int(name): image for name, image in parts.items()}
    both = set(portraits) & set(problems)
    if both:
        raise invalid(f"problems.{min(both)}", "stands beside a portrait for the same row")
    if not portraits and not problems:
        raise OnRecordError(ErrorCode.FIELD_MISSING, "there are no rows", field="rows")
    return BroughtRows(portraits, problems)
