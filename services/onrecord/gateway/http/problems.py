"""Every refusal and failure as RFC 9457 problem details, with its own code."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from onrecord.chassis.problems import MEDIA_TYPE, problem, retry_after_seconds
from onrecord.gateway.http.request_ids import request_id
from onrecord.kernel.errors import ErrorCode, OnRecordError

_UNAUTHENTICATED = 401


def problem_response(
    error: OnRecordError, identity: str, status: int | None = None
) -> JSONResponse:
    """`identity` is the request's id; `status` replaces the code's own where HTTP has a better."""
    said = problem(error, identity)
    if status is not None:
        said["status"] = status
    headers = {"Cache-Control": "no-store"}
    wait = retry_after_seconds(error)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if said["status"] == _UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="onrecord"'
    return JSONResponse(said, said["status"], headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let no other form of error leave the application."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, OnRecordError):
            raise error
        return problem_response(error, request_id(request))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        first: dict[str, Any] = {}
        if isinstance(error, RequestValidationError) and error.errors():
            first = dict(error.errors()[0])
        where = [str(part) for part in first.get("loc", ())][1:]
        said = OnRecordError(
            ErrorCode.FIELD_INVALID,
            str(first.get("msg", "a parameter is not acceptable")),
            field=".".join(where) or None,
        )
        return problem_response(said, request_id(request))

    async def unrouted(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 404:
            said = OnRecordError(ErrorCode.NOT_FOUND, "there is nothing at this address")
        else:
            said = OnRecordError(
                ErrorCode.REQUEST_MALFORMED, f"{request.method} is not possible at this address"
            )
        response = problem_response(said, request_id(request), status)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    app.add_exception_handler(OnRecordError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unrouted)
