"""A collector of spans on 127.0.0.1: what it is sent is real OTLP over gRPC."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import text_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as rpc

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One span as it was sent."""

    name: str
    service: str
    trace: str
    identity: str
    parent: str
    attributes: dict[str, str]


@dataclass(slots=True)
class Collector:
    """Everything it has been sent, by whichever process."""

    address: str = ""
    spans: list[Sent] = field(default_factory=list)
    traces: dict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    raw: list[bytes] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, request: pb.ExportTraceServiceRequest) -> None:
        with self.changed:
            self.raw.append(request.SerializeToString())
            for resource in request.resource_spans:
                service = _attributes(resource.resource.attributes).get("service.name", "")
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        one = _sent(span, service)
                        self.spans.append(one)
                        self.traces[one.trace].append(one)
            self.changed.notify_all()

    def trees(self, root: str) -> list[list[Sent]]:
        """The traces that a span of this name has begun, each with all its spans."""
        with self.changed:
            begun = [one.trace for one in self.spans if one.name == root and not one.parent]
            return [list(self.traces[trace]) for trace in begun]

    def text(self) -> str:
        """Every word that it has been sent, of every field; but for ids, in which three letters
        may stand by chance.
        """
        with self.changed:
            raw = list(self.raw)
        return "\n".join(_words(pb.ExportTraceServiceRequest.FromString(one)) for one in raw)

    def wait_for(self, found: Callable[[], object]) -> None:
        """Until what is looked for has been sent."""
        with self.changed:
            told = self.changed.wait_for(lambda: bool(found()), SECONDS)
        assert told, f"after {SECONDS:.0f} s: {sorted({one.name for one in self.spans})}"


@contextmanager
def collecting(address: str = "") -> Iterator[Collector]:
    """One that listens at `address` (http://host:port), or wherever there is room."""
    collector = Collector()

    class Service(rpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
            collector.take(request)
            return pb.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    rpc.add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(address.removeprefix("http://") or "127.0.0.1:0")
    collector.address = f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(1.0).wait()


def _sent(one: Any, service: str) -> Sent:
    return Sent(
        one.name,
        service.removeprefix("onrecord-"),
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        _attributes(one.attributes),
    )


def _words(request: Any) -> str:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                for one in (span, *span.links):
                    one.trace_id = one.span_id = b""
                span.parent_span_id = b""
    return text_format.MessageToString(request, as_utf8=True, as_one_line=True)


def _attributes(given: Any) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in given}
