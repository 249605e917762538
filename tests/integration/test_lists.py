"""Long signed lists through the gateway, the plane, the bus and the ledger (R-42)."""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onrecord.cli.gallery.bringing import Bringer, Pace
from onrecord.cli.gallery.run import report
from onrecord.client import Manifest
from onrecord.detection.adapters.pillow import PillowDecoder
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import build_header, write_signed
from tests.builders.plane import UTAH
from tests.builders.real_parts import Installation, installed

ROWS = 1_400
CHUNK_ROWS = 500
IMAGE_SIDE = 197
IN_FLIGHT = 128
"""Portraits on their way at a time: a tenth of the list."""
NOT_IMAGES = {
    0: b"%PDF-1.7 scanned form ",
    1: b"<html><body>404 Not Found</body></html> ",
    2: b"\xff\xd8\xff\xe0 cut off ",
    3: b"\x89PNG\r\n\x1a\n torn ",
}
"""What stands where a portrait should, by a row's number."""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "installation") as made:
        made.detection.decode = PillowDecoder().decode
        made.open_gallery(UTAH, ())
        yield made


class Folder:
    """A state's list and the files it names: every second one is no image."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.images = folder / "images"
        self.images.mkdir(parents=True)
        self.listed = folder / "list.csv"
        drawn = np.random.default_rng(7).integers(0, 255, (IMAGE_SIDE, IMAGE_SIDE, 3), np.uint8)
        png = io.BytesIO()
        Image.fromarray(drawn).save(png, "PNG")
        self.bytes = 0
        with self.listed.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("record_id", "image_sha256", "path"))
            for number in range(1, rows + 1):
                content = _content(number, png.getvalue())
                self.bytes += len(content)
                (self.images / f"{number}.jpg").write_bytes(content)
                digest = hashlib.sha256(content).hexdigest()
                table.writerow((f"UT-{number:07d}", digest, f"{number}.jpg"))

    def bring(self, installation: Installation) -> Manifest:
        header = build_header(
            open_list(self.listed, ManifestAct.ENROL),
            gallery=UTAH,
            act=ManifestAct.ENROL,
            created=datetime.now(UTC),
            chunk_rows=CHUNK_ROWS,
        )
        signed = write_signed(self.listed, header, installation.audit.state_keys[UTAH])
        client = installation.client(installation.audit.custodian(UTAH))
        state = Bringer(
            client=client,
            signed=signed,
            header=header,
            source=open_list(self.listed, ManifestAct.ENROL),
            images=self.images,
            pace=Pace(workers=2, in_flight=IN_FLIGHT, patience=60.0),
            told=lambda _: None,
        ).run()
        report(client, state, self.listed)
        return state

    def rejected(self) -> dict[int, str]:
        """The report beside the list: row number to reason."""
        with (self.images.parent / "list.csv.rejected.csv").open(encoding="utf-8") as file:
            return {int(one["row"]): one["code"] for one in csv.DictReader(file)}


def _content(number: int, png: bytes) -> bytes:
    """An image for every even row. Each is another file, all are of one size."""
    named = b" %d" % number
    if number % 2 == 0:
        return png + named
    begins = NOT_IMAGES[number // 2 % 4]
    return (begins * (len(png) // len(begins) + 1))[: len(png)] + named


class Peak:
    """The most memory (resident, in bytes) that this process comes to, from here on."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._field("VmRSS")

    @property
    def grown(self) -> int:
        return self._field("VmHWM") - self._before

    @staticmethod
    def _field(name: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        raise AssertionError(name)


def test_a_list_of_which_half_are_no_images(installation: Installation, tmp_path: Path) -> None:
    """R-42: the other half is live, each reject is told by row and reason, memory is bounded.

    A million are `python -m load_tests.half_images`.
    """
    folder = Folder(tmp_path / "list", ROWS)
    assert folder.bytes > 150_000_000
    peak = Peak()
    state = folder.bring(installation)
    grown = peak.grown
    assert state.complete
    assert state.counts == {"accepted": ROWS // 2, "rejected": ROWS // 2}
    assert folder.rejected() == {
        number: {
            0: "image_type_unsupported",
            1: "image_type_unsupported",
            2: "image_corrupt",
            3: "image_corrupt",
        }[number // 2 % 4]
        for number in range(1, ROWS + 1, 2)
    }
    with installation.client(installation.audit.operator()) as operator:
        assert [one.live_records for one in operator.galleries()] == [ROWS // 2]
    assert grown < 2 * folder.bytes // 3, "portraits are held for the call that carries them"
