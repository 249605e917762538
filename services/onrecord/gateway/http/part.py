"""The web application as a part of a process (`chassis.lifecycle`)."""

import socket
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from onrecord.kernel.errors import ErrorCode, OnRecordError

_STARTED_POLL = 0.01


class HttpPart:
    """Serves from `start` on, on a socket that is open already: a busy port is said before
    anything is made. Asked to stop, it takes no more calls and lets those at work finish.
    """

    name = "the HTTP server"

    def __init__(
        self, app: FastAPI, listener: socket.socket, grace: float, told: Callable[[int], None]
    ) -> None:
        self._listener = listener
        self._told = told
        self._asked = False
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=max(1, int(grace)),
                lifespan="on",
            )
        )
        # Not in the main thread, so that uvicorn leaves the process's signals alone.
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )

    def start(self) -> None:
        """Returns when it answers. Raises INTERNAL where it does not come up; the log says why."""
        self._thread.start()
        while not self._server.started:
            self._thread.join(_STARTED_POLL)
            if not self._thread.is_alive():
                raise OnRecordError(ErrorCode.INTERNAL, "the HTTP server did not start")
        self._told(int(self._listener.getsockname()[1]))

    def ask_to_stop(self) -> None:
        self._asked = True
        self._server.should_exit = True

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def failed(self) -> bool:
        return not self._asked and not self._thread.is_alive()


def listening(host: str, port: int) -> socket.socket:
    """A socket on which clients may queue. Raises SETTINGS_INVALID where the port is taken."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID, f"cannot listen on {host}:{port} ({why})", field="address"
        ) from error
