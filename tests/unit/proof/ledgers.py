"""A ledger as it is published, made in memory for tests."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.proof import canonical, entry, merkle
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from onrecord.proof.notes import NoteSigner
from onrecord.proof.tiles import tiles_to_write

ORIGIN = "ledger.example/onrecord"
START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def make_body(number: int, **fields: Any) -> bytes:
    """A body of a known kind, a second after the one before."""
    time = format_time(START + timedelta(seconds=number))
    return canonical.encode({"kind": "logon.failed", "time": time, "number": number} | fields)


@dataclass
class PublishedLedger:
    """Entries, the tree over them, and the objects that publish it."""

    signer: NoteSigner = field(default_factory=lambda: NoteSigner.generate(ORIGIN))
    entries: list[tuple[bytes, bytes]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    tree: merkle.MemoryHashes = field(default_factory=merkle.MemoryHashes)
    published: int = 0

    def append(self, bodies: Sequence[bytes]) -> None:
        """Log the bodies, with nonces that depend on their place alone."""
        for body in bodies:
            nonce = hashlib.sha256(f"nonce {len(self.entries)}".encode()).digest()
            self.entries.append((nonce, body))
            self.tree.append(merkle.leaf_hash(entry.leaf(nonce, body)))

    def publish(self) -> SignedCheckpoint:
        """Write what is new, then the checkpoint."""
        size = len(self.entries)
        for one in tiles_to_write(self.published, size):
            self.objects[one.path] = one.content(self.tree, self.leaves)
        self.published = size
        checkpoint = Checkpoint(self.signer.name, size, merkle.root(self.tree, size))
        note = sign_checkpoint(checkpoint, self.signer)
        self.objects["checkpoint"] = note.encode()
        return SignedCheckpoint(note, checkpoint)

    def leaves(self, first: int, end: int) -> list[bytes]:
        return [entry.leaf(nonce, body) for nonce, body in self.entries[first:end]]

    def bodies(self) -> Iterator[tuple[int, bytes, bytes]]:
        for index, (nonce, body) in enumerate(self.entries):
            yield index, nonce, body

    def logged(self, index: int) -> entry.LoggedEntry:
        """What audit would hand out for an entry."""
        nonce, body = self.entries[index]
        size = self.published
        proof = merkle.inclusion_proof(self.tree, index, size)
        return entry.LoggedEntry(body, nonce, index, proof, self.objects["checkpoint"].decode())

    def write(self, folder: Path) -> Path:
        """The ledger as a folder with its key and bodies, as an auditor gets it."""
        for path, data in self.objects.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        (folder / "key").write_text(self.signer.verifier.text + "\n")
        lines = [
            {
                "index": index,
                "nonce": base64.b64encode(nonce).decode(),
                "body": base64.b64encode(body).decode(),
            }
            for index, nonce, body in self.bodies()
        ]
        content = b"".join(canonical.encode(line) + b"\n" for line in lines)
        (folder / "bodies.jsonl").write_bytes(content)
        return folder


def published_ledger(size: int, signer: NoteSigner | None = None) -> PublishedLedger:
    """A ledger of `size` entries, published at once."""
    made = PublishedLedger(signer or NoteSigner.generate(ORIGIN))
    made.append([make_body(number) for number in range(size)])
    made.publish()
    return made


def fetch_from(objects: dict[str, bytes]) -> Callable[[str], bytes]:
    """Reads from memory as an object store would."""

    def fetch(path: str) -> bytes:
        try:
            return objects[path]
        except KeyError as error:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"there is no {path}") from error

    return fetch
