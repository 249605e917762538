"""What a row of a signed list costs the server, by what its file is: processor time, no clock.

    python -m load_tests.rejects [--rows 800] [--kinds none,corrupt,portrait]

Through `onrecord up` with the set `reference`, one list after the other. `none`: bytes of no kind
of image, which the gateway refuses by the first of them. `corrupt`: a JPEG's first bytes and
nothing that follows from them, which detection refuses and signs. `portrait`: a photograph of LFW,
which goes the whole way into the gallery.
"""

import argparse
import csv
import hashlib
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from load_tests.enrolment import open_gallery
from load_tests.installation import reference_models
from load_tests.lfw import data_folder, photographs
from load_tests.people import CUSTODIAN, STATE
from load_tests.server import Server, running
from onrecord.cli.gallery.bringing import Bringer, Pace
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import build_header, write_signed
from onrecord.proof.notes import NoteSigner

_FILES = 100
_BEGINS = {"none": b"%PDF-1.7 ", "corrupt": b"\xff\xd8\xff\xe0", "portrait": b""}


def written(folder: Path, kind: str, rows: int) -> Path:
    """The files, as large as photographs are, and the list that names each under many ids."""
    images = folder / "images"
    images.mkdir(parents=True)
    hashes = []
    for number, photograph in enumerate(photographs(data_folder(), "gallery")[:_FILES]):
        held, begins = photograph.path.read_bytes(), _BEGINS[kind]
        if begins:
            held = begins + os.urandom(len(held) - len(begins))
        (images / str(number)).write_bytes(held)
        hashes.append(hashlib.sha256(held).hexdigest())
    listed = folder / "list.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("record_id", "image_sha256", "path"))
        for row in range(rows):
            table.writerow((f"{kind}-{row:07d}", hashes[row % _FILES], str(row % _FILES)))
    return listed


def brought(server: Server, signer: NoteSigner, listed: Path, rows: int) -> dict[str, object]:
    """Bring one list to its end, and tell what it took."""
    source = open_list(listed, ManifestAct.ENROL)
    now = datetime.now(UTC)
    header = build_header(source, gallery=STATE, act=ManifestAct.ENROL, created=now)
    signed = write_signed(listed, header, signer)
    processor, began = server.cpu_seconds(), time.monotonic()
    with server.installation.client(CUSTODIAN) as client:
        state = Bringer(
            client=client,
            signed=signed,
            header=header,
            source=source,
            images=listed.parent / "images",
            pace=Pace(),
            told=lambda _: None,
        ).run()
    took, processor = time.monotonic() - began, server.cpu_seconds() - processor
    assert state.complete
    return {
        "counts": state.counts,
        "rows_per_second": rows / took,
        "server_ms_per_row": 1000 * processor / rows,
        "rows_per_processor_second": rows / processor,
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--kinds", default=",".join(_BEGINS))
    given = parser.parse_args()
    models = reference_models(data_folder())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder / "data", models) as server:
            signer = open_gallery(server.installation, models)
            for kind in given.kinds.split(","):
                listed = written(folder / kind, kind, given.rows)
                told = {"kind": kind, **brought(server, signer, listed, given.rows)}
                print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
