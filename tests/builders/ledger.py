"""A ledger in memory, for tests that need entries with real proofs and no audit service."""

import hashlib
from typing import Any

from onrecord.proof import canonical
from onrecord.proof.checkpoint import Checkpoint, sign_checkpoint
from onrecord.proof.entry import LoggedEntry, leaf
from onrecord.proof.merkle import (
    MemoryHashes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
)
from onrecord.proof.notes import NoteSigner, NoteVerifier

ORIGIN = "test.example/onrecord"


class MemoryLedger:
    """Appends bodies and proves them, as audit does, without policy or durability."""

    def __init__(self, signer: NoteSigner | None = None) -> None:
        self.signer = signer or NoteSigner.generate(ORIGIN)
        self.hashes = MemoryHashes()
        self.bodies: list[tuple[bytes, bytes]] = []

    @property
    def key(self) -> NoteVerifier:
        return self.signer.verifier

    @property
    def size(self) -> int:
        return len(self.bodies)

    def append(self, body: dict[str, Any]) -> int:
        """The new entry's index. Nonces are derived, so that a test's ledger is the same twice."""
        index = self.size
        nonce = hashlib.sha256(b"nonce %d" % index).digest()
        encoded = canonical.encode(body)
        self.bodies.append((nonce, encoded))
        self.hashes.append(leaf_hash(leaf(nonce, encoded)))
        return index

    def replace(self, index: int, body: dict[str, Any]) -> None:
        """The ledger as if this had been logged there: whoever has its key can write any."""
        told = [canonical.decode(encoded) for _, encoded in self.bodies]
        told[index] = body
        self.hashes, self.bodies = MemoryHashes(), []
        for one in told:
            assert isinstance(one, dict)
            self.append(one)

    def checkpoint(self, size: int | None = None) -> str:
        size = self.size if size is None else size
        return sign_checkpoint(Checkpoint(ORIGIN, size, root(self.hashes, size)), self.signer)

    def logged(self, index: int, size: int | None = None) -> LoggedEntry:
        size = self.size if size is None else size
        nonce, body = self.bodies[index]
        proof = inclusion_proof(self.hashes, index, size)
        return LoggedEntry(body, nonce, index, proof, self.checkpoint(size))

    def log(self, body: dict[str, Any]) -> LoggedEntry:
        """Append and prove in one step."""
        return self.logged(self.append(body))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return consistency_proof(self.hashes, old, new)
