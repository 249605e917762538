"""Writing what an entry changes beside the log, and the quotas' counters."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.emergencies import write_emergency
from onrecord.audit.core.draft import (
    ActivatePolicy,
    AddExaminer,
    Concluded,
    Counter,
    Decided,
    EndGalleries,
    Held,
    LetGo,
    Mark,
    PinKey,
    Place,
    ReceiptSeen,
    UseModel,
)
from onrecord.audit.core.emergency_books import OpenEmergency, SettleEmergency
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation

_USED = select(schema.counters.c.key, schema.counters.c.used).where(
    schema.counters.c.key.in_(bindparam("keys", expanding=True))
)

_COUNTERS = insert(schema.counters)
_COUNTED = (
    update(schema.counters)
    .where(schema.counters.c.key == bindparam("at"))
    .values(used=bindparam("count"))
)


def write_mark(connection: Connection, mark: Mark, index: int) -> None:
    """Write one mark of entry `index`. Marks that every request has are gathered by the books."""
    match mark:
        case EndGalleries(search_id, galleries, kind):
            rows = [
                {"search_id": search_id, "gallery": name, "kind": kind.value, "entry": index}
                for name in galleries
            ]
            connection.execute(insert(schema.ends), rows)
            table = schema.open_grants
            at = (table.c.search_id == search_id) & table.c.gallery.in_(galleries)
            connection.execute(delete(table).where(at))
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
    rows = connection.execute(_USED, {"keys": sorted(by_key)})
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
    table = schema.receipt_heads
    changed = connection.execute(
        update(table).where(table.c.gallery == gallery).values(sequence=sequence, digest=digest)
    )
    if changed.rowcount == 0:
        connection.execute(insert(table).values(gallery=gallery, sequence=sequence, digest=digest))


def _hold(connection: Connection, held: Held) -> None:
    """Keep a receipt that waits; one that waits already, waits since it first came."""
    table = schema.held_receipts
    if connection.execute(select(table.c.digest).where(table.c.digest == held.digest)).first():
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
    table = schema.held_receipts
    rows = connection.execute(
        select(table).order_by(table.c.gallery, table.c.sequence, table.c.since)
    )
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
    table = schema.bus_offsets
    at = (table.c.topic == place.topic) & (table.c.number == place.number)
    changed = connection.execute(
        update(table).where(at).values(next_offset=place.offset, digest=place.digest)
    )
    if changed.rowcount == 0:
        connection.execute(
            insert(table).values(
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
