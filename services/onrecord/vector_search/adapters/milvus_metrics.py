"""Milvus's own count of searches, as its proxies tell it to Prometheus (`:9091/metrics`)."""

import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlsplit

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.ports import EngineCount

_SEARCHED = "milvus_proxy_search_vectors_count"
_STARTED = "process_start_time_seconds"
_MAX_BYTES = 32 * 1024 * 1024
_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>[^\s]+)(?:\s+-?\d+)?"
)


class MilvusMetrics:
    """A `SearchCount` over every proxy of one Milvus, each at its own address.

    Addresses of single processes, never of a balancer, which would answer with another's count.
    `ValueError` where one is not http(s).
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        if not addresses or any(urlsplit(one).scheme not in ("http", "https") for one in addresses):
            raise ValueError("metrics are read at addresses that begin with http:// or https://")
        self._addresses = tuple(addresses)

    def read(self, deadline: Deadline) -> EngineCount:
        told = [_counted(self._fetch(address, deadline)) for address in self._addresses]
        return EngineCount(" ".join(one.started for one in told), sum(one.vectors for one in told))

    def _fetch(self, address: str, deadline: Deadline) -> str:
        deadline.check()
        try:
            with urllib.request.urlopen(address, timeout=deadline.remaining()) as answer:  # noqa: S310 - http(s), checked when made
                data: bytes = answer.read(_MAX_BYTES + 1)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise _untold(f"{address} does not answer: {error}") from error
        if len(data) > _MAX_BYTES:
            raise _untold(f"{address} answers with more than {_MAX_BYTES} bytes")
        return data.decode("utf-8", "replace")


def _counted(text: str) -> EngineCount:
    """The count in one process's metrics (Prometheus text format 0.0.4).

    A proxy that has not searched yet shows no such series, which counts as none.
    """
    vectors, started = 0, None
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None or match["name"] not in (_SEARCHED, _STARTED):
            continue
        if match["name"] == _STARTED:
            started = match["value"]
        else:
            vectors += _whole(match["value"])
    if started is None:
        raise _untold(f"there is no {_STARTED}, so these are not an engine's metrics")
    return EngineCount(started, vectors)


def _whole(value: str) -> int:
    try:
        return int(float(value))
    except (ValueError, OverflowError) as error:
        raise _untold(f"{_SEARCHED} is {value[:40]!r}") from error


def _untold(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.PLANE_UNAVAILABLE, why)
