"""R-24: each alarm of a monitor by its cause, and no other; killed anywhere, it leaves none out."""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onrecord.kernel.errors import OnRecordError
from onrecord.monitor.core import Alarm, AlarmKind, Memory, Watch
from onrecord.monitor.service import BODIES_A_ROUND, Monitor, Round
from onrecord.proof.bodies import Row
from onrecord.proof.checkpoint import Checkpoint, cosign, sign_checkpoint
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from onrecord.proof.tiles import decode_bundle, encode_bundle
from tests.unit.proof.ledgers import ORIGIN, PublishedLedger, fetch_from, make_body

LOG = NoteSigner.generate(ORIGIN)
WITNESS = NoteSigner.generate("witness.example/w1", COSIGNATURE_V1)
STATE_KEY = NoteSigner.generate("US-UT/authority")
_BUNDLE, _TILE = "tile/entries/001.p/50", "tile/0/001.p/50"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class _Shelf:
    memory: Memory = field(default_factory=Memory)

    def load(self) -> Memory:
        return Memory.decode(self.memory.encode())

    def store(self, memory: Memory) -> None:
        self.memory = memory


@dataclass
class _Scene:
    """A ledger, and somebody who follows it."""

    ledger: PublishedLedger = field(default_factory=lambda: PublishedLedger(LOG))
    shelf: _Shelf = field(default_factory=_Shelf)
    watch: Watch = field(default_factory=lambda: Watch(LOG.verifier))
    told: list[Alarm] = field(default_factory=list)
    time: datetime = NOW
    rows: list[Row] | None = None

    def now(self) -> datetime:
        return self.time

    def grow(self, *bodies: bytes) -> None:
        self.ledger.append(bodies)
        self.ledger.publish()

    def bodies(self) -> None:
        """Give the bodies of everything that is logged."""
        self.rows = list(self.ledger.bodies())

    def round(self) -> Round:
        return Monitor(
            fetch_from(self.ledger.objects),
            self.watch,
            shelf=self.shelf,
            tell=self.told.extend,
            clock=self,
            bodies=None if self.rows is None else self._rows_from,
        ).round()

    def kinds(self) -> list[AlarmKind]:
        return [one.kind for one in self.round().alarms]

    def _rows_from(self, place: int) -> Iterable[tuple[int, Row]]:
        assert self.rows is not None
        return [(n + 1, row) for n, row in enumerate(self.rows)][place:]


@pytest.fixture
def scene() -> _Scene:
    made = _Scene()
    made.grow(*(make_body(number) for number in range(300)))
    assert made.kinds() == []
    return made


def _event(number: int, kind: str, **fields: Any) -> bytes:
    return make_body(number, kind=kind, **fields)


def _receipt(number: int, sequence: int, gallery: str = "US-UT") -> bytes:
    said = {"gallery": gallery, "sequence": sequence}
    return _event(number, "search.executed", gallery=gallery, receipt=said)


@pytest.mark.parametrize("steps", [(1,), (1, 211, 1), (212, 256, 1), (0, 1000)])
def test_a_ledger_that_only_grows_alarms_nobody(scene: _Scene, steps: Sequence[int]) -> None:
    for step in steps:
        before = len(scene.ledger.entries)
        scene.grow(*(make_body(before + number) for number in range(step)))
        assert scene.kinds() == []
    opened = scene.round().checkpoint
    assert opened is not None
    assert opened.size == 300 + sum(steps)
    assert scene.told == []


def test_a_history_that_goes_back_is_an_alarm_and_both_checkpoints_are_kept(scene: _Scene) -> None:
    """A backup that was restored; both notes bear the log's own signature."""
    seen = scene.ledger.objects["checkpoint"].decode()
    scene.ledger = PublishedLedger(LOG)
    scene.grow(*(make_body(number) for number in range(299)))
    (alarm,) = scene.round().alarms
    assert alarm.kind is AlarmKind.ROLLED_BACK
    assert alarm.detail == {
        "seen": seen,
        "found": scene.ledger.objects["checkpoint"].decode(),
    }
    assert scene.kinds() == [AlarmKind.ROLLED_BACK], "the older one is not taken for the newer"
    scene.grow(make_body(299), make_body(300))
    assert scene.kinds() == []


