"""Publishing the log as static objects (C2SP tlog-tiles): tiles first, then the checkpoint.

May be killed anywhere: what a checkpoint says is there was there before it, and what is missing
is written again at the next start. It also watches the past: a database that does not extend the
published checkpoint has been rolled back or replaced, and nothing more may be appended to it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Engine, func, insert, select

from onrecord.audit.adapters import schema, write_ahead
from onrecord.audit.adapters.hashes import StoredHashes
from onrecord.audit.core import write_points
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.objects import ObjectStore
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import merkle
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH, TILE_WIDTH, TileObject, tiles_to_write

_RETRY_SECONDS = 5.0
_REST_SECONDS = 0.25
"""Between two publications: each costs a dozen synced writes, however few entries are new."""
_ADVISORY_LOCK = 0x6F6E7265636F7264  # "onrecord": one publisher of one ledger at a time

_log = logging.getLogger(__name__)


class Gate(Protocol):
    """What stops and starts appending."""

    def allow(self) -> None: ...

    def refuse(self, why: str) -> None: ...


class Publisher:
    """Publishes what is committed, in a thread of its own, as often as it is told.

    `committed` reads the head that the database has committed, whoever appended it, and signs it.
    """

    def __init__(
        self,
        engine: Engine,
        stored: StoredHashes,
        objects: ObjectStore,
        key: NoteVerifier,
        committed: Callable[[], SignedCheckpoint],
        gate: Gate,
        clock: Clock,
        reached: WritePoint,
    ) -> None:
        self._engine = engine
        self._stored = stored
        self._objects = objects
        self._key = key
        self._committed = committed
        self._gate = gate
        self._clock = clock
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
        with self._lock, _alone(self._engine):
            # The store first and the database after it, so that what another replica has
            # published meanwhile cannot look like entries that we have lost.
            seen = self._seen()
            newest = self._committed()
            before = self._extended_size(seen, newest.checkpoint)
            if before < newest.checkpoint.size:
                self._write_objects(before, newest.checkpoint.size)
            self._reached(write_points.BEFORE_CHECKPOINT)
            if before < newest.checkpoint.size or before == 0:
                self._objects.put(CHECKPOINT_PATH, newest.note.encode())
                self._reached(write_points.AFTER_CHECKPOINT)
            self._note(newest)
            self._reached(write_points.PUBLISHED_NOTED)
            self._drop_partials(before, newest.checkpoint.size)

    def _run(self) -> None:
        pause: float | None = None
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            closing, pause = self._stop.is_set(), None
            try:
                self.publish()
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

    def _seen(self) -> Checkpoint | None:
        """The checkpoint that is published. Raises LEDGER_UNAVAILABLE where it is not ours."""
        try:
            note = self._objects.get(CHECKPOINT_PATH).decode("utf-8", "replace")
        except OnRecordError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None
        try:
            return open_checkpoint(note, self._key).checkpoint
        except OnRecordError as error:
            raise _stopped(f"the published checkpoint is not ours: {error.message}") from error

    def _extended_size(self, seen: Checkpoint | None, ours: Checkpoint) -> int:
        """The size that is published; raises LEDGER_UNAVAILABLE where ours does not extend it."""
        if seen is None:
            return 0
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

    def _note(self, newest: SignedCheckpoint) -> None:
        table, checkpoint = schema.published, newest.checkpoint
        with write_transaction(self._engine) as connection:
            if connection.execute(
                select(table.c.size).where(table.c.size == checkpoint.size)
            ).first():
                return
            connection.execute(
                insert(table).values(
                    size=checkpoint.size,
                    root=checkpoint.root,
                    time=format_time(self._clock.now()),
                    note=newest.note,
                )
            )


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Between replicas that share a PostgreSQL, one publishes at a time; SQLite has one process."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection, connection.begin():
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield


def _stopped(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, f"the ledger is stopped: {why}")
