"""A plane that is told of a search before it comes: ready sooner, and no easier to convince."""

import threading
from dataclasses import replace

import pytest

from onrecord.chassis.database import read_transaction
from onrecord.kernel.errors import ErrorCode
from onrecord.proof import canonical
from onrecord.proof.grant import GrantReader
from onrecord.vector_search.roster import ledger
from onrecord.vector_search.service import foreseeing
from tests.builders.ledger import ORIGIN
from tests.builders.plane import UTAH, VERMONT, World, face
from tests.unit.vector_search.conftest import Refused

_SECONDS = 20.0


def size_kept(world: World) -> int:
    with read_transaction(world.roster) as tx:
        held = ledger.highest(tx, ORIGIN)
    return 0 if held is None else held.checkpoint.size


def test_the_search_asks_nobody_for_what_was_foreseen(world: World) -> None:
    """Proof and policy are asked for once, before; the answer is the one it would have been."""
    world.ask(world.grant(search_id="first"), face(1))
    grant = world.grant(search_id="second")
    world.proofs.asked.clear()
    world.plane.foresee(grant, world.deadline)
    assert world.proofs.asked == [(1, 2)]
    assert world.exact.foreseen == [UTAH]
    world.proofs.down = True
    assert world.ask(grant, face(1)).candidates
    assert world.proofs.asked == [(1, 2)]


def test_a_policy_is_fetched_before_it_is_needed(world: World) -> None:
    grant = world.grant()
    world.plane.foresee(grant, world.deadline)
    world.proofs.down = True
    assert world.ask(grant, face(1)).candidates


def test_nothing_is_stored_or_told_by_it(world: World) -> None:
    """Laws 2 and 3: no checkpoint, no receipt, no message; only the search keeps."""
    world.ask(world.grant(search_id="first"), face(1))
    published, asked = list(world.publisher.events), list(world.exact.asked)
    world.plane.foresee(world.grant(), world.deadline)
    assert size_kept(world) == 1
    assert world.publisher.events == published
    assert world.exact.asked == asked
    assert [said["search_id"] for said in world.receipts()] == ["first"]


def test_galleries_of_other_planes_are_passed_over(world: World) -> None:
    world.plane.foresee(world.grant((UTAH, VERMONT)), world.deadline)
    assert world.exact.foreseen == [UTAH]


def test_a_grant_that_expires_in_between_is_refused(world: World, refused: Refused) -> None:
    """Law 2: what was foreseen is judged at the search, by the clock of then."""
    grant = world.grant()
    world.plane.foresee(grant, world.deadline)
    world.clock.pass_by(minutes=5)
    refused(ErrorCode.GRANT_EXPIRED, lambda: world.ask(grant, face(1)))
    refused(ErrorCode.GRANT_EXPIRED, lambda: world.plane.foresee(grant, world.deadline))
    assert world.receipts() == []


def test_a_forged_grant_is_foreseen_by_nobody(world: World, refused: Refused) -> None:
    """Law 2: neither when it is announced nor when it comes; the true one is not made it."""
    grant = world.grant(search_id="true")
    forged = replace(grant, body=canonical.encode(world.grant_body(search_id="forged")))
    world.plane.foresee(grant, world.deadline)
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.plane.foresee(forged, world.deadline))
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.ask(forged, face(1)))
    assert world.exact.foreseen == [UTAH]


def test_a_wrong_proof_is_believed_no_more_for_coming_sooner(
    world: World, refused: Refused
) -> None:
    """Law 2: it is verified at the search; and it does not stand in a true one's way."""
    world.ask(world.grant(search_id="first"), face(1))
    grant = world.grant(search_id="second")
    world.proofs.instead = (b"\x00" * 32,) * 2
    world.plane.foresee(grant, world.deadline)
    world.proofs.instead = None
    refused(ErrorCode.LEDGER_INCONSISTENT, lambda: world.ask(grant, face(1)))
    assert size_kept(world) == 1
    assert world.ask(grant, face(1)).candidates


def test_a_flood_of_them_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as `AT_ONCE` are at work; one more returns at once, and searches go on."""
    free, entered = threading.Event(), threading.Semaphore(0)
    ready = world.exact.foresee

    def slow(space: object, deadline: object) -> None:
        entered.release()
        assert free.wait(_SECONDS)

    monkeypatch.setattr(world.exact, "foresee", slow)
    grant = world.grant()
    flood = [
        threading.Thread(target=world.plane.foresee, args=(grant, world.deadline))
        for _ in range(foreseeing.AT_ONCE)
    ]
    try:
        for one in flood:
            one.start()
        for _ in flood:
            assert entered.acquire(timeout=_SECONDS)
        world.plane.foresee(grant, world.deadline)  # does nothing, and waits for nobody
        assert not entered.acquire(blocking=False)
        assert world.ask(grant, face(1)).candidates
    finally:
        free.set()
        for one in flood:
            one.join(_SECONDS)
    monkeypatch.setattr(world.exact, "foresee", ready)
    world.plane.foresee(grant, world.deadline)
    assert world.exact.foreseen == [UTAH]


def test_what_was_read_is_remembered_by_everything_in_it(world: World, refused: Refused) -> None:
    """A reader that knows a grant is fooled by no other body, nonce, place, proof or checkpoint."""
    world.grant(search_id="before")
    grant = world.grant(search_id="true")
    reader = GrantReader(world.ledger.key, limit=2)
    known = reader.read(grant)
    assert reader.read(grant) is known
    for changed in (
        replace(grant, body=canonical.encode(world.grant_body(search_id="other"))),
        replace(grant, nonce=b"\x01" * 32),
        replace(grant, index=0),
        replace(grant, inclusion=()),
    ):
        refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda one=changed: reader.read(one))  # type: ignore[misc]
    refused(
        ErrorCode.GRANT_CHECKPOINT_INVALID,
        lambda: reader.read(replace(grant, checkpoint=grant.checkpoint + "\n")),
    )
    for name in ("third", "fourth"):  # it remembers two
        reader.read(world.grant(search_id=name))
    assert reader.read(grant) is not known
