"""gRPC between services: one way to serve and one way to call.

Serving: mutual TLS, an allow-list by method and certificate identity that denies by default, a
bounded pool whose size is the admission limit, deadlines, errors that keep their code, and a stop
that lets accepted calls finish. Calling: a channel that believes one service's certificate only.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from onrecord.chassis.certificates import IdentitySource, ServiceIdentity
from onrecord.chassis.grpc_channel import RenewedChannel
from onrecord.chassis.grpc_health import CHECK, GrpcHealth
from onrecord.chassis.grpc_measured import measured
from onrecord.chassis.grpc_status import GRPC_STATUS, status_text, trailer
from onrecord.chassis.health import Health
from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Above the largest image (20 MB) and what travels with it."""

LONGEST_CALL_SECONDS: Final = 60.0
"""What a caller without a deadline, or with a longer one, is held to."""

# Threads beyond the admission limit, which do nothing but say no; without them a refusal would
# wait in the queue for the very work that it is refused for.
_REFUSING_THREADS: Final = 2
# Calls that may stand between the wire and a thread. Beyond it gRPC itself refuses.
_BACKLOG: Final = 64
_SHED_RETRY_MS: Final = 1000
# A machine that vanished without a word is noticed by a call that waits, not by its deadline only.
_PING_MS: Final = 20_000
_PING_TIMEOUT_MS: Final = 5_000
_NAMES_MS: Final = 2_000

Allowed = Mapping[str, frozenset[Service]]
"""Full method name (`/onrecord.rpc.v1.Audit/Decide`) to the services that may call it."""

Register = Callable[[grpc.Server], None]
"""Adds one servicer to a server, as `rpc.register(contract)` of each service gives it."""

