"""Two states, one on each plane, whose law lets many ask; and pictures to enrol."""

import csv
from collections.abc import Iterator
from pathlib import Path

from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.builders.e2e_scene import UTAH, embedder, open_gallery
from tests.builders.e2e_server import Installation
from tests.data import test_data_path

NEVADA = "US-NV"
GALLERIES = (UTAH, NEVADA)
EXAMINERS = 4
_POLICY = Path(__file__).resolve().parents[2] / "policies" / UTAH
_CHANGED = {
    "per_agency_per_day: 200": "per_agency_per_day: 1000000",
    "per_gallery_per_day: 2000": "per_gallery_per_day: 1000000",
}


def set_up(installation: Installation, models: Path, grant_minutes: int = 1) -> list[Person]:
    """Open both galleries; the examiners on duty.

    `grant_minutes`: few, so that what nobody comes back for ends while we are here to see it
    (R-23).
    """
    policy, authority = (
        (_POLICY / name).read_text("utf-8") for name in ("policy.cedar", "authority.yaml")
    )
    granted = {"grant_minutes: 5": f"grant_minutes: {grant_minutes}"}
    for old, new in {**_CHANGED, **granted}.items():
        assert old in authority
        authority = authority.replace(old, new)
    for gallery in GALLERIES:
        law, whose = (text.replace(UTAH, gallery) for text in (policy, authority))
        open_gallery(installation, gallery, embedder(models), law, whose)
    on_duty = [people.examiner(f"chaos-{number}") for number in range(EXAMINERS)]
    for who in on_duty:
        with people.client(installation, who) as client:
            client.join_examiners()
    return on_duty


def pictures() -> Iterator[bytes]:
    """One picture each of many people. No two are alike: a probe that is the very picture which
    was enrolled is told from all others by its similarity.
    """
    folder = test_data_path("faces", "lfw")
    with (folder / "protocol.tsv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["role"] == "gallery":
                yield (folder / "images" / row["file"]).read_bytes()
