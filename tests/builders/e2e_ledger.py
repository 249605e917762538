"""The ledger as an auditor has it, over HTTP: every body, and the command that verifies all."""

import base64
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onrecord.client import Body, OnRecordClient
from onrecord.proof import canonical
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH, objects_of
from tests.builders.e2e_people import AUDITOR, client
from tests.builders.e2e_server import Installation

_PUBLISH_SECONDS = 60.0
_END_SECONDS = 60.0
_LOOK_AGAIN = 0.05
_ENDS = ("search.executed", "search.refused_quality", "search.failed", "search.expired")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry's index and body."""

    index: int
    body: dict[str, Any] = field(hash=False)

    @property
    def kind(self) -> str:
        return str(self.body["kind"])


class LedgerView:
    """Reads on where it stopped reading, since a ledger only grows."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._bodies: list[Body] = []
        self._entries: list[Entry] = []

    def entries(self) -> list[Entry]:
        """Every entry there is."""
        with client(self._installation, AUDITOR) as auditor:
            for one in auditor.bodies(len(self._bodies)):
                self._bodies.append(one)
                self._entries.append(Entry(one.index, json.loads(one.body)))
        return self._entries

    def raw(self) -> list[bytes]:
        """The bytes of each body that has been read, by index."""
        return [one.body for one in self._bodies]

    def of_search(self, search_id: str) -> list[Entry]:
        """The entries of a search, once each of its galleries has its end, which may be on the bus.

        What has none in `_END_SECONDS` is given as it stands: the test says what it misses.
        """
        deadline, pause = time.monotonic() + _END_SECONDS, threading.Event()
        while True:
            found = [one for one in self.entries() if one.body.get("search_id") == search_id]
            if _has_ended(found) or time.monotonic() >= deadline:
                return found
            pause.wait(_LOOK_AGAIN)

    def kinds(self, search_id: str) -> list[str]:
        """What the entries of a search are, in order."""
        return [one.kind for one in self.of_search(search_id)]

    def by(self, person: str) -> list[Entry]:
        """What somebody did."""
        return [one for one in self.entries() if one.body.get("by", {}).get("person") == person]

    def export(self, folder: Path) -> Path:
        """Everything published, fetched object by object, and every body, as a folder."""
        entries = len(self.entries())
        with OnRecordClient(self._installation.address) as public:
            note = self._published(public, entries)
            size = self._size(note)
            for published in objects_of(size):
                _write(folder / published.path, public.tile(published.path))
        _write(folder / CHECKPOINT_PATH, note.encode())
        self.entries()
        self.write_bodies(folder / "bodies.jsonl", size)
        return folder

    def write_bodies(self, path: Path, size: int) -> None:
        """The first `size` bodies, as `onrecord ledger` reads them."""
        lines = [
            canonical.encode(
                {
                    "index": one.index,
                    "nonce": base64.b64encode(one.nonce).decode(),
                    "body": base64.b64encode(one.body).decode(),
                }
            )
            + b"\n"
            for one in self._bodies[:size]
        ]
        _write(path, b"".join(lines))

    def verify(self, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Run `onrecord ledger verify` on an exported folder."""
        return self.verify_command(str(folder))

    def verify_command(self, source: str, *more: str) -> "subprocess.CompletedProcess[str]":
        key, services = str(self._installation.ledger_key), str(self._installation.services)
        options = ["--key", key, "--services", services, *more]
        return subprocess.run(
            [sys.executable, "-m", "onrecord", "ledger", "verify", source, *options],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _published(self, public: OnRecordClient, entries: int) -> str:
        """The checkpoint, once it covers `entries`: publishing follows the commit by a moment."""
        deadline, pause = time.monotonic() + _PUBLISH_SECONDS, threading.Event()
        while True:
            note = public.checkpoint()
            if self._size(note) >= entries:
                return note
            assert time.monotonic() < deadline, f"{entries} entries were not published in time"
            pause.wait(_LOOK_AGAIN)

    def _size(self, note: str) -> int:
        key = NoteVerifier.parse(self._installation.ledger_key.read_text("utf-8").strip())
        return open_checkpoint(note, key).checkpoint.size


def _has_ended(entries: list[Entry]) -> bool:
    """Whether every granted gallery has its end."""
    granted: set[str] = set()
    ended: set[str] = set()
    for one in entries:
        if one.kind == "request.granted":
            said = one.body["galleries"].items()
            granted |= {name for name, how in said if how["decision"] == "granted"}
        elif one.kind in _ENDS:
            ended |= set(one.body.get("galleries", ())) | {one.body.get("gallery", "")}
    return granted <= ended


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
