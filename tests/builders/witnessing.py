"""Witnesses for tests: our own behind a real socket, and a log in memory to submit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onrecord.kernel.times import Clock, SystemClock
from onrecord.proof.entry import leaf
from onrecord.proof.merkle import leaf_hash
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner, NoteVerifier
from onrecord.proof.submission import Submission
from onrecord.witness.book import Book
from onrecord.witness.http import WitnessServer
from onrecord.witness.service import Witness
from tests.builders.ledger import MemoryLedger

WITNESS = "witness.example/w1"


def grown(ledger: MemoryLedger, entries: int, history: str = "one") -> MemoryLedger:
    """The ledger with so many more entries; another `history` has other ones."""
    for _ in range(entries):
        ledger.append({"kind": "alarm.raised", "history": history, "number": ledger.size})
    return ledger


def forked(ledger: MemoryLedger, shared: int) -> MemoryLedger:
    """Another ledger under the same key that agrees with this one in its first entries alone."""
    fork = MemoryLedger(ledger.signer)
    for nonce, body in ledger.bodies[:shared]:
        fork.bodies.append((nonce, body))
        fork.hashes.append(leaf_hash(leaf(nonce, body)))
    return fork


def submission(ledger: MemoryLedger, old: int, size: int | None = None) -> Submission:
    """The ledger's honest submission at `size` (default: all of it) after `old`."""
    size = ledger.size if size is None else size
    proof = ledger.consistency(old, size) if old <= size else ()
    return Submission(old, proof, ledger.checkpoint(size))


@dataclass(slots=True)
class RunningWitness:
    """A witness of ours at an address of 127.0.0.1."""

    signer: NoteSigner
    book: Book
    witness: Witness
    server: WitnessServer
    stopped: bool = False

    def stop(self) -> None:
        """The process is gone; what it has written is there."""
        if not self.stopped:
            self.stopped = True
            self.server.close()
            self.book.close()

    @property
    def key(self) -> NoteVerifier:
        return self.signer.verifier

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


def new_signer(name: str = WITNESS) -> NoteSigner:
    """A fresh key of a witness."""
    return NoteSigner.generate(name, COSIGNATURE_V1)


@contextmanager
def running_witness(
    database: Path,
    *logs: NoteVerifier,
    signer: NoteSigner | None = None,
    clock: Clock | None = None,
    port: int = 0,
) -> Iterator[RunningWitness]:
    """A witness on `database` that knows `logs`, served until the block ends."""
    signer = signer or new_signer()
    book = Book(database)
    witness = Witness(signer, logs, book, clock or SystemClock())
    server = WitnessServer("127.0.0.1", port, witness)
    server.start()
    running = RunningWitness(signer, book, witness, server)
    try:
        yield running
    finally:
        running.stop()
