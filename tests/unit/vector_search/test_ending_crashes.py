"""R-22, law 9: killed between any two writes, what was deleted stays so, and it is told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from onrecord.contracts.events import EnrolmentRequested, GalleryChanged
from onrecord.proof import statements
from onrecord.vector_search.roster.live import live_rows
from onrecord.vector_search.service.deleting import Deletions
from tests.builders.holding import GALLERY, Holding, name_of
from tests.unit.vector_search.ending_story import (
    ACKNOWLEDGED,
    DELETED,
    GHOST,
    LISTED,
    LOST,
    PENDING,
    POINTS,
    STAYING,
    live,
    open_holding,
)

_REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wrecks() -> Iterator[Path]:
    """A folder for each crash, as the killed process left it."""
    with TemporaryDirectory(dir="/dev/shm") as name:  # syncing costs nothing there
        folder = Path(name)
        story = subprocess.run(
            [sys.executable, "-m", "tests.unit.vector_search.ending_story", str(folder)],
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert story.returncode == 0, story.stderr
        yield folder


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_it_starts_again_and_ends_the_same(wrecks: Path, point: str) -> None:
    killed = sorted((wrecks / point).iterdir())
    assert killed
    for folder in killed:
        before = acknowledged(folder)
        held = open_holding(folder)
        check_what_was_acknowledged(held, before)
        live(held)
        check_the_end(held)
        after = {one["number"]: one["said"] for one in acknowledged(folder)[len(before) :]}
        for one in before:
            assert after[one["number"]] == one["said"], "a receipt changed with a crash"
        held.close()


def acknowledged(folder: Path) -> list[dict[str, Any]]:
    path = folder / ACKNOWLEDGED
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def returned(held: Holding, number: int) -> bool:
    key = held.row(f"{number:032x}").index_key
    with held.parts.roster.connect() as tx:
        return bool(live_rows(tx, [key]))


def check_what_was_acknowledged(held: Holding, before: list[dict[str, Any]]) -> None:
    told = [
        event.change.statement.decode()
        for event in held.published.events()
        if isinstance(event, GalleryChanged)
    ]
    for one in before:
        assert not returned(held, one["number"])
        if one["number"] != LISTED:
            assert one["said"] in told, "a deletion was acknowledged before the ledger was told"


def check_the_end(held: Holding) -> None:
    assert [returned(held, one) for one in (STAYING, LOST)] == [True, True]
    assert [returned(held, one) for one in (DELETED, PENDING, LISTED)] == [False] * 3
    assert held.gallery.live_records == 2
    # The lost vector comes back by enrolment; the ghost and all that was deleted are gone.
    assert held.exact.held(GALLERY) == {held.row(f"{STAYING:032x}").index_key}
    assert GHOST not in (held.folder / "index.jsonl").read_text()
    assert list(held.vault.keys("vault/US-UT")) == [
        held.row(f"{one:032x}").vault_key for one in (STAYING, LOST)
    ]
    events = held.published.events()
    changes = {event.change.statement for event in events if isinstance(event, GalleryChanged)}
    told = {said for said in changes if statements.RECORD_DELETED.encode() in said}
    # Besides: one that was enrolling ended rejected, and the list's chunk is closed.
    assert len(changes - told) == 2
    deletions = Deletions(held.parts, held.known)
    for number in (DELETED, PENDING, LISTED):
        row = held.row(f"{number:032x}")
        assert row.record_id is row.wrapped_key is row.image_sha256 is None
        assert row.remains == 0
        receipt = deletions.receipt(GALLERY, name_of(number), held.custodian(), held.deadline)
        assert receipt.vectors_compacted_at is not None
        assert receipt.deleted.statement in told
    assert len(told) == 3, "a deletion was said twice in different words"
    asked = [event for event in events if isinstance(event, EnrolmentRequested)]
    assert {event.enrolment.enrolment_id for event in asked} == {f"{LOST:032x}"}
    # Asked for more than once, it is processed under the last ticket only.
    assert held.row(f"{LOST:032x}").ticket == statements.mandate_id(asked[-1].ticket)
