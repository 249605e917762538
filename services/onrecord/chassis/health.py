"""Whether a process lives, and whether it is ready, for whoever runs it.

Live asks nobody: a process that answers is alive. Ready asks only what this process itself cannot
do without, so that one service's trouble does not take the others out of service with it.
For the same reason a consumer of the bus that waits for another service is told of, and the process
stays ready for calls; one whose thread has ended is no longer anything to be ready with.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from onrecord.kernel.errors import OnRecordError

_log = logging.getLogger(__name__)

Check = Callable[[], object]
"""Raises where what it stands for does not answer."""


class Consumer(Protocol):
    """What takes messages from the bus, as whoever looks after the process sees it."""

    @property
    def name(self) -> str: ...

    def trouble(self) -> Exception | None:
        """Why it does not get on at present."""
        ...

    def failed(self) -> bool:
        """Whether it has ended without having been asked."""
        ...


class Health:
    """Ready when it has been opened, while every check holds, every consumer lives and nobody has
    asked it to go.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._consumers: tuple[Consumer, ...] = ()
        self._opened = False
        self._draining = False

    def opened(self) -> None:
        """Everything is at work."""
        self._opened = True

    def watch(self, consumers: Iterable[Consumer]) -> None:
        """Tell of these as well. Before it is asked."""
        self._consumers = tuple(consumers)

    def drain(self) -> None:
        """From now on not ready; what was accepted is still worked on (R-45)."""
        self._draining = True

    def said(self) -> dict[str, str]:
        """Each check's word: `ok`, or the code of what is wrong."""
        said = {name: _asked(name, check) for name, check in self._checks.items()}
        if not self._opened:
            said["opening"] = "opening"
        if self._draining:
            said["draining"] = "draining"
        said |= {one.name: "ended" for one in self._consumers if one.failed()}
        return said

    def consumers(self) -> dict[str, str]:
        """How each consumer gets on: `ok`, the code of what it waits for, or `ended`."""
        return {one.name: _gets_on(one) for one in self._consumers}

    def ready(self) -> bool:
        return _holds(self.said())


@dataclass(frozen=True, slots=True)
class Page:
    """Something else that is told at the health port. `made` may raise: then it is a 500."""

    content_type: str
    made: Callable[[], bytes]


class HealthServer:
    """`/healthz` and `/readyz` of a process, and pages by their path, such as `/metrics`."""

    def __init__(
        self, address: str, health: Health, pages: Mapping[str, Page] | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        handler = _handler(health, dict(pages or {}))
        self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """`host:port`, as it is bound."""
        return f"{self._server.server_address[0]!s}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(health: Health, pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/healthz":
                self._answer(HTTPStatus.OK, {"status": "ok"})
            elif path == "/readyz":
                said = health.said()
                ready = _holds(said)
                status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
                body = {
                    "status": "ready" if ready else "not_ready",
                    "checks": said,
                    "consumers": health.consumers(),
                }
                self._answer(status, body)
            elif path in pages:
                self._show(pages[path])
            else:
                self._answer(HTTPStatus.NOT_FOUND, {"status": "not_found"})

        def _show(self, page: Page) -> None:
            try:
                made = page.made()
            except Exception:  # noqa: BLE001 - it says that it failed; the process goes on
                _log.exception("a page of the health port could not be made")
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"status": "internal"})
                return
            self._send(HTTPStatus.OK, page.content_type, made)

        def _answer(self, status: HTTPStatus, body: Mapping[str, object]) -> None:
            self._send(status, "application/json", json.dumps(body).encode())

        def _send(self, status: HTTPStatus, content_type: str, encoded: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            del format, args  # a probe every few seconds is no news

    return Handler


def _holds(said: Mapping[str, str]) -> bool:
    return all(word == "ok" for word in said.values())


def _gets_on(consumer: Consumer) -> str:
    if consumer.failed():
        return "ended"
    trouble = consumer.trouble()
    if trouble is None:
        return "ok"
    return trouble.code.value if isinstance(trouble, OnRecordError) else "internal"


def _asked(name: str, check: Check) -> str:
    try:
        check()
    except OnRecordError as error:
        return error.code.value
    except Exception:  # noqa: BLE001 - whatever a probe meets, the answer is "not ready"
        _log.warning("readiness check %s failed", name, exc_info=True)
        return "internal"
    return "ok"
