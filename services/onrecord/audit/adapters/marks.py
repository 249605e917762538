"""Writing what an entry changes beside the log, and the quotas' counters."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, insert, update

from onrecord.audit.adapters import questions, schema
from onrecord.audit.adapters.emergencies import write_emergency
from onrecord.audit.core.draft import (
    ActivatePolicy,
    AddExaminer,
    ChangeAwaited,
    Concluded,
    Counter,
    Decided,
    EndGalleries,
    GapPassed,
    Held,
    LetGo,
    Mark,
    NumberedChange,
    PinKey,
    Place,
    Reached,
    ReceiptSeen,
    UseModel,
)
from onrecord.audit.core.emergency_books import OpenEmergency, SettleEmergency
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation

_COUNTERS = insert(schema.counters)
_COUNTED = (
    update(schema.counters)
    .where(schema.counters.c.key == bindparam("at"))
    .values(used=bindparam("count"))
)
_ENDED = insert(schema.ends)
_NO_LONGER_OPEN = delete(schema.open_grants).where(
    schema.open_grants.c.search_id == bindparam("at"),
    schema.open_grants.c.gallery == bindparam("of"),
)
_RECEIPT_SEEN = (
    update(schema.receipt_heads)
    .where(schema.receipt_heads.c.gallery == bindparam("of"))
    .values(sequence=bindparam("to_sequence"), digest=bindparam("to_digest"))
)
_PLACE = (
    update(schema.bus_offsets)
    .where(
        schema.bus_offsets.c.topic == bindparam("at_topic"),
        schema.bus_offsets.c.number == bindparam("at_number"),
    )
    .values(next_offset=bindparam("to_offset"), digest=bindparam("to_digest"))
)

_NEVER = format_time(datetime.min.replace(tzinfo=UTC))


def write_mark(connection: Connection, mark: Mark, index: int) -> None:
    """Write one mark of entry `index`. Marks that every request has are gathered by the books."""
    match mark:
        case EndGalleries(search_id, galleries, kind):
            rows = [
                {"search_id": search_id, "gallery": name, "kind": kind.value, "entry": index}
                for name in galleries
            ]
            connection.execute(_ENDED, rows)
            connection.execute(_NO_LONGER_OPEN, [{"at": search_id, "of": one} for one in galleries])
        case AddExaminer(search_id, person, task_id):
            connection.execute(
                insert(schema.examiners).values(search_id=search_id, person=person, task_id=task_id)
            )
        case Decided(search_id, person):
            table = schema.examiners
            at = (table.c.search_id == search_id) & (table.c.person == person)
            connection.execute(update(table).where(at).values(decided=index))
        case Concluded(search_id):
            at_search = schema.searches.c.search_id == search_id
            connection.execute(update(schema.searches).where(at_search).values(outcome=index))
        case ReceiptSeen(gallery, sequence, digest):
            _receipt_seen(connection, gallery, sequence, digest)
        case Reached(gallery, made_at):
            _reach(connection, gallery, made_at=format_time(made_at))
        case GapPassed(gallery):
            _reach(connection, gallery, gap=index)
        case NumberedChange(gallery, sequence, digest, previous, since):
            connection.execute(
                insert(schema.changes_seen).values(
                    gallery=gallery,
                    sequence=sequence,
                    digest=digest,
                    previous=previous,
                    since=None if since is None else format_time(since),
                )
            )
        case ChangeAwaited(gallery, sequence):
            seen = schema.changes_seen
            at_change = (seen.c.gallery == gallery) & (seen.c.sequence == sequence)
            connection.execute(update(seen).where(at_change).values(since=None))
        case Held():
            _hold(connection, mark)
        case LetGo(digest):
            waiting = schema.held_receipts
            connection.execute(delete(waiting).where(waiting.c.digest == digest))
        case ActivatePolicy(jurisdiction, version, bundle):
            connection.execute(
                insert(schema.bundles).values(
                    digest=bundle.digest,
                    jurisdiction=jurisdiction,
                    version=version,
                    entry=index,
                    policy=bundle.policy,
                    authority=bundle.authority,
                    manifest=bundle.manifest,
                    signature=bundle.signature,
                )
            )
        case PinKey(jurisdiction, key):
            connection.execute(
                insert(schema.authority_keys).values(
                    jurisdiction=jurisdiction, key=key, entry=index
                )
            )
        case UseModel(jurisdiction, model_id):
            connection.execute(
                insert(schema.gallery_models).values(
                    entry=index, jurisdiction=jurisdiction, model_id=model_id
                )
            )
        case OpenEmergency() | SettleEmergency():
            write_emergency(connection, mark, index)
        case _:
            raise TypeError(f"{type(mark).__name__} is written by the books")


def read_counters(connection: Connection, counters: Iterable[Counter]) -> dict[Counter, int]:
    """How often each was used; 0 where it never was."""
    by_key = {counter_key(counter): counter for counter in counters}
    rows = connection.execute(questions.USED, {"keys": sorted(by_key)})
    used = {str(row.key): int(row.used) for row in rows}
    return {counter: used.get(key, 0) for key, counter in by_key.items()}


def write_counters(
    connection: Connection, changed: Mapping[Counter, int], stored: Mapping[Counter, int]
) -> None:
    """Write the new counts. The head is held, so what was read as `stored` is still true."""
    known = [
        {"at": counter_key(counter), "count": used}
        for counter, used in changed.items()
        if stored[counter]
    ]
    if known:
        connection.execute(_COUNTED, known)
    fresh = [
        {
            "key": counter_key(counter),
            "gallery": counter.gallery,
            "scope": counter.scope,
            "time_window": counter.window,
            "used": used,
        }
        for counter, used in changed.items()
        if not stored[counter]
    ]
    if fresh:
        connection.execute(_COUNTERS, fresh)


def _receipt_seen(connection: Connection, gallery: str, sequence: int, digest: str) -> None:
    now = {"of": gallery, "to_sequence": sequence, "to_digest": digest}
    if connection.execute(_RECEIPT_SEEN, now).rowcount == 0:
        connection.execute(
            insert(schema.receipt_heads).values(gallery=gallery, sequence=sequence, digest=digest)
        )


def _reach(connection: Connection, gallery: str, **now: str | int) -> None:
    table = schema.receipt_reach
    known = update(table).where(table.c.gallery == gallery).values(**now)
    if connection.execute(known).rowcount == 0:
        first = {"gallery": gallery, "made_at": _NEVER, "gap": -1, **now}
        connection.execute(insert(table).values(first))


def _hold(connection: Connection, held: Held) -> None:
    """Keep a receipt that waits; one that waits already, waits since it first came."""
    table = schema.held_receipts
    if connection.execute(questions.WAITS, {"at": held.digest}).first():
        return
    connection.execute(
        insert(table).values(
            digest=held.digest,
            gallery=held.gallery,
            sequence=held.sequence,
            since=format_time(held.since),
            attestation=canonical.encode(held.attestation.to_json()).decode(),
        )
    )


def read_held(connection: Connection) -> tuple[Held, ...]:
    """Of each gallery that has receipts waiting, the first in its sequence."""
    rows = connection.execute(questions.HELD)
    first: dict[str, Held] = {}
    for row in rows:
        if row.gallery not in first:
            first[row.gallery] = Held(
                gallery=str(row.gallery),
                sequence=int(row.sequence),
                digest=str(row.digest),
                attestation=Attestation.from_json(json.loads(row.attestation)),
                since=parse_time(row.since),
            )
    return tuple(first.values())


def write_place(connection: Connection, place: Place) -> None:
    """How far a partition has been taken in."""
    now = {
        "at_topic": place.topic,
        "at_number": place.number,
        "to_offset": place.offset,
        "to_digest": place.digest,
    }
    if connection.execute(_PLACE, now).rowcount == 0:
        connection.execute(
            insert(schema.bus_offsets).values(
                topic=place.topic,
                number=place.number,
                next_offset=place.offset,
                digest=place.digest,
            )
        )


@lru_cache(maxsize=8192)
def counter_key(counter: Counter) -> str:
    """A digest, so that the counters' table names no person and no case."""
    parts = [counter.gallery, counter.scope, counter.subject, counter.window]
    return hashlib.sha256(canonical.encode(parts)).hexdigest()
