"""The boundary around everything else (pure ASGI): request ids, and the last line of defence."""

import logging
from random import Random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onrecord.gateway.http.measured import Measured
from onrecord.gateway.http.problems import problem_response
from onrecord.gateway.http.request_ids import name_request
from onrecord.kernel.errors import ErrorCode, OnRecordError

_log = logging.getLogger(__name__)


class RequestBoundary:
    """Names the request, and answers what nobody caught without a word of what it was.

    What a refused client still sends is read and dropped by the HTTP server, so that it hears why
    instead of seeing a broken connection.
    """

    def __init__(self, app: ASGIApp, chance: Random) -> None:
        self._app = app
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = name_request(scope, self._chance)
        with Measured(scope) as call:
            await self._served(scope, receive, send, identity, call)

    async def _served(
        self, scope: Scope, receive: Receive, send: Send, identity: str, call: Measured
    ) -> None:
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                call.answered(message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            _log.exception("unexpected error", extra={"request_id": identity})
            if started:
                raise
            error = OnRecordError(ErrorCode.INTERNAL, "something went wrong here; it is in the log")
            await problem_response(error, identity)(scope, receive, sending)