@pytest.mark.parametrize("size", [300, 301, 600])
def test_a_rewritten_history_is_a_split_view(scene: _Scene, size: int) -> None:
    kept = scene.shelf.memory
    scene.ledger = PublishedLedger(LOG)
    rest = (make_body(number) for number in range(1, size))
    scene.grow(make_body(0, rewritten=True), *rest)
    (alarm,) = scene.round().alarms
    assert alarm.kind is AlarmKind.SPLIT_VIEW
    assert alarm.detail["found"] == scene.ledger.objects["checkpoint"].decode()
    assert scene.shelf.memory == kept


def test_a_checkpoint_that_the_log_has_not_signed(scene: _Scene) -> None:
    other = NoteSigner.generate(ORIGIN)
    note = sign_checkpoint(Checkpoint(ORIGIN, 300, bytes(32)), other)
    scene.ledger.objects["checkpoint"] = note.encode()
    assert scene.kinds() == [AlarmKind.NOT_SIGNED]
    scene.ledger.objects["checkpoint"] = b"\xff"
    assert scene.kinds() == [AlarmKind.NOT_SIGNED]


def _cut_bundle(objects: dict[str, bytes]) -> None:
    path = _BUNDLE
    objects[path] = encode_bundle(decode_bundle(objects[path])[:-1])


def _other_entry(objects: dict[str, bytes]) -> None:
    path = _BUNDLE
    leaves = decode_bundle(objects[path])
    objects[path] = encode_bundle([*leaves[:-1], leaves[0]])


def _readable_entry(objects: dict[str, bytes]) -> None:
    path = _BUNDLE
    objects[path] = encode_bundle([*decode_bundle(objects[path])[:-1], b"a name"])


def _other_tile(objects: dict[str, bytes]) -> None:
    path = _TILE
    objects[path] = bytes(32) + objects[path][32:]


def _no_tile(objects: dict[str, bytes]) -> None:
    del objects[_TILE]


def _no_checkpoint(objects: dict[str, bytes]) -> None:
    del objects["checkpoint"]


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_cut_bundle, AlarmKind.ENTRIES_DIFFER),
        (_other_entry, AlarmKind.ENTRIES_DIFFER),
        (_readable_entry, AlarmKind.ENTRIES_DIFFER),
        (_other_tile, AlarmKind.ENTRIES_DIFFER),
        (_no_tile, AlarmKind.UNREADABLE),
        (_no_checkpoint, AlarmKind.UNREADABLE),
    ],
)
def test_what_is_signed_must_also_be_there(
    scene: _Scene, spoil: Callable[[dict[str, bytes]], None], kind: AlarmKind
) -> None:
    kept = scene.shelf.memory
    scene.grow(*(make_body(300 + number) for number in range(6)))
    whole = dict(scene.ledger.objects)
    spoil(scene.ledger.objects)
    assert scene.kinds() == [kind]
    assert scene.shelf.memory == kept
    scene.ledger.objects = whole
    assert scene.kinds() == []


def test_a_ledger_that_stands_still_too_long(scene: _Scene) -> None:
    scene.watch = replace(scene.watch, still=timedelta(hours=1))
    scene.time += timedelta(hours=1)
    assert scene.kinds() == []
    scene.time += timedelta(seconds=1)
    assert scene.kinds() == [AlarmKind.STANDS_STILL]
    scene.grow(make_body(300))
    assert scene.kinds() == []
    scene.time += timedelta(hours=2)
    del scene.ledger.objects["checkpoint"]
    assert set(scene.kinds()) == {AlarmKind.UNREADABLE, AlarmKind.STANDS_STILL}


def test_a_witness_that_is_not_heard_of(scene: _Scene) -> None:
    """Witnessing takes a moment, and the newest checkpoint may always be without it."""
    scene.watch = replace(
        scene.watch, witnesses=(WITNESS.verifier,), witness_within=timedelta(minutes=5)
    )
    assert scene.kinds() == [], "it is first asked for now"
    for minute in range(1, 6):
        scene.time = NOW + timedelta(minutes=minute)
        scene.grow(make_body(300 + minute))
        assert scene.kinds() == []
    scene.time += timedelta(seconds=1)
    (alarm,) = scene.round().alarms
    assert alarm.kind is AlarmKind.UNWITNESSED
    assert WITNESS.name in alarm.message
    note = scene.ledger.objects["checkpoint"].decode()
    scene.ledger.objects["checkpoint"] = cosign(note, WITNESS, scene.time).encode()
    assert scene.round().witnessed_by == (WITNESS.name,)
    assert scene.kinds() == []


