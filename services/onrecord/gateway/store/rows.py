"""Rows of the casework schema as values, and how their structured columns are written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from onrecord.contracts.images import QualityMeasure
from onrecord.gateway.core.states import GalleryState, Reason
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus, TaskStatus
from onrecord.proof.entry import LoggedEntry


@dataclass(frozen=True, slots=True)
class SealedCasework:
    """A search's probe and candidates, sealed under its own data key."""

    wrapped_key: bytes = field(repr=False)
    probe: bytes = field(repr=False)
    candidates: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """A search as the gateway keeps it. `entry` is the ledger's decision on the request."""

    search_id: str
    person: str
    agency: str
    client: str
    case_number: str
    idempotency_key: str
    request_digest: str
    probe_sha256: str
    list_size: int
    status: SearchStatus
    created_at: datetime
    expires_at: datetime | None
    entry: LoggedEntry
    galleries: tuple[GalleryState, ...]
    reasons: tuple[Reason, ...] = ()
    quality: tuple[QualityMeasure, ...] = ()
    sealed: SealedCasework | None = None
    outcome_index: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One examiner's task. `sealed_order` is None once the search is closed without a lead."""

    task_id: str
    search_id: str
    person: str
    status: TaskStatus
    sealed_order: bytes | None
    decision_digest: str | None = None
    decision_index: int | None = None


def search_columns(search: Search) -> dict[str, Any]:
    """What `searches` stores of a new search."""
    sealed = search.sealed
    return {
        "search_id": search.search_id,
        "person": search.person,
        "agency": search.agency,
        "client": search.client,
        "case_number": search.case_number,
        "idempotency_key": search.idempotency_key,
        "request_digest": search.request_digest,
        "probe_sha256": search.probe_sha256,
        "list_size": search.list_size,
        "status": search.status.value,
        "created_at": format_time(search.created_at),
        "expires_at": None if search.expires_at is None else format_time(search.expires_at),
        "entry": json.dumps(search.entry.to_json()),
        "galleries": write_galleries(search.galleries),
        "reasons": write_reasons(search.reasons),
        "quality": write_quality(search.quality),
        "wrapped_key": None if sealed is None else sealed.wrapped_key,
        "sealed_probe": None if sealed is None else sealed.probe,
        "sealed_candidates": None if sealed is None else sealed.candidates,
        "outcome_index": search.outcome_index,
    }


def read_search(row: Row[Any]) -> Search:
    held = row._mapping
    sealed = None
    if held["wrapped_key"] is not None:
        sealed = SealedCasework(
            bytes(held["wrapped_key"]),
            bytes(held["sealed_probe"]),
            bytes(held["sealed_candidates"]),
        )
    expires = held["expires_at"]
    return Search(
        search_id=held["search_id"],
        person=held["person"],
        agency=held["agency"],
        client=held["client"],
        case_number=held["case_number"],
        idempotency_key=held["idempotency_key"],
        request_digest=held["request_digest"],
        probe_sha256=held["probe_sha256"],
        list_size=held["list_size"],
        status=SearchStatus(held["status"]),
        created_at=parse_time(held["created_at"]),
        expires_at=None if expires is None else parse_time(expires),
        entry=LoggedEntry.from_json(json.loads(held["entry"])),
        galleries=_read_galleries(held["galleries"]),
        reasons=tuple(Reason(**one) for one in json.loads(held["reasons"])),
        quality=tuple(QualityMeasure(**one) for one in json.loads(held["quality"])),
        sealed=sealed,
        outcome_index=held["outcome_index"],
    )


def read_task(row: Row[Any]) -> Task:
    held = row._mapping
    order = held["sealed_order"]
    return Task(
        task_id=held["task_id"],
        search_id=held["search_id"],
        person=held["person"],
        status=TaskStatus(held["status"]),
        sealed_order=None if order is None else bytes(order),
        decision_digest=held["decision_digest"],
        decision_index=held["decision_index"],
    )


def write_galleries(galleries: Sequence[GalleryState]) -> str:
    return json.dumps([_gallery(state) for state in galleries])


def write_reasons(reasons: Sequence[Reason]) -> str:
    return json.dumps([_fields(reason) for reason in reasons])


def write_quality(quality: Sequence[QualityMeasure]) -> str:
    return json.dumps([_fields(measure) for measure in quality])


def _gallery(state: GalleryState) -> dict[str, Any]:
    return {**_fields(state), "reasons": [_fields(reason) for reason in state.reasons]}


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a flat value. `dataclasses.asdict` copies deeply, at ten times the cost."""
    return {one: getattr(value, one) for one in value.__slots__}


def _read_galleries(text: str) -> tuple[GalleryState, ...]:
    """What a newer gateway may have written besides is left out: two versions run side by side."""
    known = GalleryState.__slots__
    return tuple(
        GalleryState(
            **{
                **{name: value for name, value in one.items() if name in known},
                "status": GalleryStatus(one["status"]),
                "reasons": tuple(Reason(**reason) for reason in one["reasons"]),
            }
        )
        for one in json.loads(text)
    )
