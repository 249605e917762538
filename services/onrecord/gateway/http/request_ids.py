"""Request ids.

A client may send `X-Request-Id`; where it does not, or sends what does not belong in a log, one
is made. It comes back on every answer and travels to the ledger as the entry's source.
"""

import re
from random import Random

from fastapi import Request
from starlette.types import Scope

_ACCEPTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = "onrecord.request_id"


def name_request(scope: Scope, chance: Random) -> str:
    """Give the request its id, the client's own where it is fit for a log."""
    identity = f"{chance.getrandbits(128):032x}"
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        if name == b"x-request-id" and _ACCEPTABLE.fullmatch(text):
            identity = text
    scope[_KEY] = identity
    return identity


def request_id(request: Request) -> str:
    """The id of the request being served."""
    return str(request.scope[_KEY])
