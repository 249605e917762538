"""R-43: one trace over HTTP, threads and gRPC; and nothing of a person in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onrecord.chassis.pools import CarryingPool
from onrecord.chassis.telemetry import (
    TraceSettings,
    current_ids,
    current_traceparent,
    joined,
    span,
    start_tracing,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from tests.builders.servers import servers
from tests.unit.chassis.test_grpc import ALLOWED, call, refused, register

NOTHING = "00-" + "0" * 32 + "-" + "0" * 16 + "-01"
STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def sent() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing = start_tracing("test", "1", TraceSettings(), SimpleSpanProcessor(exporter))
    yield exporter
    tracing.close()


def parent_of(one: ReadableSpan, spans: Sequence[ReadableSpan]) -> str:
    for other in spans:
        if one.parent and other.context and other.context.span_id == one.parent.span_id:
            return other.name
    return ""


def test_a_trace_goes_over_threads_and_grpc(sent: InMemorySpanExporter, tmp_path: Path) -> None:
    inside: list[str | None] = []

    def act(got: bytes, context: grpc.ServicerContext) -> bytes:
        inside.append(current_traceparent())
        with span("embed", onrecord_model="m", onrecord_batch=3):
            return got

    with servers(tmp_path) as net, CarryingPool(2) as pool:
        port = net.serve(Service.AUDIT, register(act), allowed=ALLOWED)
        channel = net.channel(port, Service.AUDIT)
        with joined(STRANGER), span("POST /v1/searches", "server"):
            pool.submit(call, channel).result()
        call(channel)
    spans = sent.get_finished_spans()
    ours = [one for one in spans if one.context and f"{one.context.trace_id:032x}" in STRANGER]
    assert {one.name for one in ours} == {"POST /v1/searches", "Echo/Echo", "embed"}
    by_name = {one.name: one for one in ours}
    assert parent_of(by_name["embed"], ours) == "Echo/Echo"
    assert parent_of(by_name["Echo/Echo"], ours) == "POST /v1/searches"
    assert inside[0] and STRANGER.split("-")[1] in inside[0]
    # A call outside any trace begins one of its own.
    others = {one.context.trace_id for one in spans if one.context and one not in ours}
    assert len(others) == 1


def test_an_error_is_told_by_its_code_alone(sent: InMemorySpanExporter, tmp_path: Path) -> None:
    def act(got: bytes, context: grpc.ServicerContext) -> bytes:
        with span("inside"):
            raise OnRecordError(ErrorCode.GRANT_EXPIRED, "case 26-1188 of Kari Olsen")

    with servers(tmp_path) as net:
        port = net.serve(Service.AUDIT, register(act), allowed=ALLOWED)
        assert refused(net.channel(port, Service.AUDIT)).code is ErrorCode.GRANT_EXPIRED
    for one in sent.get_finished_spans():
        assert one.attributes is not None
        assert one.attributes["error.type"] == "grant_expired"
        assert "Olsen" not in one.to_json()
        assert not one.events


def test_a_span_says_what_is_declared_and_nothing_else() -> None:
    with pytest.raises(TypeError), span("x", record_id="123"):
        pass


@pytest.mark.parametrize("header", [None, "", "nonsense", NOTHING])
def test_a_header_that_is_no_trace_begins_none(header: str | None) -> None:
    with joined(header):
        assert current_traceparent() is None
        assert current_ids() is None


def test_without_a_collector_logs_have_ids_and_nothing_is_kept() -> None:
    tracing = start_tracing("test", "1", TraceSettings())
    with span("outer") as outer:
        ids = current_ids()
        assert ids is not None
        assert not outer.is_recording()
        with span("inner"):
            inner = current_ids()
            assert inner is not None
            assert inner[0] == ids[0]
    tracing.close()
