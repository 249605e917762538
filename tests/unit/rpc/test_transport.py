"""Every method of every contract arrives with what was sent, and its answer comes back.

Drawn from the Protocols themselves: a method that is added to a contract and not carried fails.
"""

import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.audit.rpc import register as register_audit
from onrecord.chassis.grpc import Register
from onrecord.clients.audit import AuditClient, LedgerProofsClient
from onrecord.clients.detection import DetectionClient
from onrecord.clients.embedding import EmbeddingClient
from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.audit import Audit, LedgerProofs
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import FaceEmbedding
from onrecord.contracts.vector_search import Plane
from onrecord.detection.rpc import register as register_detection
from onrecord.embedding.rpc import register as register_embedding
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation
from onrecord.rpc.allowed import ALLOWED
from onrecord.rpc.v1 import (
    audit_pb2,
    detection_pb2,
    embedding_pb2,
    vector_search_pb2,
)
from onrecord.vector_search.rpc import register as register_plane
from tests.builders.servers import Servers, servers
from tests.builders.strategies import plain, values_of


@dataclass
class Recorder:
    """Keeps what a contract is called with, and answers what it is told to."""

    answer: Any = None
    raises: Exception | None = None
    calls: list[tuple[str, tuple[Any, ...], Deadline]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def method(*arguments: Any) -> Any:
            *rest, deadline = arguments
            self.calls.append((name, tuple(rest), deadline))
            if self.raises is not None:
                raise self.raises
            return self.answer

        return method


@dataclass(frozen=True)
class Carried:
    """One contract as it is carried."""

    contract: type
    service: Service
    register: Callable[[Any], Register]
    client: Callable[[grpc.Channel], Any]
    unavailable: ErrorCode
    simplest: Callable[[Any, Deadline], Any]
    """A call of one of its methods."""


NOBODY = Attestation(b"", b"", ())

CARRIED = {
    "audit": Carried(
        Audit,
        Service.AUDIT,
        register_audit,
        AuditClient,
        ErrorCode.LEDGER_UNAVAILABLE,
        lambda audit, deadline: audit.release("s-1", deadline),
    ),
    "detection": Carried(
        FaceDetection,
        Service.DETECTION,
        register_detection,
        DetectionClient,
        ErrorCode.DETECTION_UNAVAILABLE,
        lambda detection, deadline: detection.detect(b"", NOBODY, (), deadline),
    ),
    "embedding": Carried(
        FaceEmbedding,
        Service.EMBEDDING,
        register_embedding,
        EmbeddingClient,
        ErrorCode.EMBEDDING_UNAVAILABLE,
        lambda embedding, deadline: embedding.embed((), deadline),
    ),
    "plane": Carried(
        Plane,
        Service.VECTOR_SEARCH,
        register_plane,
        PlaneClient,
        ErrorCode.PLANE_UNAVAILABLE,
        lambda plane, deadline: plane.galleries(deadline),
    ),
}


def raw(channel: grpc.Channel, method: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method that takes and gives bytes, whatever they are."""
    return channel.unary_unary(method, lambda sent: sent, lambda got: got)


def methods(contract: type) -> list[str]:
    return sorted(
        name for name, _ in inspect.getmembers(contract, inspect.isfunction) if name[0] != "_"
    )


EVERY_METHOD = [
    (name, one) for name, carried in CARRIED.items() for one in methods(carried.contract)
]


@dataclass
class Live:
    """Recorders behind live servers, and clients to them. `ports`: held to the allow list."""

    servers: Servers
    recorders: dict[str, Recorder]
    clients: dict[str, Any]
    ports: dict[str, int]

    def recorder(self, name: str, answer: Any = None, raises: Exception | None = None) -> Recorder:
        recorder = self.recorders[name]
        recorder.answer, recorder.raises = answer, raises
        recorder.calls.clear()
        return recorder


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with servers(tmp_path_factory.mktemp("authority")) as opened:
        recorders, clients, ports = {}, {}, {}
        # What nobody may call is carried like the rest: the clients reach it here alone.
        carries_all = {
            method: callers or frozenset({Service.GATEWAY}) for method, callers in ALLOWED.items()
        }
        for name, carried in CARRIED.items():
            recorders[name] = Recorder()
            register = carried.register(recorders[name])
            ports[name] = opened.serve(carried.service, register)
            port = opened.serve(carried.service, register, allowed=carries_all)
            clients[name] = carried.client(opened.channel(port, carried.service))
        yield Live(opened, recorders, clients, ports)


@pytest.mark.parametrize(("name", "method"), EVERY_METHOD)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_what_is_sent_arrives_and_the_answer_comes_back(
    live: Live, name: str, method: str, data: st.DataObject
) -> None:
    hints = typing.get_type_hints(getattr(CARRIED[name].contract, method))
    returned = hints.pop("return")
    assert hints.pop("deadline") is Deadline
    arguments = tuple(data.draw(values_of(hint)) for hint in hints.values())
    answer = data.draw(values_of(returned))
    recorder = live.recorder(name, answer=answer)

    got = getattr(live.clients[name], method)(*arguments, Deadline.after(30.0))

    assert plain(got) == plain(answer)
    [(called, received, deadline)] = recorder.calls
    assert called == method
    assert plain(received) == plain(arguments)
    # gRPC rounds a timeout up, by less than a hundredth, to write it short.
    assert 0.0 < deadline.remaining() < 30.3


@pytest.mark.parametrize("name", CARRIED)
@settings(max_examples=10, deadline=None)
@given(
    code=st.sampled_from(ErrorCode),
    message=st.text(max_size=300),
    at=st.none() | st.text(min_size=1, max_size=60),
    details=st.dictionaries(st.text(max_size=10), st.text(max_size=20) | st.integers(), max_size=3),
)
def test_an_error_arrives_as_it_was_raised(
    live: Live, name: str, code: ErrorCode, message: str, at: str | None, details: dict[str, Any]
) -> None:
    raised = OnRecordError(code, message, field=at, details=details)
    live.recorder(name, raises=raised)
    with pytest.raises(OnRecordError) as caught:
        CARRIED[name].simplest(live.clients[name], Deadline.after(30.0))
    got = caught.value
    assert (got.code, got.message, got.field, got.details) == (code, message, at, details)


def test_the_allow_list_names_every_method_of_every_service_and_no_other() -> None:
    described = [
        f"/{service.full_name}/{method.name}"
        for module in (audit_pb2, detection_pb2, embedding_pb2, vector_search_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    assert sorted(described) == sorted(ALLOWED)


@pytest.mark.parametrize("method", sorted(ALLOWED))
@pytest.mark.parametrize("caller", Service)
def test_only_the_services_that_are_listed_may_call(
    live: Live, method: str, caller: Service
) -> None:
    """What a refused caller sends is not even parsed; an allowed one's nonsense is malformed."""
    name = {
        "Audit": "audit",
        "Detection": "detection",
        "Embedding": "embedding",
        "VectorSearch": "plane",
    }[method.split("/")[1].rsplit(".", 1)[1]]
    recorder = live.recorder(name)
    channel = live.servers.channel(live.ports[name], CARRIED[name].service, caller)
    with pytest.raises(grpc.RpcError) as caught:
        raw(channel, method)(b"\xff", timeout=10.0)
    call = cast("grpc.Call", caught.value)
    allowed = caller in ALLOWED[method]
    assert call.code() is (
        grpc.StatusCode.INVALID_ARGUMENT if allowed else grpc.StatusCode.PERMISSION_DENIED
    )
    assert recorder.calls == []


def test_nobody_may_ask_more_than_is_drawn() -> None:
    """R-46, law 10: audit calls nothing; detection and embedding ask a plane for transport keys;
    a plane asks the ledger for proofs. Everything else is the gateway's.
    """

    def asked_by(service: Service) -> set[str]:
        return {name for name, services in ALLOWED.items() if service in services}

    assert asked_by(Service.AUDIT) == set()
    keys = {"/onrecord.rpc.v1.VectorSearch/GetTransportKey"}
    assert asked_by(Service.DETECTION) == asked_by(Service.EMBEDDING) == keys
    assert asked_by(Service.VECTOR_SEARCH) == {
        f"/onrecord.rpc.v1.Audit/Get{what}" for what in ("ConsistencyProof", "Policy", "Checkpoint")
    }
    closed = {name for name, services in ALLOWED.items() if Service.GATEWAY not in services}
    # Law 10: it would read an entry without anybody's token.
    assert closed == {"/onrecord.rpc.v1.Audit/GetEntry"}
    assert not ALLOWED["/onrecord.rpc.v1.Audit/GetEntry"]


@pytest.mark.parametrize("name", CARRIED)
def test_a_service_that_is_not_there_is_named(live: Live, name: str) -> None:
    carried = CARRIED[name]
    server = live.servers.build(carried.service, carried.register(Recorder()))
    port = server.start()
    server.stop(grace=0.0)
    client = carried.client(live.servers.channel(port, carried.service))
    with pytest.raises(OnRecordError) as caught:
        carried.simplest(client, Deadline.after(30.0))
    assert caught.value.code is carried.unavailable


@pytest.mark.parametrize("name", CARRIED)
def test_a_deadline_that_has_passed_calls_nobody(live: Live, name: str) -> None:
    recorder = live.recorder(name)
    with pytest.raises(OnRecordError) as caught:
        CARRIED[name].simplest(live.clients[name], Deadline.after(0.0))
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert recorder.calls == []


def test_what_cannot_be_sent_is_malformed(live: Live) -> None:
    recorder = live.recorder("audit")
    audit: Audit = live.clients["audit"]
    deadline = Deadline.after(30.0)
    for attempt in (
        lambda: audit.release("half a pair: \ud800", deadline),
        lambda: audit.entry(2**64, deadline),
        lambda: audit.record_failure("s", ["US-UT"] * 5_000_000, "internal", deadline),
    ):
        with pytest.raises(OnRecordError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.REQUEST_MALFORMED
    assert recorder.calls == []


def test_an_answer_that_cannot_be_read_is_not_the_callers_fault(live: Live) -> None:
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: b"", lambda got: got, lambda sent: sent
    )
    service = grpc.method_handlers_generic_handler("onrecord.rpc.v1.Audit", {"Release": method})
    port = live.servers.serve(
        Service.AUDIT, lambda server: server.add_generic_rpc_handlers((service,))
    )
    client = AuditClient(live.servers.channel(port, Service.AUDIT))
    with pytest.raises(OnRecordError) as caught:
        client.release("s-1", Deadline.after(30.0))
    assert caught.value.code is ErrorCode.INTERNAL


def test_clients_are_what_the_contracts_say(live: Live) -> None:
    """Held by mypy at these assignments; at run time, that no method is missing."""
    channel = live.servers.channel(live.ports["audit"], Service.AUDIT)
    audit: Audit = AuditClient(channel)
    proofs: LedgerProofs = LedgerProofsClient(channel)
    detection: FaceDetection = DetectionClient(channel)
    embedding: FaceEmbedding = EmbeddingClient(channel)
    plane: Plane = PlaneClient(channel)
    for contract, client in (
        (Audit, audit),
        (LedgerProofs, proofs),
        (FaceDetection, detection),
        (FaceEmbedding, embedding),
        (Plane, plane),
    ):
        for method in methods(contract):
            said = inspect.signature(getattr(contract, method))
            held = inspect.signature(getattr(type(client), method))
            assert list(said.parameters) == list(held.parameters)
