"""The ledger as the use-cases know it: append, prove, read."""

import threading
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, select

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.appender import Appender
from onrecord.audit.adapters.batch import ClockFaultError, Head, read_entry
from onrecord.audit.adapters.hashes import StoredHashes
from onrecord.audit.adapters.publisher import Publisher
from onrecord.audit.adapters.shown import Shown
from onrecord.audit.adapters.witness_http import HttpWitness
from onrecord.audit.adapters.witnesses import Witnesses
from onrecord.audit.core.draft import Appended, Draft, Intake, Proposal
from onrecord.audit.core.people import service
from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.database import read_transaction
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.contracts.audit import LoggedBody
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import merkle
from onrecord.proof.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    open_checkpoint,
    sign_checkpoint,
)
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteSigner

MAX_BODIES = 1000
_ALARM_SECONDS = 30.0


class StoredLedger:
    """A ledger in a database, published to an object store. Implements `service.ports.Ledger`."""

    def __init__(
        self,
        engine: Engine,
        objects: ObjectStore,
        signer: NoteSigner,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        reached: WritePoint,
        witnessing: Witnessing,
        foreground: Foreground,
    ) -> None:
        self._engine = engine
        self._signer = signer
        self._quorum = witnessing.quorum
        self._shown = Shown(engine, clock)
        self._stored = StoredHashes(engine)
        self._signed: SignedCheckpoint | None = None
        self._changed = threading.Condition()
        self._appender = Appender(
            engine, self._stored, clock, random_bytes, self._committed, reached
        )
        self._witnesses = Witnesses(
            witnessing,
            [HttpWitness(one, witnessing.call_seconds) for one in witnessing.addresses],
            self,
            lambda: self._publisher.tell(),
            lambda what, why: self._publisher.alarmed(what, why),
        )
        self._publisher = Publisher(
            engine,
            self._stored,
            objects,
            signer.verifier,
            self.head,
            self._witnesses,
            self._appender,
            self._alarm,
            clock,
            reached,
            foreground,
        )

    def open(self) -> None:
        """Make sure that the database holds together and extends what is published; then append.

        Witnesses are heard before that, as far as they answer in time. Raises LEDGER_UNAVAILABLE.
        """
        schema.create_ledger(self._engine)
        self._refresh()
        self._appender.start()
        kept = self._shown.witnessed()
        if kept is not None:
            opened = open_checkpoint(kept, self._signer.verifier)
            self._witnesses.remember(opened.checkpoint, kept)
        self._witnesses.start()
        self._publisher.start()

    def close(self) -> None:
        """Finish what waits, publish it, stop."""
        self._appender.close()
        self._publisher.close()
        self._witnesses.close()

    def append(self, proposal: Proposal, deadline: Deadline) -> Appended:
        return self._appender.append(proposal, deadline)

    def take(self, intake: Intake, deadline: Deadline) -> tuple[Appended, ...]:
        return self._appender.take(intake, deadline)

    @property
    def stopped(self) -> bool:
        """Whether nothing is appended: not open, or at odds with what others have seen of it."""
        return self._appender.refuses

    @property
    def clock_fault(self) -> ClockFaultError | None:
        return self._appender.clock_fault

    def forget_clock_fault(self) -> None:
        self._appender.forget_clock_fault()

    def logged(self, appended: Appended) -> LoggedEntry:
        return self._prove(appended, self._covering(appended.index))

    def entries(self, indexes: Sequence[int]) -> tuple[LoggedEntry, ...]:
        with read_transaction(self._engine) as connection:
            found = [read_entry(connection, index) for index in indexes]
        signed = self._covering(max(indexes, default=0))
        return tuple(self._prove(entry, signed) for entry in found)

    def bodies(self, after: int, limit: int) -> tuple[LoggedBody, ...]:
        table = schema.bodies
        with read_transaction(self._engine) as connection:
            rows = connection.execute(
                select(table.c.idx, table.c.nonce, table.c.body)
                .where(table.c.idx >= after)
                .order_by(table.c.idx)
                .limit(max(0, min(limit, MAX_BODIES)))
            )
            return tuple(LoggedBody(row.idx, bytes(row.nonce), bytes(row.body)) for row in rows)

    def checkpoint(self) -> str:
        return self.newest().note

    def newest(self) -> SignedCheckpoint:
        """The newest committed head this replica has signed."""
        signed = self._signed
        return signed if signed is not None else self._refresh()

    def head(self) -> SignedCheckpoint:
        """The newest committed head, whoever appended it, signed."""
        return self._refresh()

    def witnessed(self) -> str:
        """The newest checkpoint that the quorum has cosigned, with its cosignatures.

        Raises NOT_FOUND where there is none.
        """
        note = self._shown.witnessed()
        if note is None or self._quorum.covers(note, self._signer.verifier) is None:
            raise OnRecordError(
                ErrorCode.NOT_FOUND, "no checkpoint has been cosigned by a quorum of witnesses"
            )
        return note

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        size = self.newest().checkpoint.size
        if new_size > size:
            size = self._refresh().checkpoint.size
        if not 0 <= old_size <= new_size <= size:
            raise OnRecordError(
                ErrorCode.LEDGER_INCONSISTENT,
                f"this ledger has {size} entries: nothing leads from {old_size} to {new_size}",
            )
        return merkle.consistency_proof(self._stored, old_size, new_size)

    def publish(self) -> None:
        """Publish now what is committed."""
        self._publisher.publish()

    def wait_for_append(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def _alarm(self, what: str, why: str) -> None:
        body = {"what": what, "why": why, "by": service(Service.AUDIT)}
        self._appender.append(
            lambda _: Draft(EntryKind.ALARM_RAISED, body), Deadline.after(_ALARM_SECONDS)
        )

    def _committed(self, head: Head) -> None:
        self._sign(head.size, head.root)
        self._publisher.tell()
        with self._changed:
            self._changed.notify_all()

    def _sign(self, size: int, root: bytes) -> SignedCheckpoint:
        """Sign a size and root that the database has committed, and nothing else."""
        checkpoint = Checkpoint(self._signer.name, size, root)
        signed = SignedCheckpoint(sign_checkpoint(checkpoint, self._signer), checkpoint)
        with self._changed:
            if self._signed is None or self._signed.checkpoint.size <= size:
                self._signed = signed
        return signed

    def _refresh(self) -> SignedCheckpoint:
        """Read the committed head, hold it against its own hashes, and sign it."""
        with read_transaction(self._engine) as connection:
            row = connection.execute(select(schema.head.c.size, schema.head.c.root)).one()
        if merkle.root(self._stored, row.size) != bytes(row.root):
            raise OnRecordError(
                ErrorCode.LEDGER_UNAVAILABLE,
                "the ledger's database does not hold together: its hashes do not lead to its root",
            )
        return self._sign(row.size, bytes(row.root))

    def _covering(self, index: int) -> SignedCheckpoint:
        signed = self.newest()
        return signed if index < signed.checkpoint.size else self._refresh()

    def _prove(self, entry: Appended, signed: SignedCheckpoint) -> LoggedEntry:
        path = merkle.inclusion_proof(self._stored, entry.index, signed.checkpoint.size)
        return LoggedEntry(entry.body, entry.nonce, entry.index, path, signed.note)
