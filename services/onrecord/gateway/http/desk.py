"""The front desk: who calls, whether there is room, and the way to a worker thread."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request, Response

from onrecord.chassis.pools import CarryingPool
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.gateway.callers import Caller, Callers
from onrecord.gateway.http.request_ids import request_id
from onrecord.gateway.http.rooms import Rooms
from onrecord.gateway.limits import Limits

Result = TypeVar("Result")

NO_STORE = {"Cache-Control": "no-store"}


class Desk:
    """As many threads as places: who has a place never waits for a thread.

    A place is taken before a body is read, so that uploads in memory are bounded too. Used from
    one event loop.
    """

    def __init__(self, callers: Callers, limits: Limits) -> None:
        self.limits = limits
        self._callers = callers
        self.rooms = Rooms(limits)
        self._threads = CarryingPool(self.rooms.threads, thread_name_prefix="gateway")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do blocking work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def caller(self, request: Request) -> Caller:
        """The verified caller. Raises TOKEN_*."""
        header = request.headers.get("authorization")
        return await self.run(lambda: self._callers.identify(header, request_id(request)))

    async def custodian(self, request: Request, gallery: str) -> Caller:
        """The verified custodian of a gallery, before a body of theirs is held.

        Raises TOKEN_*, JURISDICTION_UNKNOWN, ROLE_MISSING, CALLER_NOT_ALLOWED.
        """
        caller = await self.caller(request)
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        return caller

    async def serve(self, request: Request, work: Callable[[Caller], Result]) -> Result:
        """A place, the caller, the work: all that a call without a body needs."""
        header = request.headers.get("authorization")
        identity = request_id(request)
        with self.rooms.calls.place():
            return await self.run(lambda: work(self._callers.identify(header, identity)))

    def close(self) -> None:
        """Wait for what is running."""
        self._threads.shutdown(wait=True)


def shown(view: Any, status: int = 200) -> Response:
    """A view as JSON that nobody keeps."""
    return Response(_JSON.encode(view), status, headers=NO_STORE, media_type="application/json")


def _fields(view: Any) -> dict[str, Any]:
    """The fields of one view; the encoder comes back for those within it."""
    return {name: getattr(view, name) for name in view.__slots__}


_JSON = json.JSONEncoder(
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,
    separators=(",", ":"),
    default=_fields,
)
