"""gRPC servers and bus workers as parts of a process (`chassis.lifecycle`)."""

import threading
from collections.abc import Callable
from typing import Protocol

from onrecord.chassis.grpc import GrpcServer
from onrecord.chassis.health import Health


class GrpcPart:
    """Serves from `start` on. `told` hears the port."""

    name = "the gRPC server"

    def __init__(self, server: GrpcServer, grace: float, told: Callable[[int], None]) -> None:
        self._server = server
        self._told = told
        # Waits for what was accepted; `ask_to_stop` must not.
        self._stopping = threading.Thread(target=server.stop, args=(grace,), name="grpc-stop")

    def tell(self, health: Health, contract: str) -> None:
        """Answer gRPC's own health checks too; as `GrpcServer.add_health`."""
        self._server.add_health(health, contract)

    def start(self) -> None:
        self._told(self._server.start())

    def ask_to_stop(self) -> None:
        if self._stopping.ident is None:
            self._stopping.start()

    def wait(self, seconds: float) -> bool:
        self._stopping.join(seconds)
        return not self._stopping.is_alive()

    def failed(self) -> bool:
        return False


class Consuming(Protocol):
    """A consumer of the bus with a thread of its own, as `chassis.bus.worker.Worker` is."""

    @property
    def is_alive(self) -> bool: ...

    @property
    def last_error(self) -> Exception | None: ...

    def start(self) -> None: ...

    def stop(self, grace: float) -> bool: ...


class WorkerPart:
    """A consumer of the bus: the poll in hand is finished and committed, no other is begun."""

    def __init__(self, name: str, worker: Consuming) -> None:
        self.name = name
        self._worker = worker
        self._started = False
        self._asked = False

    def start(self) -> None:
        self._worker.start()
        self._started = True

    def ask_to_stop(self) -> None:
        self._asked = True
        self._worker.stop(0.0)

    def wait(self, seconds: float) -> bool:
        return self._worker.stop(seconds)

    def failed(self) -> bool:
        return self._started and not self._asked and not self._worker.is_alive

    def trouble(self) -> Exception | None:
        """Why it does not get on at present; None while it does."""
        return self._worker.last_error
