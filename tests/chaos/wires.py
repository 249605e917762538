"""TCP proxies on loopback between those who call and those who are called, which can be cut."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

_HOST = "127.0.0.1"
_CHUNK = 65_536
_SECONDS = 10.0

_T = TypeVar("_T")


class State(Enum):
    """How a wire is. Cut: what is connected is reset, and nothing new is. Stalled: everything
    stays connected, and not a byte passes, as where packets are lost.
    """

    WHOLE = "whole"
    CUT = "cut"
    STALLED = "stalled"


@dataclass(eq=False, slots=True)
class Wire:
    """From whoever calls `address` to `target` (both `host:port`)."""

    target: str
    address: str = ""
    state: State = State.WHOLE
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    connected: set[asyncio.StreamWriter] = field(default_factory=set)


class Wires:
    """All the wires of an installation, in one thread. `close` is repeatable."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self._closed = False

    def wire(self, target: str) -> Wire:
        """A new one, whole, on a free port."""
        made = Wire(target)
        self._run(self._open(made))
        return made

    def set(self, wire: Wire, state: State) -> None:
        """Done when it returns."""
        self._run(self._set(wire, state))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_SECONDS)
            self._loop.close()

    def _run(self, work: "Coroutine[Any, Any, _T]") -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _open(self, wire: Wire) -> None:
        wire.whole.set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(wire, reader, writer)

        server = await asyncio.start_server(serve, _HOST, 0)
        self._servers.append(server)
        wire.address = f"{_HOST}:{server.sockets[0].getsockname()[1]}"

    async def _set(self, wire: Wire, state: State) -> None:
        wire.state = state
        if state is State.WHOLE:
            wire.whole.set()
            return
        wire.whole.clear()
        if state is State.CUT:
            for writer in tuple(wire.connected):
                writer.transport.abort()

    async def _serve(
        self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        host, _, port = wire.target.rpartition(":")
        try:
            if wire.state is State.CUT:
                return
            with _kept(wire, writer):
                there, back = await asyncio.open_connection(host, int(port))
                with _kept(wire, back):
                    await asyncio.gather(_pump(wire, reader, back), _pump(wire, there, writer))
        except (OSError, asyncio.CancelledError):
            pass  # whoever is at the other end sees the connection end, as it did here
        finally:
            writer.transport.abort()
            self._pumps.discard(task)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in tuple(self._pumps):
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)


@contextmanager
def _kept(wire: Wire, writer: asyncio.StreamWriter) -> Iterator[None]:
    wire.connected.add(writer)
    try:
        yield
    finally:
        wire.connected.discard(writer)
        with suppress(OSError):
            writer.close()


async def _pump(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            await wire.whole.wait()
            writer.write(data)
            await writer.drain()
    finally:
        # One end is enough: nobody here talks on over a connection that is half closed.
        writer.close()
