"""Traces: OpenTelemetry spans, sent over OTLP where a collector is set.

A trace joins HTTP, gRPC, the bus and inference. Its context (W3C `traceparent`) travels in headers
and nowhere else; `tracestate` and baggage, which strangers could fill, are not taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onrecord.kernel.errors import ErrorCode, OnRecordError

KINDS: Final = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
ATTRIBUTES: Final = frozenset(
    {
        "onrecord.service",
        "onrecord.gallery",
        "onrecord.model",
        "onrecord.outcome",
        "onrecord.batch",
        "onrecord.stage",
        "rpc.method",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "messaging.destination.name",
        "messaging.batch.message_count",
        "error.type",
    }
)
"""All that a span may say of what it stands for. There is no free text among them."""

TRACEPARENT: Final = "traceparent"
"""The header, of HTTP, gRPC and the bus."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_TRACER: Final = "onrecord"


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """`endpoint`: an OTLP collector (gRPC), http(s)://host:port; empty: nothing is sent.
    `sample`: the share of traces that begin here and are sent, 0 to 1; whoever calls decides for
    traces that began elsewhere.
    """

    endpoint: str = ""
    sample: float = 1.0


class Tracing:
    """What sends spans. Closed, it sends what is left."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def close(self) -> None:
        self._provider.shutdown()


def start_tracing(
    service: str, version: str, settings: TraceSettings, processor: SpanProcessor | None = None
) -> Tracing:
    """Once in a process. `processor`: takes the spans in place of what `settings` name."""
    sending = processor or _processor(settings)
    sampler = ParentBased(TraceIdRatioBased(settings.sample)) if sending else ALWAYS_OFF
    provider = TracerProvider(
        sampler=sampler,
        resource=Resource({"service.name": f"onrecord-{service}", "service.version": version}),
        span_limits=SpanLimits(max_attributes=16, max_events=4, max_attribute_length=100),
    )
    if sending is not None:
        provider.add_span_processor(sending)
    _current.tracer = provider.get_tracer(_TRACER)
    return Tracing(provider)


@contextmanager
def span(name: str, kind: str = "internal", **attributes: str | int) -> Iterator[Span]:
    """A span around the block. Attribute names have `_` for `.` and are among `ATTRIBUTES`.

    An error is told by its code, never by its words.
    """
    said = {_attribute(key): value for key, value in attributes.items()}
    with _current.tracer.start_as_current_span(
        name,
        kind=KINDS[kind],
        attributes=said,
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except OnRecordError as error:
            failed(opened, error.code)
            raise
        except Exception:
            failed(opened, ErrorCode.INTERNAL)
            raise


class Begun:
    """A span for one of several things that are worked on together, ended by itself."""

    def __init__(self, name: str, kind: str, traceparent: str, **attributes: str | int) -> None:
        """It belongs to the trace that `traceparent` names; where it names none, it begins one."""
        where = _PROPAGATOR.extract({TRACEPARENT: traceparent}, contexts.Context())
        said = {_attribute(key): value for key, value in attributes.items()}
        self._span = _current.tracer.start_span(name, where, KINDS[kind], said)
        self._inside = trace.set_span_in_context(self._span, where)
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, self._inside)
        self.traceparent = carrier.get(TRACEPARENT, traceparent)

    @contextmanager
    def current(self) -> Iterator[None]:
        """What is done in the block is done for this one."""
        token = contexts.attach(self._inside)
        try:
            yield
        finally:
            contexts.detach(token)

    def end(self, code: ErrorCode | None = None) -> None:
        """Ended well, or with an error."""
        if code is not None:
            failed(self._span, code)
        self._span.end()


def failed(one: Span, code: ErrorCode) -> None:
    """Say on a span how what it stands for ended."""
    one.set_attribute("error.type", code.value)
    one.set_status(Status(StatusCode.ERROR))


def current_traceparent() -> str | None:
    """The context of the current span for a header, or None outside any."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(TRACEPARENT)


def is_recording() -> bool:
    """Whether what is done now is told to anybody."""
    return trace.get_current_span().is_recording()


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id, hex, or None outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


@contextmanager
def joined(traceparent: str | None) -> Iterator[None]:
    """The block belongs to the trace that a header names; to none of ours where it names none."""
    carrier = {TRACEPARENT: traceparent} if traceparent else {}
    # From nothing: what happens to be current in this thread has no part in it.
    token = contexts.attach(_PROPAGATOR.extract(carrier, contexts.Context()))
    try:
        yield
    finally:
        contexts.detach(token)


def _attribute(key: str) -> str:
    name = _NAMES.get(key)
    if name is None:
        raise TypeError(f"{key} is not an attribute that a span may have")
    return name


def _processor(settings: TraceSettings) -> SpanProcessor | None:
    if not settings.endpoint or settings.sample == 0:
        return None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return BatchSpanProcessor(
        OTLPSpanExporter(settings.endpoint, insecure=settings.endpoint.startswith("http://"))
    )


_NAMES: Final = {name.replace(".", "_"): name for name in ATTRIBUTES}


class _Current:
    """The tracer in use. Not the API's own provider, which a process can set only once."""

    tracer: trace.Tracer = trace.NoOpTracer()


_current: Final = _Current()
