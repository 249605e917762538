"""A search: what it answers, what it writes, what a repeat gives (laws 2, 3, 6, 9)."""

import hashlib
import re
import threading
from pathlib import Path

import numpy as np
from sqlalchemy import text

from onrecord.chassis.database import open_database, read_transaction
from onrecord.contracts.events import GALLERY_CHANGED, SEARCH_EXECUTED, SearchExecuted
from onrecord.contracts.vector_search import GalleryResult, GallerySearch
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.proof import canonical
from onrecord.vector_search.core.names import index_key
from onrecord.vector_search.core.ranking import first_fetch
from tests.builders.databases import database_url
from tests.builders.plane import (
    MODEL,
    UTAH,
    VERMONT,
    World,
    build_world,
    face,
    near,
    portrait,
    record_name,
    sha256,
)
from tests.unit.vector_search.conftest import PEOPLE, Refused


def test_the_list_is_what_comparing_with_everyone_gives(world: World) -> None:
    probe = near(face(3), 1)
    result = world.ask(world.grant(list_size=3), probe)
    everyone = sorted((float(face(n) @ probe) for n in PEOPLE), reverse=True)
    expected = [round(similarity * 1_000_000) for similarity in everyone[:3]]
    found = [candidate.similarity for candidate in result.candidates]
    np.testing.assert_allclose(found, expected, atol=1)


def test_the_receipt_says_what_was_done_and_nothing_of_who_was_found(world: World) -> None:
    """Law 3, R-26: a receipt names grant, probe, policy, model and list; no record."""
    grant = world.grant(list_size=2)
    result = world.ask(grant, face(1))
    (receipt,) = world.receipts()
    assert receipt["gallery"] == UTAH
    assert receipt["sequence"] == 1
    assert receipt["previous"] == "0" * 64
    assert receipt["grant_index"] == grant.index
    assert receipt["probe_sha256"] == sha256(b"the probe")
    assert receipt["policy"] == world.policies[UTAH]
    assert receipt["list_size"] == 2
    assert receipt["searched"] == len(PEOPLE)
    assert receipt["candidates"] == [
        {"ref": one.candidate_ref, "similarity": one.similarity} for one in result.candidates
    ]
    assert record_name(1).encode() not in result.receipt.statement
    canonical.decode(result.receipt.statement)


def test_a_candidate_has_another_random_name_in_every_search(world: World) -> None:
    """Law 6: outside the plane a record is known only for one search."""
    names = set()
    for number in range(3):
        result = world.ask(world.grant(search_id=f"s-{number}"), face(1))
        names |= {candidate.candidate_ref for candidate in result.candidates}
    assert len(names) == 9
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)


def test_a_repeat_gets_the_first_answer_and_leaves_no_second_receipt(world: World) -> None:
    grant = world.grant()
    first = world.ask(grant, face(1))
    world.enrol(7)
    assert world.ask(grant, face(1)) == first
    assert len(world.receipts()) == 1


def test_a_lost_answer_can_be_had_until_the_grant_expires(world: World, refused: Refused) -> None:
    """ADR 14: nothing is looked at again, what was receipted is answered, and that too ends."""
    grant = world.grant()
    template = world.template(grant, sha256(b"the probe"), face(1))
    first = world.plane.search(GallerySearch(UTAH, grant, template), world.deadline)
    world.exact.down = True
    world.clock.pass_by(minutes=5)
    assert world.plane.search(GallerySearch(UTAH, grant, template), world.deadline) == first
    world.clock.pass_by(seconds=1)
    refused(
        ErrorCode.GRANT_EXPIRED,
        lambda: world.plane.search(GallerySearch(UTAH, grant, template), world.deadline),
    )


def test_another_template_under_the_same_grant_is_refused(world: World, refused: Refused) -> None:
    """R-9: one probe, one decision, even where the second probe is properly signed for."""
    grant = world.grant()
    world.ask(grant, face(1))
    refused(ErrorCode.GRANT_OTHER_PROBE, lambda: world.ask(grant, face(2)))
    assert len(world.receipts()) == 1


def test_another_template_is_refused_in_the_next_gallery_too(
    world: World, refused: Refused
) -> None:
    world.open_gallery(VERMONT)
    grant = world.grant((UTAH, VERMONT))
    world.ask(grant, face(1))
    refused(ErrorCode.GRANT_OTHER_PROBE, lambda: world.ask(grant, face(2), VERMONT))
    assert world.ask(grant, face(1), VERMONT).candidates == ()


def test_receipts_are_dense_and_each_names_the_one_before(world: World) -> None:
    for number in range(6):
        world.ask(world.grant(search_id=f"s-{number}"), face(number))
    attested = world.plane.receipts(UTAH, 0, world.deadline)
    previous = "0" * 64
    for sequence, (receipt, said) in enumerate(zip(attested, world.receipts(), strict=True), 1):
        assert said["sequence"] == sequence
        assert said["previous"] == previous
        previous = hashlib.sha256(receipt.statement).hexdigest()
    after = world.plane.receipts(UTAH, 4, world.deadline)
    assert list(after) == list(attested[4:])


