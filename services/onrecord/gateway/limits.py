"""What the gateway allows itself and its clients."""

import os
from dataclasses import dataclass

from onrecord.proof.manifests import MAX_CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `admission` is how many calls are worked on at once, `uploads` how many of custodians' uploads
    besides; one more is shed. `searches` is how many searches are at work at once; half as many may
    wait for them to end, and none for longer than `search_wait_seconds`. On their way, at work ones
    included, are at most as many as `admission` or twice `searches`, whichever is more.
    `upload_seconds` bounds how long a client may take to send a body, since it holds a place
    meanwhile (not one of `searches`). `plane_seconds` is how long one
    plane may take for one attempt: a silent one must not take the others' time.
    `foretold`: whether planes hear of a search before it comes; worth nothing where nothing is far.
    `waiting`: how many clients may wait for events; `event_days`: how long those are kept.
    `enrolment_days`: how long it is known here how far an enrolment is; then its plane is asked.
    `header_bytes`, `chunk_bytes`: a manifest's header and the rows of one chunk, as they are sent.
    `batch_rows` portraits of `batch_bytes` in all come at a time, from `batch_span` following rows.
    """

    image_bytes: int = 20_000_000
    request_bytes: int = 256 * 1024
    document_bytes: int = 2 * 1024 * 1024
    admission: int = 16
    uploads: int = 8
    searches: int = 8
    search_wait_seconds: float = 1.0
    fan_out: int = 16
    upload_seconds: float = 60.0
    search_seconds: float = 30.0
    call_seconds: float = 10.0
    plane_seconds: float = 10.0
    foretold: bool = True
    page: int = 100
    waiting: int = 256
    event_days: int = 30
    enrolment_days: int = 30
    header_bytes: int = 12 * 1024 * 1024
    chunk_bytes: int = MAX_CHUNK_BYTES
    batch_rows: int = 64
    batch_span: int = 4096
    batch_bytes: int = 32 * 1024 * 1024
    chunk_seconds: float = 120.0
    check_seconds: float = 300.0
    wait_seconds: int = 30


_MOST_SEARCHES = 16


def searches_at_once(told: int, processors: int | None = None) -> int:
    """How many searches are at work at once: as many as told, or, told 0, what follows from the
    processors that this process may use: two for each, of which one computes while the other waits
    for a disk or for an answer; at most 16, since many processors say little about the models'.
    """
    if told:
        return told
    known = len(os.sched_getaffinity(0)) if processors is None else processors
    return max(2, min(_MOST_SEARCHES, 2 * known))


def searches_of_each(gateways: int, processors: int | None = None) -> int:
    """How many of them each of several gateways takes that share one machine's processors.

    At least one: none would make no search at all.
    """
    return max(1, searches_at_once(0, processors) // gateways)
