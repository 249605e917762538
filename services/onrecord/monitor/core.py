"""What a monitor is asked to watch, what it remembers, and what it says. No I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import canonical
from onrecord.proof.canonical import Json
from onrecord.proof.notes import NoteVerifier


class AlarmKind(StrEnum):
    """Why a monitor speaks up."""

    UNREADABLE = "unreadable"
    NOT_SIGNED = "not_signed"
    ROLLED_BACK = "rolled_back"
    SPLIT_VIEW = "split_view"
    ENTRIES_DIFFER = "entries_differ"
    STANDS_STILL = "stands_still"
    UNWITNESSED = "unwitnessed"
    BODY_DIFFERS = "body_differs"
    BODY_MISSING = "body_missing"
    UNKNOWN_KEY = "unknown_key"
    RECEIPT_GAP = "receipt_gap"
    ALARM_ENTRY = "alarm_entry"


HISTORY: Final = frozenset(
    (
        AlarmKind.NOT_SIGNED,
        AlarmKind.ROLLED_BACK,
        AlarmKind.SPLIT_VIEW,
        AlarmKind.ENTRIES_DIFFER,
        AlarmKind.BODY_DIFFERS,
    )
)
"""What no monitor may be asked to overlook."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that whoever runs the monitor must look into.

    `index` is the entry that it is about, if it is about one. `detail` is what another would need
    to see it for themselves, such as the two signed checkpoints of a split view.
    """

    kind: AlarmKind
    message: str
    index: int | None = None
    detail: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Json]:
        return {
            "kind": self.kind.value,
            "message": self.message,
            "index": self.index,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class Watch:
    """What a monitor was asked to watch besides that history is only ever added to.

    `still`: how long the ledger may stand still. `witness_within`: how long it may go on without a
    cosignature by each of `witnesses`. `policy_keys`: the keys known to be those of the states
    that they name; another key of one of these states is an alarm.
    """

    key: NoteVerifier
    witnesses: tuple[NoteVerifier, ...] = ()
    witness_within: timedelta = timedelta(minutes=5)
    still: timedelta | None = None
    policy_keys: tuple[NoteVerifier, ...] = ()
    some_bodies: bool = False
    ignored: frozenset[AlarmKind] = frozenset()

    def __post_init__(self) -> None:
        if self.ignored & HISTORY:
            raise ValueError("a changed history is not to be overlooked")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a monitor knows from before.

    `note`: the last checkpoint that extended all others. `grown`: when the ledger was first seen
    with as many entries. `cosigned`: when each witness's cosignature was last seen. `bodies`: the
    first entry whose body was not looked at; `place`, where in the file of bodies it would be, in
    bytes. `receipts`: the number of each gallery's last receipt.
    """

    note: str | None = None
    grown: datetime | None = None
    cosigned: Mapping[str, datetime] = field(default_factory=dict)
    bodies: int = 0
    place: int = 0
    receipts: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        value = {
            "v": 1,
            "note": self.note,
            "grown": None if self.grown is None else format_time(self.grown),
            "cosigned": {name: format_time(when) for name, when in self.cosigned.items()},
            "bodies": self.bodies,
            "place": self.place,
            "receipts": dict(self.receipts),
        }
        return canonical.encode(value) + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> "Memory":
        """What `encode` wrote. Raises `OnRecordError(FIELD_INVALID)` for anything else."""
        try:
            value: Any = canonical.decode(data.removesuffix(b"\n"))
            if set(value) != _REMEMBERED or value["v"] != 1 or not _typed(value):
                raise ValueError("another version, or a part of it")
            grown = value["grown"]
            return cls(
                note=value["note"],
                grown=None if grown is None else parse_time(grown),
                cosigned={name: parse_time(when) for name, when in value["cosigned"].items()},
                bodies=value["bodies"],
                place=value["place"],
                receipts=value["receipts"],
            )
        except (OnRecordError, LookupError, TypeError, ValueError, AttributeError) as error:
            message = "what the monitor remembered cannot be read; it must not be guessed"
            raise OnRecordError(ErrorCode.FIELD_INVALID, message) from error


_REMEMBERED: Final = {"v", "note", "grown", "cosigned", "bodies", "place", "receipts"}


def _typed(value: Mapping[str, Any]) -> bool:
    """What is missing or of another type would be a new beginning, or an error much later."""
    counts = (value["v"], value["bodies"], value["place"], *value["receipts"].values())
    note = value["note"]
    return (note is None or isinstance(note, str)) and all(
        type(one) is int and one >= 0 for one in counts
    )


