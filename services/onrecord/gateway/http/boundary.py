"""The boundary around everything else (pure ASGI): request ids, and the last line of defence."""

import asyncio
import logging
from random import Random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onrecord.gateway.http.problems import problem_response
from onrecord.gateway.http.request_ids import name_request
from onrecord.kernel.errors import ErrorCode, OnRecordError

_log = logging.getLogger(__name__)


class RequestBoundary:
    """Names the request, answers what nobody caught, and lets clients finish speaking.

    A client that is refused while it still sends would see a broken connection instead of the
    reason, so the rest of its body, up to `drain_bytes`, is read and thrown away first.
    """

    def __init__(
        self, app: ASGIApp, chance: Random, drain_bytes: int, drain_seconds: float
    ) -> None:
        self._app = app
        self._chance = chance
        self._drain_bytes = drain_bytes
        self._drain_seconds = drain_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = name_request(scope, self._chance)
        body_ended = started = False

        async def receiving() -> Message:
            nonlocal body_ended
            message = await receive()
            body_ended = body_ended or not message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
                if not body_ended and scope["method"] in ("POST", "PUT", "PATCH"):
                    await self._drain(receive)
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        except Exception:
            _log.exception("unexpected error", extra={"request_id": identity})
            if started:
                raise
            error = OnRecordError(ErrorCode.INTERNAL, "something went wrong here; it is in the log")
            await problem_response(error, identity)(scope, receiving, sending)

    async def _drain(self, receive: Receive) -> None:
        left = self._drain_bytes
        try:
            async with asyncio.timeout(self._drain_seconds):
                more = True
                while more and left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            return