def test_sequences_stay_dense_when_eight_search_at_once(world: World) -> None:
    """R-23: no gap and no fork in the chain, with repeats of one grant among them."""
    world.open_gallery(VERMONT)
    grants = [world.grant((UTAH, VERMONT), search_id=f"s-{n}") for n in range(8)]
    answers: dict[tuple[int, str, int], GalleryResult] = {}
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in (0, 1):
                for gallery in (UTAH, VERMONT):
                    other = (number + turn) % 8
                    answers[other, gallery, turn] = world.ask(grants[other], face(other), gallery)
        except BaseException as failure:  # noqa: BLE001 - a thread's failure must fail the test
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(answers) == 32
    for gallery in (UTAH, VERMONT):
        said = world.receipts(gallery)
        assert [one["sequence"] for one in said] == list(range(1, 9))
        digests = [
            hashlib.sha256(receipt.statement).hexdigest()
            for receipt in world.plane.receipts(gallery, 0, world.deadline)
        ]
        assert [one["previous"] for one in said] == ["0" * 64, *digests[:-1]]
        for number in range(8):
            assert answers[number, gallery, 0] == answers[number, gallery, 1]


def test_what_waits_to_be_published_was_written_with_the_receipt(
    world: World, folder: Path
) -> None:
    result = world.ask(world.grant(), face(1))
    engine = open_database(database_url(folder, "roster"))
    with read_transaction(engine) as tx:
        rows = tx.execute(text("SELECT topic, key, payload FROM outbox ORDER BY number")).all()
    engine.dispose()
    topics = [row.topic for row in rows]
    assert topics.count(GALLERY_CHANGED) == len(PEOPLE)
    executed = rows[-1]
    said = message_of(SearchExecuted(result.receipt))
    assert (executed.topic, executed.key) == (SEARCH_EXECUTED, UTAH)
    assert executed.payload == said.payload


class TestAgainstAnUnreliableIndex:
    """The roster is truth: duplicates, ghosts and late vectors change nothing."""

    def test_duplicates_are_one_candidate(self, world: World) -> None:
        world.exact.repeats_hits = True
        result = world.ask(world.grant(list_size=5), face(1))
        assert len(result.candidates) == 5
        assert len({one.similarity for one in result.candidates}) == 5

    def test_a_vector_that_never_became_live_is_not_found(self, world: World) -> None:
        """An insert whose process died before the roster was written."""
        ticket = world.begin(record_name(50), portrait(50))
        key = index_key(UTAH, record_name(50), ticket.generation, MODEL)
        world.exact.plant(UTAH, MODEL, key, face(50))
        result = world.ask(world.grant(list_size=50), face(50))
        assert len(result.candidates) == len(PEOPLE)
        assert max(one.similarity for one in result.candidates) < 900_000

    def test_it_asks_again_when_ghosts_leave_the_list_short(self, world: World) -> None:
        for number in range(200):
            world.exact.plant(UTAH, MODEL, f"{number:064x}", near(face(1), number, 0.01))
        world.exact.asked.clear()
        result = world.ask(world.grant(list_size=5), face(1))
        assert len(result.candidates) == 5
        assert world.exact.asked[0] == first_fetch(5)
        assert len(world.exact.asked) > 1

    def test_an_index_that_is_down_leaves_no_receipt(self, world: World, refused: Refused) -> None:
        """Law 4: nothing was looked at, so nothing is said to have been."""
        grant = world.grant()
        world.exact.down = True
        refused(ErrorCode.PLANE_UNAVAILABLE, lambda: world.ask(grant, face(1)))
        assert world.receipts() == []
        world.exact.down = False
        assert len(world.ask(grant, face(1)).candidates) == 3


def test_an_empty_gallery_is_searched_and_says_so(world: World) -> None:
    world.open_gallery(VERMONT)
    result = world.ask(world.grant((VERMONT,)), face(1), VERMONT)
    assert result.candidates == ()
    assert world.receipts(VERMONT)[0]["searched"] == 0


def test_a_deadline_that_has_passed_begins_nothing(world: World, refused: Refused) -> None:
    grant = world.grant()
    template = world.template(grant, sha256(b"the probe"), face(1))
    search = GallerySearch(UTAH, grant, template)
    refused(
        ErrorCode.DEADLINE_EXCEEDED,
        lambda: world.plane.search(search, Deadline(0.0, monotonic=lambda: 1.0)),
    )
    assert world.receipts() == []


def test_a_plane_that_is_started_again_goes_on_where_it_was(folder: Path) -> None:
    first = build_world(folder)
    first.open_gallery()
    first.enrol(1)
    grant = first.grant(list_size=2)
    answered = first.ask(grant, face(1))
    first.plane.close()
    again = build_world(folder, ledger=first.ledger, index=first.index)
    again.plane.recover(again.deadline)
    again.policies, again.proofs.policies = first.policies, first.proofs.policies
    assert again.ask(grant, face(1)) == answered
    again.ask(again.grant(search_id="s-2"), face(1))
    assert [one["sequence"] for one in again.receipts()] == [1, 2]
    again.plane.close()


def test_a_list_is_not_shorter_than_the_gallery_because_the_index_has_lost_vectors(
    world: World, refused: Refused
) -> None:
    """Law 4, R-48: an index may lag behind an insert for a minute; then what it lacks is a 503."""
    for key in sorted(world.exact.held(UTAH))[:2]:
        world.exact.delete(world.plane._galleries.known(UTAH).space, [key], world.deadline)
    early = world.ask(world.grant(search_id="early", list_size=50), face(2))
    assert early.receipt
    world.clock.pass_by(seconds=61)
    before = len(world.receipts())
    refused(
        ErrorCode.PLANE_UNAVAILABLE,
        lambda: world.ask(world.grant(search_id="late", list_size=50), face(2)),
    )
    assert len(world.receipts()) == before
    world.exact.drop(UTAH)
    world.exact.create(world.plane._galleries.known(UTAH).space, world.deadline)
    refused(
        ErrorCode.PLANE_UNAVAILABLE,
        lambda: world.ask(world.grant(search_id="lost"), face(2)),
    )