def too_late(watch: Watch, memory: Memory, now: datetime) -> list[Alarm]:
    """Alarms that only time brings: a ledger that stands still, a witness that is not heard of."""
    alarms = []
    if watch.still is not None and memory.grown is not None and now - memory.grown > watch.still:
        since = format_time(memory.grown)
        alarms.append(Alarm(AlarmKind.STANDS_STILL, f"the ledger has not grown since {since}"))
    for witness in watch.witnesses:
        last = memory.cosigned.get(witness.name)
        if last is not None and now - last > watch.witness_within:
            message = f"no checkpoint cosigned by {witness.name} was seen since {format_time(last)}"
            alarms.append(Alarm(AlarmKind.UNWITNESSED, message))
    return alarms


def look_at(
    watch: Watch, memory: Memory, index: int, body: Mapping[str, Any]
) -> tuple[Memory, list[Alarm]]:
    """What a new entry's body tells; it is the one that its leaf commits to.

    A body without a field that its kind needs tells what it can: `onrecord ledger verify` is what
    holds bodies against every law.
    """
    memory, alarms = _passed_over(watch, memory, index)
    kind, what = body.get("kind"), body.get("what")
    if kind == EntryKind.KEY_CHANGED:
        alarms += _unknown_key(watch, index, body)
    elif kind == EntryKind.ALARM_RAISED:
        alarms.append(_told(index, str(what), body))
    if kind == EntryKind.SEARCH_EXECUTED:
        memory, gaps = _receipt(memory, index, body.get("receipt"), alarmed=False)
        alarms += gaps
    elif kind == EntryKind.ALARM_RAISED and what == "receipt":
        memory, _ = _receipt(memory, index, body.get("receipt"), alarmed=True)
    elif kind == EntryKind.ALARM_RAISED and what == "receipt_gap":
        memory = _after_gap(memory, body.get("gallery"), body.get("seen"))
    return replace(memory, bodies=index + 1), alarms


def _passed_over(watch: Watch, memory: Memory, index: int) -> tuple[Memory, list[Alarm]]:
    """Entries whose bodies were not there: what receipts they held nobody here can tell."""
    missing = index - memory.bodies
    if not missing:
        return memory, []
    memory = replace(memory, receipts={})
    if watch.some_bodies:
        return memory, []
    message = f"{missing} bodies are missing before that of entry {index}"
    return memory, [Alarm(AlarmKind.BODY_MISSING, message, index)]


def _unknown_key(watch: Watch, index: int, body: Mapping[str, Any]) -> list[Alarm]:
    names = {key.name for key in watch.policy_keys}
    known = {key.text for key in watch.policy_keys}
    state, key = str(body.get("jurisdiction")), str(body.get("key"))
    if f"{state}/authority" not in names or key in known:
        return []
    message = f"{state} has a policy key that is not known here"
    return [Alarm(AlarmKind.UNKNOWN_KEY, message, index, {"jurisdiction": state, "key": key})]


def _told(index: int, what: str, body: Mapping[str, Any]) -> Alarm:
    kind = AlarmKind.RECEIPT_GAP if what == "receipt_gap" else AlarmKind.ALARM_ENTRY
    return Alarm(kind, f"the ledger itself tells of an alarm: {what}", index, {"body": dict(body)})


def _receipt(
    memory: Memory, index: int, receipt: object, *, alarmed: bool
) -> tuple[Memory, list[Alarm]]:
    """Receipts are numbered without a gap; the first that is seen may have any number.

    One that stands as an alarm has its place in the order where it is the next one.
    """
    if not isinstance(receipt, dict):
        return memory, []
    gallery, number = receipt.get("gallery"), receipt.get("sequence")
    if not isinstance(gallery, str) or type(number) is not int:
        return memory, []
    last = memory.receipts.get(gallery)
    follows = last is None or number == last + 1
    if alarmed and not follows:
        return memory, []
    memory = replace(memory, receipts={**memory.receipts, gallery: number})
    if follows:
        return memory, []
    message = f"{gallery} has receipt {number} after {last}"
    detail: dict[str, Json] = {"gallery": gallery, "after": last, "found": number}
    return memory, [Alarm(AlarmKind.RECEIPT_GAP, message, index, detail)]


def _after_gap(memory: Memory, gallery: object, seen: object) -> Memory:
    if not isinstance(gallery, str) or type(seen) is not int:
        return memory
    return replace(memory, receipts={**memory.receipts, gallery: seen - 1})
