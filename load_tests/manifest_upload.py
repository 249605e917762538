"""A signed manifest brought to a gateway as `onrecord gallery enrol` would bring it."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from load_tests.installation import Installation
from load_tests.people import custodian
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.signing import build_header
from onrecord.proof.manifests import Row, sign_manifest
from onrecord.proof.notes import NoteSigner

_AT_ONCE = 32
_PACED_AT_ONCE = 4
_CLIENTS = 2
_POLL_SECONDS = 0.25


class _Held:
    """A list in memory."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def rows(self) -> Iterator[Row]:
        return iter(self._rows)


def enrol_manifest(
    installation: Installation,
    gallery: str,
    signer: NoteSigner,
    portraits: Sequence[tuple[str, bytes]],
    begun: Callable[[], None] = lambda: None,
    per_second: float | None = None,
) -> tuple[float, dict[str, int]]:
    """Enrol (record id, encoded image) by one manifest; seconds until its last row has ended.

    The clock starts with the first portrait and `begun` is called then. Also the rows by status.
    `per_second`: no more portraits are brought than that; None is as fast as they are taken.
    """
    rows = [
        Row(record_id, hashlib.sha256(image).hexdigest(), f"{record_id}.jpg")
        for record_id, image in portraits
    ]
    header = build_header(
        _Held(rows), gallery=gallery, act=ManifestAct.ENROL, created=datetime.now(UTC)
    )
    token = custodian(gallery).tokens(installation.issuer)
    base = f"{installation.address}/v1/galleries/{gallery}/manifests"

    def call(method: str, url: str, **more: object) -> dict[str, object]:
        while True:
            sent = {"Authorization": f"Bearer {token()}"}
            answer = http.request(method, url, headers=sent, **more)  # type: ignore[arg-type]
            if answer.status_code not in (429, 503):
                answer.raise_for_status()
                said: dict[str, object] = answer.json()
                return said
            time.sleep(float(answer.headers.get("Retry-After", "1")))

    at_once = _AT_ONCE if per_second is None else _PACED_AT_ONCE
    with httpx.Client(timeout=120) as http, ThreadPoolExecutor(_CLIENTS) as pool:
        opened = call(
            "POST",
            base,
            json={
                "header": base64.b64encode(header.encode()).decode(),
                "signature": sign_manifest(header, signer),
            },
        )
        manifest = f"{base}/{opened['manifest_id']}"
        lines = "\n".join(json.dumps([row.record_id, row.image_sha256, row.path]) for row in rows)
        call("PUT", f"{manifest}/chunks/0", content=lines.encode())
        began = time.perf_counter()
        begun()

        def bring(start: int) -> None:
            if per_second is not None:
                time.sleep(max(0.0, began + start / per_second - time.perf_counter()))
            parts = {
                str(start + place + 1): (f"{start + place + 1}", image)
                for place, (_, image) in enumerate(portraits[start : start + at_once])
            }
            call("POST", f"{manifest}/chunks/0/portraits", files=parts)

        list(pool.map(bring, range(0, len(portraits), at_once)))
        while True:
            state = call("GET", manifest)
            if state["complete"]:
                counts = state["counts"]
                assert isinstance(counts, dict)
                return time.perf_counter() - began, counts
            time.sleep(_POLL_SECONDS)


class Enrolling:
    """A manifest that is being enrolled while something else is measured."""

    def __init__(self, work: Callable[[Callable[[], None]], object]) -> None:
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: work(self._begun.set))

    def __enter__(self) -> "Enrolling":
        self._thread.start()
        self._begun.wait(60)
        return self

    @property
    def going_on(self) -> bool:
        return self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
