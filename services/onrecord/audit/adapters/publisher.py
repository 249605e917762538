"""Publishing the log as static objects (C2SP tlog-tiles): tiles first, then the checkpoint.

May be killed anywhere: what a checkpoint says is there was there before it, and what is missing
is written again at the next start. Witnesses are asked before the checkpoint is put in its place;
what they send later is added to it. It also watches the past: a database that does not extend what
is published, or what a witness has cosigned, has been rolled back or replaced, and nothing more
may be appended to it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Engine, select

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.hashes import StoredHashes
from onrecord.audit.adapters.shown import Shown
from onrecord.audit.adapters.witnesses import Witnesses
from onrecord.audit.core import write_points
from onrecord.chassis.database import alone, read_transaction, write_ahead
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import merkle
from onrecord.proof.checkpoint import (
    Checkpoint,
    OpenedCheckpoint,
    SignedCheckpoint,
    open_checkpoint,
)
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH, TILE_WIDTH, TileObject, tiles_to_write

_RETRY_SECONDS = 5.0
_REST_SECONDS = 1.0
"""Between two publications: each costs a dozen synced writes, however few entries are new, and an
append that commits beside them waits for the same disk."""
_IDLE_SECONDS = 10.0
"""After which it looks by itself: a replica that was told, and died, left it to the others."""
_TURN = "publisher"

_log = logging.getLogger(__name__)


class Gate(Protocol):
    """What stops and starts appending."""

    def allow(self) -> None: ...

    def refuse(self, why: str) -> None: ...


class Publisher:
    """Publishes what is committed, in a thread of its own, as often as it is told.

    `committed` reads the head that the database has committed, whoever appended it, and signs it.
    `alarm` appends an alarm (what, why), once the gate is open.
    """

    def __init__(
        self,
        engine: Engine,
        stored: StoredHashes,
        objects: ObjectStore,
        key: NoteVerifier,
        committed: Callable[[], SignedCheckpoint],
        witnesses: Witnesses,
        gate: Gate,
        alarm: Callable[[str, str], None],
        clock: Clock,
        reached: WritePoint,
        foreground: Foreground,
    ) -> None:
        self._foreground = foreground
        self._engine = engine
        self._stored = stored
        self._objects = objects
        self._key = key
        self._committed = committed
        self._witnesses = witnesses
        self._shown = Shown(engine, clock)
        self._gate = gate
        self._alarm = alarm
        self._alarms: list[tuple[str, str]] = []
        self._reached = reached
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-publisher", daemon=True)

    def start(self) -> None:
        """Catch up with what was committed, open the gate, and go on in the background.

        Raises LEDGER_UNAVAILABLE where the ledger does not extend what was published.
        """
        self.publish()
        self._gate.allow()
        self._thread.start()

    def tell(self) -> None:
        """Something was committed."""
        self._wake.set()

    def close(self) -> None:
        """Publish what is committed, then stop."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def publish(self) -> None:
        """Bring the published log up to what is committed, now."""
        with self._lock, alone(self._engine, _TURN) as still:
            # The store first and the database after it, so that what another replica has
            # published meanwhile cannot look like entries that we have lost.
            seen = self._seen()
            newest = self._committed()
            before = self._extended_size(seen, newest.checkpoint)
            self._look_back(before)
            if before < newest.checkpoint.size:
                self._write_objects(before, newest.checkpoint.size)
            if seen is not None and seen.checkpoint == newest.checkpoint:
                self._witnesses.adopt(newest, seen.note)
            note = self._witnesses.cosign(newest)
            self._reached(write_points.COSIGNED)
            self._reached(write_points.BEFORE_CHECKPOINT)
            still()  # or another replica publishes meanwhile, and more than this
            if seen is None or note != seen.note:
                self._objects.put(CHECKPOINT_PATH, note.encode())
            self._reached(write_points.AFTER_CHECKPOINT)
            self._shown.keep_published(newest)
            self._reached(write_points.PUBLISHED_NOTED)
            self._shown.keep_witnessed(self._witnesses.witnessed())
            self._reached(write_points.WITNESSED_NOTED)
            self._drop_partials(before, newest.checkpoint.size)

    def _run(self) -> None:
        idle = _IDLE_SECONDS if self._engine.dialect.name == "postgresql" else None
        pause = idle
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if not self._stop.is_set():
                self._foreground.give_way()
            closing, pause = self._stop.is_set(), idle
            try:
                self.publish()
                self._raise_alarms()
                write_ahead.empty(self._engine)
            except OnRecordError as error:
                if error.code is ErrorCode.LEDGER_UNAVAILABLE:
                    self._gate.refuse(error.message)
                    _log.critical("%s", error.message)
                    return
                _log.exception("the ledger could not be published; trying again")
                pause = _RETRY_SECONDS
            except Exception:  # noqa: BLE001 - a store that is away comes back; we try again
                _log.exception("the ledger could not be published; trying again")
                pause = _RETRY_SECONDS
            if closing:
                return
            self._stop.wait(_REST_SECONDS)

    def alarmed(self, what: str, why: str) -> None:
        """Have an alarm appended, from the thread that publishes."""
        self._alarms.append((what, why))
        self.tell()

    def _raise_alarms(self) -> None:
        while self._alarms:
            try:
                self._alarm(*self._alarms[0])
            except OnRecordError as error:
                # Not now, as when the disk is full or we are closing; it was logged.
                _log.warning("an alarm could not be appended: %s", error.message)
                return
            del self._alarms[0]

    def _look_back(self, published: int) -> None:
        """What was published once is published still, or somebody has put back an older store."""
        noted = self._shown.published_size()
        if noted > published:
            why = f"{noted} entries were published and the object store shows {published}"
            _log.error("alarm (published_log): %s; it is published again", why)
            if ("published_log", why) not in self._alarms:
                self._alarms.append(("published_log", why))

    def _seen(self) -> OpenedCheckpoint | None:
        """The checkpoint that is published. Raises LEDGER_UNAVAILABLE where it is not ours."""
        try:
            note = self._objects.get(CHECKPOINT_PATH).decode("utf-8", "replace")
        except OnRecordError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None
        try:
            return open_checkpoint(note, self._key)
        except OnRecordError as error:
            raise _stopped(f"the published checkpoint is not ours: {error.message}") from error

    def _extended_size(self, opened: OpenedCheckpoint | None, ours: Checkpoint) -> int:
        """The size that is published; raises LEDGER_UNAVAILABLE where ours does not extend it."""
        if opened is None:
            return 0
        seen = opened.checkpoint
        if seen.size > ours.size:
            raise _stopped(
                f"{seen.size} entries are published and the database has {ours.size}: it has been "
                "rolled back"
            )
        if merkle.root(self._stored, seen.size) != seen.root:
            raise _stopped(
                f"the first {seen.size} entries of the database are not those that are published"
            )
        return seen.size

    def _write_objects(self, before: int, size: int) -> None:
        for wanted in tiles_to_write(before, size):
            self._objects.put(wanted.path, wanted.content(self._stored, self._leaves))
            is_bundle = wanted.level is None
            self._reached(write_points.BUNDLE_WRITTEN if is_bundle else write_points.TILE_WRITTEN)

    def _drop_partials(self, before: int, size: int) -> None:
        """Remove the partial objects that full ones have replaced, as the specification allows."""
        for wanted in tiles_to_write(before, size):
            if wanted.width == TILE_WIDTH:
                folder = TileObject(wanted.level, wanted.index).path + ".p"
                for key in list(self._objects.keys(folder)):
                    self._objects.delete(key)

    def _leaves(self, first: int, end: int) -> Sequence[bytes]:
        table = schema.entries
        with read_transaction(self._engine) as connection:
            rows = connection.execute(
                select(table.c.leaf)
                .where(table.c.idx >= first, table.c.idx < end)
                .order_by(table.c.idx)
            ).scalars()
            return [bytes(row) for row in rows]


def _stopped(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, f"the ledger is stopped: {why}")
