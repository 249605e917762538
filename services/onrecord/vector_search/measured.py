"""What is measured of a plane: its galleries, its index, and how enrolments end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from onrecord.chassis.telemetry import Label, Meter, Reading, Value
from onrecord.contracts.vector_search import Plane
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode

_GALLERY: Final = Label("gallery", "a gallery, by its jurisdiction")
_READ_SECONDS: Final = 3.0
ENROLLED: Final = "enrolled"
REJECTED: Final = "rejected"

METER: Final = Meter("galleries")
INDEX_SECONDS: Final = METER.histogram(
    "index_search_seconds", "How long the index took to search one gallery.", (_GALLERY,)
)
ROSTER_DROPS: Final = METER.counter(
    "roster_drops_total",
    "Hits among the best that the roster does not hold live: vectors of deleted or replaced "
    "records that the index still returns.",
    (_GALLERY,),
)
ENROLMENTS: Final = METER.counter(
    "enrolment_records_total",
    "Enrolments that ended, live or rejected. One whose transaction had to be repeated counts "
    "twice.",
    (_GALLERY, Label("outcome", "how it ended", (ENROLLED, REJECTED))),
)
ENROLMENT_SECONDS: Final = METER.histogram(
    "enrolment_seconds",
    "From the ticket for an enrolment to its record being live, whatever it waited for; one that "
    "was sent on again counts from its first ticket.",
    (_GALLERY,),
    "seconds",
    (0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600),
)
REJECTS: Final = METER.counter(
    "enrolment_rejects_total",
    "Enrolments that were rejected, by the code of the reason.",
    (Label("reason", "the code", tuple(code.value for code in ErrorCode)),),
)
STRANGE_SEARCHES: Final = METER.counter(
    "strange_searches_total",
    "Searches that the engine counted and no plane of ours made (R-23).",
)
RECORDS: Final = METER.gauge(
    "gallery_records", "Records that are live in a gallery, by the roster.", (_GALLERY,)
)
KEYS_OVERDUE: Final = METER.gauge(
    "transport_keys_overdue",
    "Transport keys of a gallery that should have been destroyed and are not (R-46).",
    (_GALLERY,),
)
SEQUENCE: Final = METER.gauge(
    "gallery_receipts", "The number of a gallery's last receipt.", (_GALLERY,)
)


def galleries_reading(plane: Plane) -> Reading:
    """What stands in the roster."""

    def read() -> Iterable[Value]:
        for one in plane.galleries(Deadline.after(_READ_SECONDS)):
            yield Value(RECORDS, one.live_records, {"gallery": one.jurisdiction})
            yield Value(SEQUENCE, one.last_sequence, {"gallery": one.jurisdiction})

    return Reading("galleries", read)


def keys_reading(overdue: Callable[[], Mapping[str, int]]) -> Reading:
    """What upkeep should have destroyed."""

    def read() -> Iterable[Value]:
        for gallery, count in overdue().items():
            yield Value(KEYS_OVERDUE, count, {"gallery": gallery})

    return Reading("transport keys", read)
