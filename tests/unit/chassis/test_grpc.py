"""One way to serve and one way to call: who, how many, how long, and how it ends."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import (
    LONGEST_CALL_SECONDS,
    MAX_MESSAGE_BYTES,
    Register,
    deadline_of,
    open_channel,
)
from onrecord.chassis.grpc_status import TRAILER, error_from_rpc
from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError
from onrecord.kernel.vocabulary import Service
from tests.builders.servers import Servers, servers

METHOD = "/onrecord.test.Echo/Echo"
UNLISTED = "/onrecord.test.Echo/Unlisted"
ALLOWED = {METHOD: frozenset({Service.GATEWAY})}
Act = Callable[[bytes, grpc.ServicerContext], bytes]


def echo(sent: bytes, context: grpc.ServicerContext) -> bytes:
    return sent


def register(act: Act) -> Register:
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        act, lambda got: got, lambda sent: sent
    )
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {"Echo": method, "Unlisted": method}
    handler = grpc.method_handlers_generic_handler("onrecord.test.Echo", methods)
    return lambda server: server.add_generic_rpc_handlers((handler,))


def call(
    channel: grpc.Channel,
    sent: bytes = b"hello",
    *,
    method: str = METHOD,
    timeout: float | None = 10.0,
    wait: bool = False,
) -> bytes:
    """Call, and raise what `error_from_rpc` makes of a failure."""
    callable_ = cast(
        "grpc.UnaryUnaryMultiCallable[bytes, bytes]",
        channel.unary_unary(method, lambda sent: sent, lambda got: got),
    )
    try:
        return callable_(sent, timeout=timeout, wait_for_ready=wait)
    except grpc.RpcError as failure:
        raise error_from_rpc(failure, ErrorCode.PLANE_UNAVAILABLE) from failure


def refused(channel: grpc.Channel, **how: Any) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        call(channel, **how)
    return caught.value


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Servers]:
    with servers(tmp_path / "authority") as opened:
        yield opened


def serve(net: Servers, act: Act = echo, threads: int = 4, port: int = 0) -> int:
    return net.serve(Service.AUDIT, register(act), allowed=ALLOWED, threads=threads, port=port)


class TestWhoCalls:
    """Identity: mutual TLS always, and an allow-list that denies by default."""

    def test_a_listed_service_is_answered(self, net: Servers) -> None:
        assert call(net.channel(serve(net), Service.AUDIT)) == b"hello"

    @pytest.mark.parametrize("caller", [one for one in Service if one is not Service.GATEWAY])
    def test_another_service_is_refused(self, net: Servers, caller: Service) -> None:
        error = refused(net.channel(serve(net), Service.AUDIT, caller))
        assert error.code is ErrorCode.CALLER_NOT_ALLOWED

    @pytest.mark.parametrize("caller", Service)
    def test_a_method_nobody_listed_is_refused_to_all(self, net: Servers, caller: Service) -> None:
        error = refused(net.channel(serve(net), Service.AUDIT, caller), method=UNLISTED)
        assert error.code is ErrorCode.CALLER_NOT_ALLOWED

    def test_plain_text_is_refused(self, net: Servers) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{serve(net)}") as channel:
            assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE

    def test_a_client_without_a_certificate_is_refused(self, net: Servers) -> None:
        identity = net.authority.issue(Service.GATEWAY)
        credentials = grpc.ssl_channel_credentials(root_certificates=identity.root_pem)
        options = [("grpc.ssl_target_name_override", "audit.onrecord")]
        with grpc.secure_channel(f"127.0.0.1:{serve(net)}", credentials, options) as channel:
            assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE

    def test_a_certificate_of_another_authority_is_refused(
        self, net: Servers, tmp_path: Path
    ) -> None:
        """It bears the right name and believes the right root; it was issued by a stranger."""
        ours = net.authority.issue(Service.GATEWAY)
        foreign = LocalAuthority.open(tmp_path / "foreign").issue(Service.GATEWAY)
        credentials = grpc.ssl_channel_credentials(
            ours.root_pem, foreign.key_pem, foreign.chain_pem
        )
        options = [("grpc.ssl_target_name_override", "audit.onrecord")]
        with grpc.secure_channel(f"127.0.0.1:{serve(net)}", credentials, options) as channel:
            assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE

    def test_a_server_of_another_authority_is_not_believed(
        self, net: Servers, tmp_path: Path
    ) -> None:
        foreign = LocalAuthority.open(tmp_path / "foreign").issue(Service.GATEWAY)
        with open_channel(f"127.0.0.1:{serve(net)}", foreign, Service.AUDIT) as channel:
            assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE

    def test_a_server_that_is_another_service_is_not_believed(self, net: Servers) -> None:
        """Every certificate here also says `localhost`; a client asks for the service's name."""
        channel = net.channel(serve(net), Service.VECTOR_SEARCH)
        assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE


class TestHowItEnds:
    def test_an_error_keeps_code_field_and_details(self, net: Servers) -> None:
        def refuse(sent: bytes, context: grpc.ServicerContext) -> bytes:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, "Größe ↔ 1", field="a.b", details={"most": 50, "x": "y"}
            )

        error = refused(net.channel(serve(net, refuse), Service.AUDIT))
        assert (error.code, error.message) == (ErrorCode.FIELD_INVALID, "Größe ↔ 1")
        assert (error.field, error.details) == ("a.b", {"most": 50, "x": "y"})

    def test_an_unexpected_error_tells_the_log_and_not_the_caller(
        self, net: Servers, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(sent: bytes, context: grpc.ServicerContext) -> bytes:
            raise RuntimeError("the secret is 42")

        with caplog.at_level(logging.ERROR):
            error = refused(net.channel(serve(net, fail), Service.AUDIT))
        assert error.code is ErrorCode.INTERNAL
        assert "secret" not in error.message and "Traceback" not in error.message
        error_id = str(error.details["error_id"])
        [record] = [one for one in caplog.records if error_id in one.getMessage()]
        assert record.exc_info is not None and "the secret is 42" in str(record.exc_info[1])

    def test_a_code_from_a_newer_service_leaves_its_status(self) -> None:
        def newer(sent: bytes, context: grpc.ServicerContext) -> bytes:
            content = b'{"code":"of_tomorrow","message":"m","field":null,"details":{}}'
            context.set_trailing_metadata(((TRAILER, content),))
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "of_tomorrow: m")

        with ThreadPoolExecutor(1) as pool:
            server = grpc.server(pool)
            register(newer)(server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                error = refused(channel)
            server.stop(grace=None).wait()
        assert error.code is ErrorCode.OVERLOADED

    def test_what_was_never_sent_is_told_from_what_was_not_answered(self, net: Servers) -> None:
        """R-23: only of a call that was sent may something have come."""
        with closing(socket.socket()) as nobody:
            nobody.bind(("127.0.0.1", 0))
            away = refused(net.channel(nobody.getsockname()[1], Service.AUDIT))
        assert away.code is ErrorCode.PLANE_UNAVAILABLE
        assert not isinstance(away, UnansweredError)

        begun = threading.Event()
        finish = threading.Event()

        def hang(sent: bytes, context: grpc.ServicerContext) -> bytes:
            begun.set()
            finish.wait(30.0)
            return sent

        with ThreadPoolExecutor(2) as pool:
            server = grpc.server(pool)
            register(hang)(server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                calling = pool.submit(refused, channel)
                assert begun.wait(10.0)
                server.stop(grace=0)
                broken = calling.result(timeout=30.0)
            finish.set()
        assert isinstance(broken, UnansweredError)

    def test_what_a_service_says_itself_is_an_answer(self, net: Servers) -> None:
        def refuse(sent: bytes, context: grpc.ServicerContext) -> bytes:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the index is away")

        error = refused(net.channel(serve(net, refuse), Service.AUDIT))
        assert not isinstance(error, UnansweredError)

    def test_a_method_that_does_not_exist_is_internal(self, net: Servers) -> None:
        channel = net.channel(serve(net), Service.AUDIT)
        error = refused(channel, method="/onrecord.test.Echo/NoSuch")
        assert error.code is ErrorCode.INTERNAL

    def test_a_message_beyond_the_limit_does_not_reach_the_service(self, net: Servers) -> None:
        arrived: list[int] = []

        def keep(sent: bytes, context: grpc.ServicerContext) -> bytes:
            arrived.append(len(sent))
            return b""

        channel = net.channel(serve(net, keep), Service.AUDIT)
        call(channel, b"x" * (20 * 2**20))
        refused(channel, sent=b"x" * (MAX_MESSAGE_BYTES + 1))
        assert arrived == [20 * 2**20]


class TestHowMany:
    def test_beyond_the_limit_calls_are_shed_at_once(self, net: Servers) -> None:
        """The pool's size is the admission limit; what is refused does not wait in line."""
        begun, finish = threading.Semaphore(0), threading.Event()

        def wait(sent: bytes, context: grpc.ServicerContext) -> bytes:
            begun.release()
            finish.wait(30.0)
            return sent

        channel = net.channel(serve(net, wait, threads=2), Service.AUDIT)
        with ThreadPoolExecutor(2) as callers:
            running = [callers.submit(call, channel, timeout=30.0) for _ in range(2)]
            assert begun.acquire(timeout=10.0) and begun.acquire(timeout=10.0)
            for _ in range(5):
                error = refused(channel)
                assert error.code is ErrorCode.OVERLOADED
                assert int(error.details[RETRY_AFTER_MS]) > 0
            finish.set()
            assert [one.result() for one in running] == [b"hello", b"hello"]
        assert call(channel) == b"hello"

    def test_a_call_that_fails_gives_its_place_back(self, net: Servers) -> None:
        def fail(sent: bytes, context: grpc.ServicerContext) -> bytes:
            raise OnRecordError(ErrorCode.NOT_FOUND, "no")

        channel = net.channel(serve(net, fail, threads=1), Service.AUDIT)
        assert [refused(channel).code for _ in range(5)] == [ErrorCode.NOT_FOUND] * 5


class TestHowLong:
    def test_the_callers_deadline_is_the_services(self, net: Servers) -> None:
        left: list[float] = []

        def look(sent: bytes, context: grpc.ServicerContext) -> bytes:
            left.append(deadline_of(context).remaining())
            return sent

        channel = net.channel(serve(net, look), Service.AUDIT)
        call(channel, timeout=7.0)
        call(channel, timeout=None)
        assert 0.0 < left[0] < 7.1
        assert LONGEST_CALL_SECONDS - 10.0 < left[1] <= LONGEST_CALL_SECONDS

    def test_a_caller_does_not_wait_beyond_its_deadline(self, net: Servers) -> None:
        finish = threading.Event()

        def wait(sent: bytes, context: grpc.ServicerContext) -> bytes:
            finish.wait(30.0)
            return sent

        channel = net.channel(serve(net, wait), Service.AUDIT)
        late = refused(channel, timeout=0.2)
        assert late.code is ErrorCode.DEADLINE_EXCEEDED
        assert isinstance(late, UnansweredError)
        finish.set()


class TestStop:
    def test_a_stop_lets_accepted_calls_finish_and_takes_no_new_ones(self, net: Servers) -> None:
        """R-45."""
        begun, finish = threading.Event(), threading.Event()

        def wait(sent: bytes, context: grpc.ServicerContext) -> bytes:
            begun.set()
            finish.wait(30.0)
            return sent

        server = net.build(Service.AUDIT, register(wait), allowed=ALLOWED)
        channel = net.channel(server.start(), Service.AUDIT)
        with ThreadPoolExecutor(2) as side:
            running = side.submit(call, channel, timeout=30.0)
            assert begun.wait(10.0)
            stopping = side.submit(server.stop, 30.0)
            # The stop has reached the server once it refuses.
            while not stopping.done():
                if refused_code(channel) is ErrorCode.PLANE_UNAVAILABLE:
                    break
            assert not running.done()
            finish.set()
            assert running.result(10.0) == b"hello"
            stopping.result(10.0)
        assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE

    def test_a_service_that_comes_back_is_found_again(self, net: Servers) -> None:
        server = net.build(Service.AUDIT, register(echo), allowed=ALLOWED)
        port = server.start()
        channel = net.channel(port, Service.AUDIT)
        assert call(channel) == b"hello"
        server.stop(grace=1.0)
        assert refused(channel).code is ErrorCode.PLANE_UNAVAILABLE
        serve(net, port=port)
        assert call(channel, wait=True) == b"hello"

    def test_a_port_that_is_taken_is_an_error(self, net: Servers) -> None:
        port = serve(net)
        with pytest.raises(RuntimeError):
            net.build(Service.AUDIT, register(echo), allowed=ALLOWED, port=port)


def refused_code(channel: grpc.Channel) -> ErrorCode | None:
    try:
        call(channel, timeout=0.5)
    except OnRecordError as error:
        return error.code
    return None
