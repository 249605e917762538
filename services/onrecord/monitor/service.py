"""One round of a monitor: fetch, verify, look, tell, and only then remember.

A monitor that is killed anywhere begins its round again from what it remembered, so it may say a
thing twice and never leaves one out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import Clock
from onrecord.monitor.core import Alarm, AlarmKind, Memory, Watch, look_at, too_late
from onrecord.proof.bodies import Row
from onrecord.proof.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint
from onrecord.proof.entry import leaf, parse_body, parse_leaf
from onrecord.proof.frontier import Frontier
from onrecord.proof.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    leaf_hash,
    root,
    verify_consistency,
)
from onrecord.proof.rows import ProvedRows
from onrecord.proof.tiles import (
    CHECKPOINT_PATH,
    TILE_WIDTH,
    Fetch,
    TileHashes,
    TileObject,
    decode_bundle,
    fetch_object,
)

_T = TypeVar("_T")

BODIES_A_ROUND = 2_000


class Shelf(Protocol):
    """Where a monitor's memory lies between its rounds and lives."""

    def load(self) -> Memory:
        """What was stored last; an empty memory where nothing was."""
        ...

    def store(self, memory: Memory) -> None:
        """Durable when it returns; a reader sees the old one or the new one."""
        ...


BodiesFrom = Callable[[int], Iterable[tuple[int, Row]]]
"""Rows of the file of bodies from a place on, each with the place behind it.

Raises `OnRecordError` for what is no row.
"""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found. `more`: it stopped early, and the next one need not wait."""

    checkpoint: Checkpoint | None
    witnessed_by: tuple[str, ...]
    bodies: int
    alarms: tuple[Alarm, ...]
    more: bool = False


class _Stopped(Exception):  # noqa: N818 - a round that ends early, not a program's error
    """The ledger cannot be followed further: why."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(alarm.message)
        self.alarm = alarm


