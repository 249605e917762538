"""A signed list, brought to its gallery: begun, or gone on with wherever it was stopped."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from onrecord.cli.gallery.batches import Awaited, awaited_rows, grouped, loaded
from onrecord.client import ClientError, Manifest, OnRecordClient
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import RowSource
from onrecord.manifests.signing import SignedManifest, chunks_of
from onrecord.proof.manifests import ManifestHeader, Row

_R = TypeVar("_R")
_AGAIN = {0, 429, 502, 503, 504, 507}
"""Answers after which the same call may succeed: no answer, no room, something is down."""
_LOOK_SECONDS = 1.0
_ENDED = ("accepted", "unchanged", "rejected", "deleted", "unknown")

Told = Callable[[Manifest], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """`workers` calls at once; `in_flight` rows at most on their way at once; `patience`: seconds
    in which something must move, and for which a gateway may be out of reach.
    """

    workers: int = 4
    in_flight: int = 2048
    patience: float = 600.0


class Stuck(Exception):  # noqa: N818 - it is no error of the program's
    """Nothing has moved for too long; what is known is in the manifest."""

    def __init__(self, state: Manifest) -> None:
        super().__init__("nothing moves any more")
        self.state = state


@dataclass(slots=True)
class Bringer:
    """`told` hears how far the list is, about once a second. `pause` waits so many seconds."""

    client: OnRecordClient
    signed: SignedManifest
    header: ManifestHeader
    source: RowSource
    images: Path
    pace: Pace
    told: Told
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _state: Manifest = field(init=False, repr=False)
    _sent: int = field(default=0, init=False)
    _base: int = field(default=0, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _look_every: float = field(default=_LOOK_SECONDS, init=False)

    def run(self) -> Manifest:
        """The manifest when every chunk is closed.

        Raises MANIFEST_CHANGED where the list is not the signed one, ClientError, Stuck.
        """
        gallery, signed = self.header.gallery, self.signed
        self._state = self._patiently(
            lambda: self.client.open_manifest(gallery, signed.header, signed.signature)
        )
        self._base = settled(self._state)
        self.told(self._state)
        with ThreadPoolExecutor(self.pace.workers, thread_name_prefix="bring") as executor:
            pending: set[Future[int]] = set()
            try:
                for number, rows in chunks_of(self.source, self.header):
                    if not self._state.chunks[number].closed:
                        pending = self._bring(executor, pending, number, rows)
                self._finish(pending)
            except BaseException:
                for one in pending:
                    one.cancel()
                raise
        return self._until_closed()

    def _bring(
        self,
        executor: ThreadPoolExecutor,
        pending: set[Future[int]],
        number: int,
        rows: tuple[Row, ...],
    ) -> set[Future[int]]:
        gallery, identity = self.header.gallery, self.signed.manifest_id
        if not self._state.chunks[number].delivered:
            lines = [(row.record_id, row.image_sha256, row.path) for row in rows]
            self._patiently(lambda: self.client.put_chunk(gallery, identity, number, lines))
        if self.header.act is ManifestAct.DELETE:
            self._look(every=0.0)
            return pending
        awaited = self._patiently(
            lambda: [
                one.row for one in self.client.manifest_rows(gallery, identity, number, ["awaited"])
            ]
        )
        files = awaited_rows(awaited, self.header.first_row(number), rows, self.images)
        for group in grouped(files):
            while len(pending) >= 2 * self.pace.workers:
                pending = self._some(pending)
            self._wait_for_room(len(group))
            pending.add(executor.submit(self._send, number, group))
            self._look()
        return pending

    def _send(self, number: int, group: list[Awaited]) -> int:
        batch = loaded(group)
        gallery, identity = self.header.gallery, self.signed.manifest_id
        outcomes = self._patiently(
            lambda: self.client.bring_portraits(
                gallery, identity, number, batch.portraits, batch.problems
            )
        )
        return len(outcomes)

    def _some(self, pending: set[Future[int]]) -> set[Future[int]]:
        done, left = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for one in done:
            self._sent += one.result()
        self._look()
        return left

    def _finish(self, pending: Iterable[Future[int]]) -> None:
        left = set(pending)
        while left:
            left = self._some(left)

    def _wait_for_room(self, rows: int) -> None:
        """What is on its way waits sealed under a key that lives for a day: not too much of it."""
        moved = self.monotonic()
        while True:
            ended = settled(self._state)
            if self._sent - (ended - self._base) + rows <= self.pace.in_flight:
                return
            self.pause(_LOOK_SECONDS / 4)
            self._look()
            if settled(self._state) > ended:
                moved = self.monotonic()
            elif self.monotonic() - moved > self.pace.patience:
                raise Stuck(self._state)

    def _until_closed(self) -> Manifest:
        moved, ended = self.monotonic(), -1
        while True:
            self._look(every=0.0)
            if self._state.complete:
                return self._state
            now, rows = self.monotonic(), settled(self._state)
            if rows > ended:
                moved, ended = now, rows
            elif now - moved > self.pace.patience:
                raise Stuck(self._state)
            self.pause(self._look_every)

    def _look(self, every: float | None = None) -> None:
        """Ask how far it is, if it was not asked just now. A long list is asked for less often."""
        every = self._look_every if every is None else every
        began = self.monotonic()
        if began - self._looked_at < every:
            return
        gallery, identity = self.header.gallery, self.signed.manifest_id
        self._state = self._patiently(lambda: self.client.manifest(gallery, identity))
        self._looked_at = self.monotonic()
        self._look_every = max(_LOOK_SECONDS, 20 * (self._looked_at - began))
        self.told(self._state)

    def _patiently(self, call: Callable[[], _R]) -> _R:
        """Again and again while the gateway is out of reach or has no room."""
        began, wait_seconds = self.monotonic(), 1.0
        while True:
            try:
                return call()
            except ClientError as error:
                waited = self.monotonic() - began
                if error.status not in _AGAIN or waited > self.pace.patience:
                    raise
                self.pause(float(error.retry_after or wait_seconds))
                wait_seconds = min(30.0, wait_seconds * 2)


def settled(state: Manifest) -> int:
    """Rows that have ended."""
    return sum(state.counts.get(name, 0) for name in _ENDED)