def test_a_cosignature_that_is_not_the_witnesss(scene: _Scene) -> None:
    scene.watch = replace(scene.watch, witnesses=(WITNESS.verifier,))
    note = scene.ledger.objects["checkpoint"].decode()
    line = cosign(note, WITNESS, NOW).removeprefix(note)
    signature = bytearray(base64.b64decode(line.split(" ")[2]))
    signature[-1] ^= 1
    forged = f"— {WITNESS.name} {base64.b64encode(signature).decode()}\n"
    scene.ledger.objects["checkpoint"] = (note + forged).encode()
    assert scene.kinds() == [AlarmKind.NOT_SIGNED]


def test_a_policy_key_that_is_not_known(scene: _Scene) -> None:
    scene.watch = replace(scene.watch, policy_keys=(STATE_KEY.verifier,))
    known = STATE_KEY.verifier.text
    other = NoteSigner.generate("US-UT/authority").verifier.text
    elsewhere = NoteSigner.generate("US-VT/authority").verifier.text
    change = {"kind": "key.changed", "what": "authority"}
    scene.grow(
        make_body(300, **change, jurisdiction="US-UT", key=known),
        make_body(301, **change, jurisdiction="US-VT", key=elsewhere),
    )
    scene.bodies()
    assert scene.kinds() == []
    scene.grow(make_body(302, **change, jurisdiction="US-UT", key=other))
    scene.bodies()
    (alarm,) = scene.round().alarms
    assert (alarm.kind, alarm.index) == (AlarmKind.UNKNOWN_KEY, 302)
    assert alarm.detail == {"jurisdiction": "US-UT", "key": other}
    assert scene.kinds() == [], "an entry is told of once"


def test_a_gap_in_receipts(scene: _Scene) -> None:
    """R-23."""
    scene.grow(_receipt(300, 41), _receipt(301, 7, "US-VT"), _receipt(302, 42))
    scene.bodies()
    assert scene.kinds() == []
    scene.grow(_receipt(303, 44), _receipt(304, 45))
    scene.bodies()
    (alarm,) = scene.round().alarms
    assert (alarm.kind, alarm.index) == (AlarmKind.RECEIPT_GAP, 303)
    assert alarm.detail == {"gallery": "US-UT", "after": 42, "found": 44}


def test_what_the_ledger_itself_alarms_about(scene: _Scene) -> None:
    """R-23: a gap that it tells of is a gap; an alarmed receipt has its place in the order."""
    gap = {"gallery": "US-UT", "expected": 42, "seen": 44}
    late = {"gallery": "US-UT", "sequence": 45}
    scene.grow(
        _receipt(300, 41),
        _event(301, "alarm.raised", what="receipt_gap", **gap),
        _receipt(302, 44),
        _event(303, "alarm.raised", what="receipt", receipt=late),
        _receipt(304, 46),
        _event(305, "alarm.raised", what="clock"),
    )
    scene.bodies()
    assert [(one.kind, one.index) for one in scene.round().alarms] == [
        (AlarmKind.RECEIPT_GAP, 301),
        (AlarmKind.ALARM_ENTRY, 303),
        (AlarmKind.ALARM_ENTRY, 305),
    ]


def test_what_was_not_asked_for_is_not_told(scene: _Scene) -> None:
    scene.watch = replace(scene.watch, ignored=frozenset({AlarmKind.ALARM_ENTRY}))
    scene.grow(_event(300, "alarm.raised", what="clock"))
    scene.bodies()
    assert scene.kinds() == []
    with pytest.raises(ValueError, match="not to be overlooked"):
        Watch(LOG.verifier, ignored=frozenset({AlarmKind.SPLIT_VIEW}))


def test_a_body_that_was_not_logged(scene: _Scene) -> None:
    scene.bodies()
    assert scene.rows is not None
    index, nonce, body = scene.rows[7]
    scene.rows[7] = (index, nonce, body.replace(b":7}", b":8}").replace(b"logon", b"login"))
    scene.rows[9] = (9, b"short", scene.rows[9][2])
    assert [(one.kind, one.index) for one in scene.round().alarms] == [
        (AlarmKind.BODY_DIFFERS, 7),
        (AlarmKind.BODY_DIFFERS, 9),
    ]


