"""Whether a part says over HTTP that it is ready."""

import http.client
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ANSWER_SECONDS: Final = 5.0
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def says_ok(address: str, path: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether `address` (`host:port`) answers `path` with 200."""
    return says_ok_over(http.client.HTTPConnection(address, timeout=seconds), path)


def says_ok_over(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str] = _NONE
) -> bool:
    """As `says_ok`, over a connection of the caller's; it is closed."""
    try:
        connection.request("GET", path, headers=dict(headers))
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