class Monitor:
    """Follows one ledger. `tell` gets the alarms of each round; they are told when it returns."""

    def __init__(
        self,
        fetch: Fetch,
        watch: Watch,
        *,
        shelf: Shelf,
        tell: Callable[[Sequence[Alarm]], None],
        clock: Clock,
        bodies: BodiesFrom | None = None,
    ) -> None:
        self._fetch = fetch
        self._watch = watch
        self._shelf = shelf
        self._tell = tell
        self._clock = clock
        self._bodies = bodies

    def round(self) -> Round:
        """Look once. Raises `OnRecordError` where the memory cannot be read or stored."""
        memory = self._shelf.load()
        alarms: list[Alarm] = []
        opened: OpenedCheckpoint | None = None
        looked, more = 0, False
        try:
            opened = self._open()
            memory = self._extended(memory, opened)
            memory, looked, more = self._look(memory, opened.checkpoint, alarms)
        except _Stopped as stopped:
            alarms.append(stopped.alarm)
        alarms += too_late(self._watch, memory, self._clock.now())
        alarms = [one for one in alarms if one.kind not in self._watch.ignored]
        self._tell(alarms)
        self._shelf.store(memory)
        if opened is None:
            return Round(None, (), looked, tuple(alarms))
        return Round(opened.checkpoint, opened.witnessed_by, looked, tuple(alarms), more)

    def _open(self) -> OpenedCheckpoint:
        """The checkpoint as it is published now, signed by the log."""
        data = _read(lambda: self._fetch(CHECKPOINT_PATH))
        try:
            note = data.decode("utf-8")
            return open_checkpoint(note, self._watch.key, self._watch.witnesses)
        except (OnRecordError, UnicodeDecodeError) as error:
            note = data[:4096].decode("utf-8", "replace")
            raise _Stopped(Alarm(AlarmKind.NOT_SIGNED, str(error), None, {"note": note})) from error

    def _extended(self, memory: Memory, opened: OpenedCheckpoint) -> Memory:
        """The memory with this checkpoint in it, once it is proved to extend the one before."""
        now = self._clock.now()
        found = opened.checkpoint
        before = Checkpoint(found.origin, 0, EMPTY_ROOT)
        if memory.note is not None:
            before = open_checkpoint(memory.note, self._watch.key).checkpoint
        both = {"seen": memory.note, "found": opened.note}
        if found.size < before.size:
            message = f"the ledger had {before.size} entries and has {found.size}"
            raise _Stopped(Alarm(AlarmKind.ROLLED_BACK, message, None, both))
        hashes = TileHashes(self._fetch, found.size)
        proof = _read(lambda: consistency_proof(hashes, before.size, found.size))
        if _read(lambda: root(hashes, found.size)) != found.root:
            message = "the tiles do not lead to the root that is signed"
            raise _Stopped(Alarm(AlarmKind.ENTRIES_DIFFER, message))
        try:
            verify_consistency(before.size, before.root, found.size, found.root, proof)
        except OnRecordError as error:
            message = f"history does not extend what was seen: {error.message}"
            raise _Stopped(Alarm(AlarmKind.SPLIT_VIEW, message, None, both)) from error
        self._follow_entries(hashes, before, found)
        # A witness that was never heard of is waited for from when it was first asked for.
        heard = {one.name: memory.cosigned.get(one.name, now) for one in self._watch.witnesses}
        heard |= dict.fromkeys(opened.witnessed_by, now)
        grown = memory.grown if memory.grown and found.size == before.size else now
        return replace(memory, note=opened.note, grown=grown, cosigned=heard)

    def _follow_entries(self, hashes: TileHashes, before: Checkpoint, found: Checkpoint) -> None:
        """Hold the entries that are new against the root: what is signed must also be there."""
        tree = _read(lambda: Frontier.of(hashes, before.size))
        for first in range(before.size // TILE_WIDTH * TILE_WIDTH, found.size, TILE_WIDTH):
            leaves = self._bundle(first, found.size)
            new = leaves[max(0, before.size - first) :]
            for index, data in enumerate(new, tree.size):
                try:
                    parse_leaf(data)
                except OnRecordError as error:
                    raise _Stopped(
                        Alarm(AlarmKind.ENTRIES_DIFFER, f"entry {index}: {error.message}", index)
                    ) from error
            tree.add(leaf_hash(data) for data in new)
        if tree.root() != found.root:
            message = f"the {found.size} entries do not lead to the root that is signed"
            raise _Stopped(Alarm(AlarmKind.ENTRIES_DIFFER, message))

    def _bundle(self, first: int, size: int) -> tuple[bytes, ...]:
        wanted = TileObject(None, first // TILE_WIDTH, min(TILE_WIDTH, size - first))
        leaves = _read(lambda: decode_bundle(fetch_object(self._fetch, wanted)[0]))
        if len(leaves) < wanted.width:
            message = f"{wanted.path} holds {len(leaves)} entries instead of {wanted.width}"
            raise _Stopped(Alarm(AlarmKind.ENTRIES_DIFFER, message))
        return leaves[: wanted.width]

    def _look(
        self, memory: Memory, found: Checkpoint, alarms: list[Alarm]
    ) -> tuple[Memory, int, bool]:
        """Look at the bodies that are new: the memory, how many, and whether there are more."""
        looked = 0
        proved = ProvedRows(TileHashes(self._fetch, found.size), found.size, found.root)
        try:
            for place, row in self._rows(memory.place):
                if row[0] >= found.size:
                    break  # the bodies are ahead of what is published
                if row[0] < memory.bodies:
                    continue  # the file begins again
                if looked == BODIES_A_ROUND:
                    return memory, looked, True
                memory, said = self._look_at(memory, proved, row)
                memory = replace(memory, place=place)
                alarms += said
                looked += 1
        except _Stopped as stopped:
            alarms.append(stopped.alarm)
        return memory, looked, False

    def _look_at(self, memory: Memory, proved: ProvedRows, row: Row) -> tuple[Memory, list[Alarm]]:
        index, nonce, body = row
        logged = _read(lambda: proved.leaf_hash(index))
        try:
            if leaf_hash(leaf(nonce, body)) != logged:
                raise ValueError("the leaf commits to another body or nonce")
            parsed, _, _ = parse_body(body)
        except (OnRecordError, ValueError) as error:
            message = f"its body is not the one that was logged: {error}"
            differs = Alarm(AlarmKind.BODY_DIFFERS, message, index)
            # What it should have told of receipts nobody here knows.
            return replace(memory, bodies=index + 1, receipts={}), [differs]
        return look_at(self._watch, memory, index, parsed)

    def _rows(self, place: int) -> Iterator[tuple[int, Row]]:
        if self._bodies is None:
            return
        try:
            yield from self._bodies(place)
        except OnRecordError as error:
            raise _Stopped(Alarm(AlarmKind.BODY_DIFFERS, error.message)) from error


def _read(act: Callable[[], _T]) -> _T:
    """Whatever is read of the ledger; what cannot be read has not been verified."""
    try:
        return act()
    except OnRecordError as error:
        message = f"the ledger cannot be read: {error.message}"
        raise _Stopped(Alarm(AlarmKind.UNREADABLE, message)) from error
