"""A channel that outlives its certificate, and tells whose trace a call belongs to.

gRPC fixes a channel's certificate when it is opened. So this one opens another when its identity
is renewed; calls that began on the old one end on it.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import grpc

from onrecord.chassis.certificates import IdentitySource, ServiceIdentity
from onrecord.chassis.telemetry.tracing import TRACEPARENT, current_traceparent

# Longer than any call may take: nothing is cut off.
_LINGER_SECONDS: Final = 120.0

Opens = Callable[[ServiceIdentity], grpc.Channel]
_Makes = Callable[[grpc.Channel], Any]


class RenewedChannel(grpc.Channel):
    """A `grpc.Channel` on whatever channel suits the identity that is current."""

    def __init__(
        self,
        identity: IdentitySource,
        opens: Opens,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = identity
        self._opens = opens
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._identity = identity.current()
        self._channel = opens(self._identity)
        self._left: list[tuple[float, grpc.Channel]] = []
        self._watching: list[tuple[Callable[..., None], bool]] = []
        self._closed = False

    def current(self) -> grpc.Channel:
        """The channel that a call beginning now goes over."""
        identity = self._source.current()
        if identity is self._identity:
            return self._channel
        with self._lock:
            if identity is not self._identity and not self._closed:
                self._renew(identity)
            return self._channel

    def _renew(self, identity: ServiceIdentity) -> None:
        now = self._monotonic()
        self._left.append((now + _LINGER_SECONDS, self._channel))
        self._identity, self._channel = identity, self._opens(identity)
        for callback, connect in self._watching:
            self._channel.subscribe(callback, connect)
        for until, channel in self._left:
            if until <= now:
                channel.close()
        self._left = [(until, channel) for until, channel in self._left if until > now]

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Calls(self, lambda channel: channel.unary_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Calls(self, lambda channel: channel.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Calls(self, lambda channel: channel.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Calls(self, lambda channel: channel.stream_stream(method, *args, **kwargs))

    def subscribe(self, callback: Callable[..., None], try_to_connect: bool | None = False) -> None:
        with self._lock:
            self._watching.append((callback, bool(try_to_connect)))
            self._channel.subscribe(callback, bool(try_to_connect))

    def unsubscribe(self, callback: Callable[..., None]) -> None:
        with self._lock:
            self._watching = [one for one in self._watching if one[0] is not callback]
            self._channel.unsubscribe(callback)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for _, channel in self._left:
                channel.close()
            self._left = []
            self._channel.close()

    def __enter__(self) -> "RenewedChannel":
        return self

    def __exit__(self, *excinfo: object) -> None:
        self.close()


def _traced(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The call belongs to the trace of whoever makes it."""
    trace = current_traceparent()
    if trace is not None:
        kwargs["metadata"] = (*(kwargs.get("metadata") or ()), (TRACEPARENT, trace))
    return kwargs


class _Calls:
    """One method: whatever gRPC makes of it, made again for each new channel."""

    def __init__(self, owner: RenewedChannel, makes: _Makes) -> None:
        self._owner = owner
        self._makes = makes
        channel = owner.current()
        self._made = channel, makes(channel)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._now()(*args, **_traced(kwargs))

    def with_call(self, *args: Any, **kwargs: Any) -> Any:
        return self._now().with_call(*args, **_traced(kwargs))

    def future(self, *args: Any, **kwargs: Any) -> Any:
        return self._now().future(*args, **_traced(kwargs))

    def _now(self) -> Any:
        channel = self._owner.current()
        made = self._made
        if made[0] is not channel:
            made = self._made = channel, self._makes(channel)
        return made[1]
