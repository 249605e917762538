"""A signed list of which half are not images: what a million rows cost, and that memory is bounded.

    python -m load_tests.half_images [--rows 1000000] [--images 200] [--folder FOLDER]

Through `onrecord up` with the set `reference`, brought by the code of `onrecord gallery enrol`.
Every even row names one of `--images` photographs of LFW, every odd row one of as many files that
are no image; a file stands under many record ids, so that a million rows need no million files.
The vault keeps a sealed copy of each live portrait all the same. Of more than 200,000 live records
the index in a file takes no more (`gallery_too_large`): those rows are told as what they are.

Checked at the end: every chunk closed, every odd row rejected with its reason and number in the
report beside the list, no other row rejected for what it is not. Told: rows a second, the peak
memory (resident) of the server and of what brings the list, and how both grew over the run.
"""

import argparse
import csv
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from load_tests.enrolment import open_gallery
from load_tests.installation import reference_models
from load_tests.lfw import ROOT, data_folder, photographs
from load_tests.memory import megabytes
from load_tests.people import CUSTODIAN, STATE
from load_tests.server import running
from onrecord.cli.gallery.bringing import Bringer, Pace, settled
from onrecord.cli.gallery.run import report
from onrecord.client import Manifest
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import build_header, write_signed

_NO_IMAGE = (b"%PDF-1.7 ", b"<html>", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n")
_SAID_EVERY = 30.0
_NOT_IMAGES = {"image_type_unsupported", "image_corrupt", "image_truncated"}


def written(folder: Path, rows: int, files: int) -> Path:
    """The files, and the list that names them."""
    images = folder / "images"
    images.mkdir(parents=True)
    hashes: dict[str, str] = {}
    for number, photograph in enumerate(photographs(data_folder(), "gallery")[:files]):
        content = photograph.path.read_bytes()
        begins = _NO_IMAGE[number % len(_NO_IMAGE)]
        other = begins + os.urandom(len(content) - len(begins))
        for name, held in ((f"{number}.jpg", content), (f"{number}.scan", other)):
            (images / name).write_bytes(held)
            hashes[name] = hashlib.sha256(held).hexdigest()
    files = len(hashes) // 2
    listed = folder / "list.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("record_id", "image_sha256", "path"))
        for row in range(1, rows + 1):
            name = f"{row // 2 % files}.{'scan' if row % 2 else 'jpg'}"
            table.writerow((f"UT-{row:09d}", hashes[name], name))
    return listed


class Watched:
    """What is said and noted while the list goes on."""

    def __init__(self, server: int, rows: int) -> None:
        self._server = server
        self._rows = rows
        self._began = self._said = time.monotonic()
        self.noted: list[dict[str, float]] = []

    def __call__(self, state: Manifest) -> None:
        now = time.monotonic()
        if now - self._said < _SAID_EVERY and self.noted:
            return
        self._said = now
        self.note(settled(state))

    def note(self, done: int) -> None:
        took = time.monotonic() - self._began
        server, client = megabytes(self._server)["rss"], _own("rss")
        self.noted.append({"rows": done, "seconds": took, "server_mib": server, "mib": client})
        print(
            f"  {done:,} of {self._rows:,} rows in {took:.0f} s; server {server:.0f} MiB, "
            f"bringing {client:.0f} MiB",
            flush=True,
        )


def _own(what: str) -> float:
    """MiB of this process without the server, which is its child."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return megabytes(os.getpid())[what] - sum(megabytes(int(one))[what] for one in children)


def checked(listed: Path, state: Manifest, rows: int) -> dict[str, int]:
    """The rejects by reason. `AssertionError` where the report is not what the list was."""
    reasons: Counter[str] = Counter()
    odd = 0
    with listed.with_name(listed.name + ".rejected.csv").open(encoding="utf-8") as file:
        for one in csv.DictReader(file):
            reasons[one["code"]] += 1
            if int(one["row"]) % 2:
                odd += 1
                assert one["code"] in _NOT_IMAGES, one
            else:
                assert one["code"] not in _NOT_IMAGES, one
    assert state.complete
    assert odd == (rows + 1) // 2, (odd, rows)
    assert sum(reasons.values()) == state.counts["rejected"]
    assert state.counts["accepted"] + state.counts["rejected"] == rows
    return dict(reasons)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="Where to work; by default a temporary folder.")
    given = parser.parse_args()
    models = reference_models(data_folder())
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        listed = written(folder / "list", given.rows, given.images)
        with running(folder / "data", models) as server:
            signer = open_gallery(server.installation, models)
            source = open_list(listed, ManifestAct.ENROL)
            began = time.monotonic()
            header = build_header(
                source, gallery=STATE, act=ManifestAct.ENROL, created=datetime.now(UTC)
            )
            signed = write_signed(listed, header, signer)
            signing = time.monotonic() - began
            watched = Watched(server.process_id, given.rows)
            began = time.monotonic()
            with server.installation.client(CUSTODIAN) as client:
                state = Bringer(
                    client=client,
                    signed=signed,
                    header=header,
                    source=source,
                    images=listed.parent / "images",
                    pace=Pace(),
                    told=watched,
                ).run()
                took = time.monotonic() - began
                report(client, state, listed)
            watched.note(given.rows)
            reasons = checked(listed, state, given.rows)
            told = {
                "rows": given.rows,
                "signing_seconds": signing,
                "seconds": took,
                "rows_per_second": given.rows / took,
                "counts": state.counts,
                "rejected": reasons,
                "server_peak_mib": megabytes(server.process_id)["peak"],
                "bringing_peak_mib": _own("peak"),
                "along_the_way": watched.noted,
                "load_average": os.getloadavg()[0],
            }
    print(json.dumps({key: told[key] for key in told if key != "along_the_way"}, indent=1))
    (ROOT / "load_tests" / "results" / "half_images.json").write_text(
        json.dumps(told, indent=1) + "\n", "utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
