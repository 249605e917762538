"""What a process says, to standard error: one line an event, times in UTC.

As text for people, or as JSON, a line each, for collectors; both with the ids of the trace.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Final

CHATTY: Final = (
    "uvicorn.error",
    "pymilvus",
    "milvus_lite",
    "faiss",
    "librdkafka",
    "opentelemetry",
    "alembic",
)
"""Libraries of which warnings are heard, and no more."""


Ids = Callable[[], tuple[str, str] | None]
"""The ids of the trace and the span that are current, if there are any."""


def prepare_log(
    level: str = "INFO", form: str = "text", service: str = "", ids: Ids = lambda: None
) -> None:
    """Once, at the start of a process. `form`: `text` or `json`. `ids` is asked at every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(service, ids) if form == "json" else _Text(ids))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Text(logging.Formatter):
    def __init__(self, ids: Ids) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s%(trace)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        self.converter = time.gmtime
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        ids = self._ids()
        record.trace = f" trace={ids[0]}" if ids else ""
        return super().format(record)


class _Json(logging.Formatter):
    def __init__(self, service: str, ids: Ids) -> None:
        super().__init__()
        self.converter = time.gmtime
        self._service = service
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, str] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = getattr(record, "request_id", None)
        if request:
            said["request_id"] = str(request)
        ids = self._ids()
        if ids:
            said["trace_id"], said["span_id"] = ids
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
