"""What a process tells of itself: metrics, traces and logs. Numbers and codes, never people.

No label, attribute or log line holds a record id, a name, a case, a narrative or an image (R-43):
labels take declared values only, span attributes declared names only.
"""

from onrecord.chassis.telemetry.exposition import Exposition, Reading, Value
from onrecord.chassis.telemetry.instruments import (
    Counter,
    Gauge,
    Histogram,
    Instrument,
    Label,
    Meter,
)
from onrecord.chassis.telemetry.tracing import (
    Begun,
    TraceSettings,
    current_ids,
    current_traceparent,
    is_recording,
    joined,
    span,
    start_tracing,
)

__all__ = [
    "Begun",
    "Counter",
    "Exposition",
    "Gauge",
    "Histogram",
    "Instrument",
    "Label",
    "Meter",
    "Reading",
    "TraceSettings",
    "Value",
    "current_ids",
    "current_traceparent",
    "is_recording",
    "joined",
    "span",
    "start_tracing",
]
