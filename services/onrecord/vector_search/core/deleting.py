"""What the plane says and signs of a record that is gone (law 9). Whole numbers and text only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from onrecord.kernel.times import format_time
from onrecord.proof.commitment import record_commitment
from onrecord.proof.statements import RECORD_COMPACTED, RECORD_DELETED
from onrecord.vector_search.core.values import RecordState


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of a record, as far as its end is concerned."""

    enrolment_id: str
    gallery: str
    generation: int
    state: RecordState
    index_key: str
    vault_key: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A deletion of a record and of every generation up to `generation`."""

    gallery: str
    record_mac: str
    generation: int
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a record gone: a custodian, or a list that the state has signed.

    `by` is the person as an entry names one; of a list, who brought it.
    """

    by: Mapping[str, str]
    manifest: str | None = None
    chunk: int | None = None


def deleted_body(
    tombstone: Tombstone,
    order: Order,
    *,
    record_id: str,
    data_key: bytes,
    salt: bytes,
    backups_expire_at: datetime,
) -> dict[str, Any]:
    """The record stands as an HMAC under a key that is destroyed with this (R-26)."""
    return {
        "type": RECORD_DELETED,
        "time": format_time(tombstone.deleted_at),
        "gallery": tombstone.gallery,
        "generation": tombstone.generation,
        "salt": salt.hex(),
        "record": record_commitment(data_key, salt, f"record:{record_id}"),
        "not_returned_from": format_time(tombstone.deleted_at),
        "backups_expire_at": format_time(backups_expire_at),
        "manifest": order.manifest,
        "chunk": order.chunk,
        "by": dict(order.by),
    }


def compacted_body(tombstone: Tombstone, deleted: str, now: datetime) -> dict[str, Any]:
    """`deleted` is the hash of the statement that this one completes."""
    return {
        "type": RECORD_COMPACTED,
        "time": format_time(now),
        "gallery": tombstone.gallery,
        "generation": tombstone.generation,
        "deleted": deleted,
        "compacted_at": format_time(now),
    }


def backups_end(deleted_at: datetime, days: int) -> datetime:
    """When the last backup made before a deletion has run out."""
    return deleted_at + timedelta(days=days)