def test_bodies_that_are_missing(scene: _Scene) -> None:
    scene.bodies()
    assert scene.rows is not None
    del scene.rows[3:5]
    everything = scene.rows
    scene.rows = everything[:200]
    found = scene.round()
    assert [(one.kind, one.index) for one in found.alarms] == [(AlarmKind.BODY_MISSING, 5)]
    scene.rows = everything
    assert scene.round().bodies == 98
    few = _Scene(scene.ledger, watch=replace(scene.watch, some_bodies=True), rows=everything)
    assert few.kinds() == []


def test_where_bodies_are_missing_no_gap_is_claimed(scene: _Scene) -> None:
    scene.watch = replace(scene.watch, some_bodies=True)
    scene.grow(_receipt(300, 1), _receipt(301, 2), _receipt(302, 3))
    scene.bodies()
    assert scene.rows is not None
    del scene.rows[301]
    assert scene.kinds() == []


def test_bodies_ahead_of_the_checkpoint_wait(scene: _Scene) -> None:
    scene.ledger.append([_event(300, "alarm.raised", what="clock")])
    scene.bodies()
    assert scene.kinds() == []
    scene.ledger.publish()
    assert scene.kinds() == [AlarmKind.ALARM_ENTRY]


def test_many_bodies_are_looked_at_a_part_at_a_time() -> None:
    scene = _Scene()
    scene.grow(*(make_body(number) for number in range(BODIES_A_ROUND + 5)))
    scene.bodies()
    first = scene.round()
    assert (first.bodies, first.more) == (BODIES_A_ROUND, True)
    second = scene.round()
    assert (second.bodies, second.more) == (5, False)


class _Killed(BaseException):
    """The process ended here."""


def _killing(scene: _Scene, point: int) -> Monitor:
    """A monitor that is killed at its n-th touch of the world outside."""
    touches = 0

    def touch() -> None:
        nonlocal touches
        if touches == point:
            raise _Killed
        touches += 1

    fetch = fetch_from(scene.ledger.objects)

    class Shelf:
        def load(self) -> Memory:
            touch()
            return scene.shelf.load()

        def store(self, memory: Memory) -> None:
            touch()
            scene.shelf.store(memory)
            touch()

    def fetching(path: str) -> bytes:
        touch()
        return fetch(path)

    def tell(alarms: Sequence[Alarm]) -> None:
        touch()
        scene.told.extend(alarms)
        touch()

    def rows(place: int) -> Iterable[tuple[int, Row]]:
        for one in scene._rows_from(place):
            touch()
            yield one

    return Monitor(fetching, scene.watch, shelf=Shelf(), tell=tell, clock=scene, bodies=rows)


def test_killed_anywhere_it_leaves_no_alarm_out_and_never_believes_a_rewritten_history() -> None:
    """At every fetch, between fetching and telling, between telling and storing, after storing."""
    point = 0
    finished = False
    while not finished:
        scene = _Scene()
        scene.grow(*(make_body(number) for number in range(3)))
        scene.bodies()
        scene.round()
        scene.grow(_receipt(3, 1), _receipt(4, 3), _event(5, "alarm.raised", what="clock"))
        scene.bodies()
        try:
            _killing(scene, point).round()
            finished = True
        except _Killed:
            point += 1
        scene.round()
        told = [(one.kind, one.index) for one in scene.told]
        wanted = [(AlarmKind.RECEIPT_GAP, 4), (AlarmKind.ALARM_ENTRY, 5)]
        assert told in (wanted, wanted * 2)
        fork = PublishedLedger(LOG)
        fork.append([make_body(number, rewritten=True) for number in range(7)])
        fork.publish()
        scene.ledger = fork
        assert scene.kinds() == [AlarmKind.SPLIT_VIEW]
    assert point > 10


def test_a_memory_that_cannot_be_read_is_not_begun_anew() -> None:
    memory = Memory(note="n", grown=NOW, cosigned={"w": NOW}, bodies=3, place=9, receipts={"U": 1})
    assert Memory.decode(memory.encode()) == memory
    for spoiled in (b"", b"{}", memory.encode()[:-9], memory.encode().replace(b'"v":1', b'"v":2')):
        with pytest.raises(OnRecordError, match="must not be guessed"):
            Memory.decode(spoiled)
