"""R-48: the roster comes back from a dump of an hour ago, while its gallery has gone on. On
PostgreSQL (`pg_dump`, `pg_restore`) and a Milvus server, which nobody restored.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.local.running import Running
from onrecord.contracts.enrolment import GalleryCheck
from onrecord.contracts.events import EnrolmentRequested
from onrecord.vector_search.adapters.milvus import MilvusIndex
from onrecord.vector_search.ports import VectorIndex
from onrecord.vector_search.service.deleting import Deletions
from onrecord.vector_search.service.reconciling import Reconciliation
from tests.builders.databases import dump_database, restore_database
from tests.builders.holding import GALLERY, Holding, build_holding, name_of, vector_of
from tests.cluster.test_milvus_server import Settled, eventually, uri

COUNT: Final = 6
DELETED, REPLACED, SINCE = 2, 3, (7, 8)
_NEW_FACE: Final = 30
RECOVERED_SECONDS: Final = 60
"""docs/restore.md: of a small gallery."""


@pytest.fixture
def server(milvus_server: Running) -> Iterator[MilvusIndex]:
    """Without a collection of the gallery, before and afterwards."""
    index = MilvusIndex.on_server(uri(milvus_server))
    for name in index._client.list_collections():
        index._client.drop_collection(name)
    yield index
    for name in index._client.list_collections():
        index._client.drop_collection(name)
    index.close()


def opened(folder: Path, server: MilvusIndex) -> Holding:
    def index(_: Path) -> VectorIndex:
        return _Kept(server)

    return build_holding(folder, index=index)


class _Kept(Settled):
    """Outlives the plane that is restored."""

    def close(self) -> None:
        pass


def check(held: Holding, *, repair: bool = False) -> GalleryCheck:
    done = Reconciliation(held.parts, held.known, held.transport)
    return done.check(GALLERY, repair, held.custodian(), held.deadline)


def keys(held: Holding) -> set[str]:
    return set(held.parts.index.keys(held.gallery.space, "", 1000, held.deadline))


def asked_for(held: Holding) -> list[EnrolmentRequested]:
    return [one for one in held.published.events() if isinstance(one, EnrolmentRequested)]


def an_hour_later(folder: Path, server: MilvusIndex, dump: Path) -> tuple[Holding, list[str]]:
    """What stands after the restore, and the keys of what the roster does not know any more."""
    before = opened(folder, server)
    before.parts.index.create(before.gallery.space, before.deadline)
    for number in range(COUNT):
        before.put(number)
    dump_database(folder, "roster", dump)
    before.clock.pass_by(hours=1)
    since = [before.row(before.put(number)) for number in SINCE]
    since.append(before.row(before.put(_NEW_FACE, record=REPLACED)))
    Deletions(before.parts, before.known).delete(
        GALLERY, name_of(DELETED), before.custodian(), before.deadline
    )
    lost = [row.index_key for row in since]
    assert set(lost) <= keys(before)
    before.close()
    restore_database(folder, "roster", dump)
    return opened(folder, server), lost


def test_a_roster_of_an_hour_ago_under_a_gallery_that_went_on(
    tmp_path: Path, server: MilvusIndex
) -> None:
    """Nothing that the roster does not know stays in the index; who was deleted since does not
    come back: key and portrait are gone, and that is told.
    """
    held, lost = an_hour_later(tmp_path / "plane", server, tmp_path / "dump")
    told = check(held)
    assert (told.live, told.ghosts, told.missing_vectors) == (COUNT, len(lost), 1)
    assert (told.missing_portraits, told.unknown_portraits) == (1, len(lost))
    assert told.repaired == 0
    began = time.monotonic()
    check(held, repair=True)
    eventually(lambda: not set(lost) & keys(held))
    after = check(held)
    assert (after.ghosts, after.missing_vectors, after.indexed) == (0, 1, COUNT - 1)
    assert time.monotonic() - began < RECOVERED_SECONDS
    best = held.parts.index.search(held.gallery.space, vector_of(DELETED), COUNT, held.deadline)
    assert max(one.similarity for one in best) < 0.99, "the deleted is not found"
    assert asked_for(held) == [], "nothing of it is made again"
    held.close()


def test_a_collection_that_was_lost_besides_is_made_again_from_the_vault(
    tmp_path: Path, server: MilvusIndex
) -> None:
    """Everybody whose portrait still stands is asked for again, at the generation of the roster."""
    held, _ = an_hour_later(tmp_path / "plane", server, tmp_path / "dump")
    for name in server._client.list_collections():
        server._client.drop_collection(name)
    told = check(held, repair=True)
    assert (told.missing_vectors, told.missing_portraits, told.repaired) == (COUNT, 1, COUNT - 1)
    asked = asked_for(held)
    assert len(asked) == COUNT - 1
    for event in asked:
        row = held.row(event.enrolment.enrolment_id)
        assert (row.state, row.generation) == ("live", event.enrolment.generation)
        assert row.record_id != name_of(DELETED)
    held.close()
