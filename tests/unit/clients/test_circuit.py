"""A dead service holds nobody's thread: after calls without an answer, the next fail at once."""

import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from onrecord.chassis.grpc_status import trailer
from onrecord.clients.audit import AuditClient
from onrecord.clients.circuit import OPENED, REFUSED, Circuit, CircuitLimits
from onrecord.clients.exchange import Exchange
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

LIMITS = CircuitLimits(failures=3, window_seconds=30, pause_seconds=2, probe_seconds=10)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Failed(grpc.RpcError, grpc.Call):
    """A call that failed with a status, and with what the service itself says, if it does."""

    def __init__(self, status: grpc.StatusCode, said: OnRecordError | None = None) -> None:
        self._status = status
        self._said = said

    def code(self) -> grpc.StatusCode:
        return self._status

    def trailing_metadata(self) -> Any:
        return () if self._said is None else (trailer(self._said),)

    def details(self) -> str:
        return ""

    def initial_metadata(self) -> Any:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float:
        return 0.0

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False


AWAY = Failed(grpc.StatusCode.UNAVAILABLE)
LATE = Failed(grpc.StatusCode.DEADLINE_EXCEEDED)


class Remote:
    """A method of a service: fails as it is told, and counts who came through."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.calls = 0

    def __call__(self, request: Empty, timeout: float) -> Empty:
        self.calls += 1
        if self.fails is not None:
            raise self.fails
        return request


class Calling:
    def __init__(self) -> None:
        self.clock, self.remote = Clock(), Remote()
        self.circuit = Circuit(Service.DETECTION, LIMITS, self.clock)
        self.exchange = Exchange(ErrorCode.DETECTION_UNAVAILABLE, Service.DETECTION, self.circuit)

    def __call__(self, *, always: bool = False, seconds: float = 30.0) -> ErrorCode | None:
        """How the call ends: with an error's code, or well."""
        method: Any = self.remote
        try:
            self.exchange(method, Empty, lambda _: None, Deadline.after(seconds), always=always)
        except OnRecordError as error:
            return error.code
        return None

    def fail(self, how: Exception, times: int = LIMITS.failures, seconds: float = 30.0) -> None:
        self.remote.fails = how
        for _ in range(times):
            self(seconds=seconds)


@pytest.fixture
def calling() -> Calling:
    return Calling()


def counted(counter: Any) -> float:
    return float(counter.metric.labels(Service.DETECTION.value)._value.get())


@pytest.mark.parametrize("how", [AWAY, LATE])
def test_after_some_failures_nobody_waits_for_a_dead_service(
    calling: Calling, how: Exception
) -> None:
    """It is said with the same code as ever, and without a call."""
    opened, refused = counted(OPENED), counted(REFUSED)
    calling.fail(how)
    assert calling() is ErrorCode.DETECTION_UNAVAILABLE
    assert calling.remote.calls == LIMITS.failures
    assert (counted(OPENED), counted(REFUSED)) == (opened + 1, refused + 1)


def test_failures_that_are_not_in_a_row_say_nothing(calling: Calling) -> None:
    for _ in range(5):
        calling.fail(AWAY, LIMITS.failures - 1)
        calling.remote.fails = None
        assert calling() is None
    assert not calling.circuit.is_open


def test_failures_far_apart_say_nothing(calling: Calling) -> None:
    for _ in range(LIMITS.failures):
        calling.clock.now += LIMITS.window_seconds + 1
        calling.fail(AWAY, 1)
    assert not calling.circuit.is_open


@pytest.mark.parametrize("code", [ErrorCode.DATABASE_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED])
def test_a_service_that_says_no_is_not_dead(calling: Calling, code: ErrorCode) -> None:
    """It answered at once, and the next call may find it well."""
    status = grpc.StatusCode.UNAVAILABLE
    calling.fail(Failed(status, OnRecordError(code, "not now")), 20)
    assert not calling.circuit.is_open
    assert calling.remote.calls == 20


def test_who_leaves_no_time_to_answer_proves_nothing(calling: Calling) -> None:
    calling.fail(LATE, 20, seconds=0.5)
    assert not calling.circuit.is_open
    calling.fail(AWAY, LIMITS.failures, seconds=0.5)
    assert calling.circuit.is_open


def test_one_call_goes_through_after_the_pause_and_closes_it(calling: Calling) -> None:
    calling.fail(AWAY)
    calling.clock.now += LIMITS.pause_seconds - 0.1
    calling()
    assert calling.remote.calls == LIMITS.failures
    calling.clock.now += 0.2
    calling.remote.fails = None
    assert calling() is None
    assert calling() is None
    assert not calling.circuit.is_open


def test_while_one_asks_the_others_do_not_wait(calling: Calling) -> None:
    calling.fail(AWAY)
    calling.clock.now += LIMITS.pause_seconds
    assert calling.circuit.lets_through()
    assert [calling.circuit.lets_through() for _ in range(5)] == [False] * 5
    calling.clock.now += LIMITS.probe_seconds - 0.1
    assert not calling.circuit.lets_through()
    calling.clock.now += 0.1
    assert calling.circuit.lets_through(), "one that hangs must not keep the circuit open"


def test_one_that_asked_in_vain_leaves_it_open(calling: Calling) -> None:
    calling.fail(AWAY)
    calling.clock.now += LIMITS.pause_seconds
    calling.fail(AWAY, 1)
    assert calling.remote.calls == LIMITS.failures + 1
    calling()
    assert calling.remote.calls == LIMITS.failures + 1


def test_what_the_record_needs_is_brought_even_to_a_dead_service(calling: Calling) -> None:
    calling.fail(AWAY)
    assert calling(always=True) is ErrorCode.DETECTION_UNAVAILABLE
    assert calling.remote.calls == LIMITS.failures + 1
    calling.remote.fails = None
    assert calling(always=True) is None
    assert not calling.circuit.is_open


ENDS: dict[str, Callable[[AuditClient, Deadline], object]] = {
    "failure": lambda audit, soon: audit.record_failure("s", ["US-UT"], "internal", soon),
    "release": lambda audit, soon: audit.release("s", soon),
}


@pytest.mark.parametrize("call", ENDS.values(), ids=list(ENDS))
def test_the_end_of_a_grant_is_always_sent(call: Callable[[AuditClient, Deadline], object]) -> None:
    """R-23: while a circuit is open, a call that others are refused reaches a service that is back
    (here: nobody is, so it says what the way says, and not what the circuit does).
    """
    with (
        socket.socket() as taken,
        grpc.insecure_channel(f"127.0.0.1:{_bound(taken)}") as channel,
    ):
        audit = AuditClient(channel)
        for _ in range(CircuitLimits().failures):
            with pytest.raises(OnRecordError):
                audit.checkpoint(Deadline.after(20))
        with pytest.raises(OnRecordError, match="does not answer"):
            audit.checkpoint(Deadline.after(20))
        with pytest.raises(OnRecordError, match="cannot be reached"):
            call(audit, Deadline.after(20))


def _bound(taken: socket.socket) -> int:
    """A port that is ours, and at which nobody listens."""
    taken.bind(("127.0.0.1", 0))
    return int(taken.getsockname()[1])