# In quotes: the class has type parameters in its stubs alone.
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`address` is `host:port`, with port 0 for any. `threads` is the number of calls at once.
    A connection older than `connection_age` seconds, a tenth more or less, is given up once its
    calls have ended.
    """

    address: str
    threads: int
    connection_age: float = 300.0


def deadline_of(context: grpc.ServicerContext) -> Deadline:
    """What is left to the caller of this call, at most `LONGEST_CALL_SECONDS`.

    Later than the caller's own by up to a hundredth: gRPC rounds a timeout up to write it short.
    """
    return Deadline.after(min(context.time_remaining(), LONGEST_CALL_SECONDS))


class GrpcServer:
    """A server on one address. Nothing listens before `start`."""

    def __init__(
        self,
        settings: ServerSettings,
        identity: IdentitySource,
        allowed: Allowed,
        log: logging.Logger,
    ) -> None:
        self._pool = ThreadPoolExecutor(
            settings.threads + _REFUSING_THREADS, thread_name_prefix="grpc"
        )
        self._server = grpc.server(
            self._pool,
            interceptors=[_Gate(allowed, settings.threads, log, identity.current().service)],
            maximum_concurrent_rpcs=settings.threads + _REFUSING_THREADS + _BACKLOG,
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),  # a taken port is an error, not a share of the calls
                ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_MS // 2),
                # Whoever connects again asks again who there is: a replica that came later gets its
                # share of the calls.
                ("grpc.max_connection_age_ms", int(settings.connection_age * 1000)),
                ("grpc.max_connection_age_grace_ms", int(LONGEST_CALL_SECONDS * 1000)),
            ],
        )
        # Asked at each handshake, so that a renewed certificate is shown without a restart.
        credentials = grpc.dynamic_ssl_server_credentials(
            _shown(identity.current()),
            lambda: _shown(identity.current()),
            require_client_authentication=True,
        )
        self._port = self._server.add_secure_port(settings.address, credentials)

    def add(self, register: Register) -> None:
        """Serve one more contract. Before `start` only."""
        register(self._server)

    def add_health(self, health: Health, contract: str) -> None:
        """Answer `grpc.health.v1` for `contract`, by its full gRPC name. Before `start` only."""
        GrpcHealth(health, contract).register(self._server)

    def start(self) -> int:
        """Begin to serve. Returns the port."""
        self._server.start()
        return self._port

    def stop(self, grace: float) -> None:
        """Accept nothing more, let what was accepted finish within `grace` seconds, then close."""
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=True)


def open_channel(target: str, identity: IdentitySource, service: Service) -> grpc.Channel:
    """A channel to `service` at `target` (`host:port`), as the caller `identity`.

    The server must show a certificate for `<service>.onrecord`, whatever name it was reached by:
    an address is no proof of who answers. When the identity is renewed, calls that begin later go
    over a channel of the new one.
    """
    return RenewedChannel(identity, lambda now: _channel(target, now, service))


def _shown(identity: ServiceIdentity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key_pem, identity.chain_pem)], root_certificates=identity.root_pem
    )


def _channel(target: str, identity: ServiceIdentity, service: Service) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=identity.root_pem,
        private_key=identity.key_pem,
        certificate_chain=identity.chain_pem,
    )
    options: list[tuple[str, str | int]] = [
        ("grpc.ssl_target_name_override", f"{service.value}.onrecord"),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # A service that comes back is found within two seconds, not after two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
        ("grpc.enable_http_proxy", 0),
        # When replicas are exchanged one by one, names are asked for again soon.
        ("grpc.dns_min_time_between_resolutions_ms", _NAMES_MS),
        # Where a name stands for several, each has its share; one that is away is left out.
        ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
    ]
    return grpc.secure_channel(target, credentials, options)


class _Gate(grpc.ServerInterceptor):
    """What every call passes: who calls, whether there is room, and how it ends."""

    def __init__(
        self, allowed: Allowed, threads: int, log: logging.Logger, service: Service
    ) -> None:
        self._service = service.value
        self._allowed = {
            method: frozenset(service.spiffe_id.encode() for service in services)
            for method, services in allowed.items()
        }
        self._room = threading.BoundedSemaphore(threads)
        self._log = log

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        handler = continuation(handler_call_details)
        if handler is None:
            return None  # gRPC answers UNIMPLEMENTED
        act, read = handler.unary_unary, handler.request_deserializer
        if act is None or read is None:
            raise TypeError("the gate knows calls of one message and one answer only")
        method = handler_call_details.method

        def work(encoded: bytes, context: grpc.ServicerContext) -> Any:
            if method == CHECK:
                return act(_decoded(read, encoded), context)
            self._check_caller(method, context)
            with _Place(self._room):
                deadline_of(context).check()
                return act(_decoded(read, encoded), context)

        def serve(encoded: bytes, context: grpc.ServicerContext) -> Any:
            with measured(self._service, method, context) as call:
                try:
                    return work(encoded, context)
                except OnRecordError as error:
                    refused = error
                except Exception as error:  # noqa: BLE001 - the edge: whatever it was, it ends here
                    refused = self._unexpected(method, error)
                call.ended(refused.code)
            _end(context, refused)

        # Without a deserializer the bytes arrive as they are: a caller who is not allowed, or for
        # whom there is no room, does not get as far as our parser.
        return grpc.unary_unary_rpc_method_handler(
            serve, response_serializer=handler.response_serializer
        )

    def _check_caller(self, method: str, context: grpc.ServicerContext) -> None:
        # gRPC sets it only where the certificate has one URI and that is a SPIFFE id. The stub says
        # bytes; it is a sequence of them.
        identity: Iterable[Any] = context.auth_context().get("peer_spiffe_id", ())
        if self._allowed.get(method, frozenset()).isdisjoint(identity):
            raise OnRecordError(
                ErrorCode.CALLER_NOT_ALLOWED, f"this certificate may not call {method}"
            )

    def _unexpected(self, method: str, error: Exception) -> OnRecordError:
        error_id = secrets.token_hex(8)
        self._log.error("%s failed, error id %s", method, error_id, exc_info=error)
        return OnRecordError(
            ErrorCode.INTERNAL,
            f"an unexpected error; the log of the service has it under {error_id}",
            details={"error_id": error_id},
        )


class _Place:
    """A place among the calls at work, or OVERLOADED at once."""

    def __init__(self, room: threading.BoundedSemaphore) -> None:
        self._room = room

    def __enter__(self) -> None:
        if not self._room.acquire(blocking=False):
            raise OnRecordError(
                ErrorCode.OVERLOADED,
                "as many calls as this service takes are at work",
                details={RETRY_AFTER_MS: _SHED_RETRY_MS},
            )

    def __exit__(self, *_: object) -> None:
        self._room.release()


def _decoded(read: Callable[[bytes], Any], encoded: bytes) -> Any:
    try:
        return read(encoded)
    except DecodeError as error:
        raise OnRecordError(ErrorCode.REQUEST_MALFORMED, "not a protobuf message") from error


def _end(context: grpc.ServicerContext, error: OnRecordError) -> NoReturn:
    context.set_trailing_metadata((trailer(error),))
    context.abort(GRPC_STATUS[error.code], status_text(error))
