"""R-22: killed between any two writes, the plane has released nothing unlogged and lost nothing."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from onrecord.chassis.database import open_database, read_transaction
from onrecord.contracts.events import Event, GalleryChanged, SearchExecuted
from onrecord.proof import statements
from onrecord.vector_search.core.write_points import LIFE_POINTS as LIFE_POINTS
from tests.builders.plane import UTAH, World, face, record_name
from tests.unit.vector_search.conftest import folder_in_memory
from tests.unit.vector_search.crash_story import ACKNOWLEDGED, live, open_world

_REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wrecks() -> Iterator[Path]:
    """A folder for each crash, as the killed process left it."""
    with folder_in_memory() as folder:
        story = subprocess.run(
            [sys.executable, "-m", "tests.unit.vector_search.crash_story", str(folder)],
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert story.returncode == 0, story.stderr
        yield folder


@pytest.mark.parametrize("point", LIFE_POINTS)
def test_killed_there_it_starts_again_and_ends_the_same(wrecks: Path, point: str) -> None:
    killed = sorted((wrecks / point).iterdir())
    assert killed
    for folder in killed:
        start_again(folder)


def start_again(folder: Path) -> None:
    acknowledged = read_acknowledged(folder)
    world = open_world(folder)
    check_nothing_gone_is_left(world)
    check_what_was_acknowledged(world, acknowledged)
    live(world)
    check_the_end(world)
    # What was answered before the crash is what is answered after it.
    answers = {
        one["search_id"]: one["receipt"]
        for one in read_acknowledged(folder)
        if one["what"] == "answered"
    }
    for one in acknowledged:
        if one["what"] == "answered":
            assert answers[one["search_id"]] == one["receipt"]
    world.plane.close()


def check_nothing_gone_is_left(world: World) -> None:
    """A start finishes what a crash interrupted: portraits and vectors that must not be."""
    for row in rows(world, "state, remains, vault_key, index_key, wrapped_key"):
        if row.state == "gone":
            assert (row.remains, row.wrapped_key) == (0, None)
            assert not world.vault.exists(row.vault_key)
            assert row.index_key not in world.exact.held(UTAH)


def check_what_was_acknowledged(world: World, acknowledged: list[dict[str, Any]]) -> None:
    if not any(one["what"] == "gallery" for one in acknowledged):
        return
    numbers = {one["record"]: one["number"] for one in acknowledged if one["what"] == "enrolled"}
    live_ids = [
        record_id for record_id, state in rows(world, "record_id, state") if state == "live"
    ]
    done = [one for one in acknowledged if one["what"] == "chunk"]
    for one in done:
        assert world.plane.manifest(one["manifest"], world.deadline).complete
    if len(done) > 1:
        assert record_name(5) not in live_ids, "a deletion that was acknowledged was lost"
    assert len(live_ids) == len(set(live_ids))
    assert {record_name(record) for record in numbers} <= set(live_ids)
    receipts = [said.statement.decode() for said in world.plane.receipts(UTAH, 0, world.deadline)]
    for one in acknowledged:
        if one["what"] == "answered":
            assert one["receipt"] in receipts, "an answer was given without a receipt"
    check_chain(world)


def check_the_end(world: World) -> None:
    """Two live records, nothing left of any other generation, two receipts in a chain."""
    (info,) = world.plane.galleries(world.deadline)
    assert (info.live_records, info.last_sequence) == (2, 2)
    found = rows(world, "record_id, state, index_key, vault_key, wrapped_key, remains")
    living = [row for row in found if row.state == "live"]
    assert sorted(row.record_id for row in living) == [record_name(1), record_name(2)]
    assert world.exact.held(UTAH) == {row.index_key for row in living}
    assert set(world.vault.keys("vault/US-UT")) == {row.vault_key for row in living}
    assert all(row.wrapped_key is None for row in found if row.state == "gone")
    check_chain(world)
    grant = world.grant(search_id="afterwards", list_size=2)
    result = world.ask(grant, face(3))
    assert result.candidates[0].similarity == 1_000_000
    refs = rows(world, "candidate_ref", "candidates")
    assert len(refs) == 6, "a search named its candidates twice"
    told = world.publisher.events
    for receipt in world.plane.receipts(UTAH, 0, world.deadline):
        assert SearchExecuted(receipt) in told, "a receipt was not published"
    check_what_the_ledger_is_told(world, told)
    assert list(world.ingest.keys("")) == []
    assert len(list((world.folder / "keys").glob("US-UT/*"))) <= 1, "a transport key outlived"


def check_what_the_ledger_is_told(world: World, told: list[Event]) -> None:
    """Every end of an enrolment is told, and each chunk with one statement, however often."""
    changes = {one.change for one in told if isinstance(one, GalleryChanged)}
    said = [statements.read(one) for one in changes]
    by_chunk = Counter((one["manifest"], one["chunk"]) for one in said if one.get("rows") != 1)
    assert set(by_chunk.values()) == {1}, "a chunk was told of twice"
    singles = Counter(one["enrolment_id"] for one in said if one.get("enrolment_id"))
    assert set(singles.values()) == {1}, "an enrolment was told of twice"
    ended = rows(world, "enrolment_id", "records WHERE manifest_id IS NULL AND state != 'pending'")
    assert {one.enrolment_id for one in ended} == set(singles)
    closed = rows(world, "counts, closed_at", "chunks")
    assert len(closed) == 2
    assert all(one.closed_at for one in closed)


def check_chain(world: World) -> None:
    previous, sequence = "0" * 64, 0
    for receipt in world.plane.receipts(UTAH, 0, world.deadline):
        said = statements.read(receipt)
        assert (said["sequence"], said["previous"]) == (sequence + 1, previous)
        previous, sequence = hashlib.sha256(receipt.statement).hexdigest(), sequence + 1


def read_acknowledged(folder: Path) -> list[dict[str, Any]]:
    path = folder / ACKNOWLEDGED
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows(world: World, columns: str, table: str = "records") -> list[Any]:
    engine = open_database(f"sqlite:///{world.folder / 'roster.db'}")
    with read_transaction(engine) as tx:
        found = list(tx.execute(text(f"SELECT {columns} FROM {table}")))  # noqa: S608 - our own words
    engine.dispose()
    return found
