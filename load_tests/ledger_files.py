"""A ledger of any size as files, made quickly and without a system around it.

    python -m load_tests.ledger_files FOLDER --entries 1000000

The folder is what an auditor would have: `checkpoint`, `tile/`, `bodies.jsonl`, `key`, and
`services.pem`, the root certificate under which the receipts are signed. Nothing is synced to disk.
"""

import argparse
import base64
import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.serialization import Encoding

from load_tests.ledger_story import START, bodies
from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestor
from onrecord.proof.checkpoint import Checkpoint, sign_checkpoint
from onrecord.proof.entry import leaf
from onrecord.proof.merkle import EMPTY_ROOT, fold, leaf_hash, perfect_root
from onrecord.proof.notes import NoteSigner
from onrecord.proof.tiles import CHECKPOINT_PATH, TILE_WIDTH, TileObject, encode_bundle

ORIGIN = "ledger.example/onrecord"


class _Tiles:
    """Writes bundles as they come, and hash tiles level by level as they fill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[list[bytes]] = []
        self._full: list[int] = []

    def add(self, number: int, leaves: Sequence[bytes]) -> None:
        self._write(TileObject(None, number, len(leaves)), encode_bundle(leaves))
        for data in leaves:
            self._push(0, leaf_hash(data))

    def finish(self) -> bytes:
        """Write what is partial; the root over everything."""
        peaks: list[bytes] = []
        for level in reversed(range(len(self._rows))):
            row = self._rows[level]
            if row:
                self._write(TileObject(level, self._full[level], len(row)), b"".join(row))
            first = 0
            while first < len(row):
                count = 1 << ((len(row) - first).bit_length() - 1)
                peaks.append(perfect_root(row[first : first + count]))
                first += count
        return fold(peaks) if peaks else EMPTY_ROOT

    def _push(self, level: int, computed: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
            self._full.append(0)
        row = self._rows[level]
        row.append(computed)
        if len(row) == TILE_WIDTH:
            self._write(TileObject(level, self._full[level]), b"".join(row))
            self._rows[level] = []
            self._full[level] += 1
            self._push(level + 1, perfect_root(row))

    def _write(self, one: TileObject, data: bytes) -> None:
        path = self._folder / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_ledger(folder: Path, entries: int) -> Path:
    """Write a well-formed ledger; `folder` must not exist yet."""
    folder.mkdir(parents=True)
    tiles = _Tiles(folder)
    with TemporaryDirectory() as secrets, (folder / "bodies.jsonl").open("wb") as lines:
        authority = LocalAuthority.open(Path(secrets), now=lambda: START)
        (folder / "services.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
        plane = authority.issue(Service.VECTOR_SEARCH)
        for number, rows in enumerate(_numbered(entries, Attestor(plane.key, plane.chain))):
            tiles.add(number, [leaf(nonce, body) for _, nonce, body in rows])
            lines.writelines(_line(*row) for row in rows)
    signer = NoteSigner.generate(ORIGIN)
    (folder / "key").write_text(signer.verifier.text + "\n", "utf-8")
    checkpoint = Checkpoint(ORIGIN, entries, tiles.finish())
    (folder / CHECKPOINT_PATH).write_text(sign_checkpoint(checkpoint, signer), "utf-8")
    return folder


def _numbered(entries: int, plane: Attestor) -> Iterator[list[tuple[int, bytes, bytes]]]:
    """Index, nonce and body, a bundle at a time. The same nonces each time: this is no secret."""
    numbered = (
        (index, hashlib.sha256(b"nonce %d" % index).digest(), body)
        for index, body in enumerate(bodies(entries, plane))
    )
    while rows := list(islice(numbered, TILE_WIDTH)):
        yield rows


def _line(index: int, nonce: bytes, body: bytes) -> bytes:
    """As `canonical.encode` writes it, which takes longer to make sure of what is sure here."""
    coded = base64.b64encode(body), index, base64.b64encode(nonce)
    return b'{"body":"%b","index":%d,"nonce":"%b"}\n' % coded


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a ledger as files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--entries", type=int, default=10_000)
    given = parser.parse_args()
    write_ledger(given.folder, given.entries)


if __name__ == "__main__":
    main()
