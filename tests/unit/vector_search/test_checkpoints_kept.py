"""The highest checkpoint is kept with the answers that rest on it (laws 2 and 4)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from onrecord.chassis.database import open_database, read_transaction
from onrecord.contracts.vector_search import GalleryFailure, GalleryResult
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import unobserved
from onrecord.proof.checkpoint import SignedCheckpoint
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster import ledger
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.relay import Relay
from onrecord.vector_search.service.searching import Searches
from onrecord.vector_search.service.trust import LedgerTrust
from tests.builders.databases import database_url
from tests.builders.ledger import ORIGIN, MemoryLedger
from tests.builders.searching import MARYLAND, UTAH, VERMONT, SearchWorld, build_searches


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    built = build_searches(tmp_path)
    yield built
    built.relay.close()
    built.roster.dispose()


def beside(world: SearchWorld, folder: Path) -> SearchWorld:
    """Another process of the plane: what it remembers is its own."""
    roster = open_database(database_url(folder, "roster"))
    relay = Relay(roster, world.bus, unobserved)
    parts = replace(world.searches._parts, roster=roster, relay=relay, reached=unobserved)
    searches = Searches(parts, LedgerTrust(parts), PolicyTrust(parts))
    return replace(world, roster=roster, relay=relay, searches=searches)


def kept(world: SearchWorld) -> SignedCheckpoint | None:
    with read_transaction(world.roster) as tx:
        return ledger.highest(tx, ORIGIN)


def size_kept(world: SearchWorld) -> int:
    held = kept(world)
    return 0 if held is None else held.checkpoint.size


def code_of(answer: object) -> ErrorCode:
    assert isinstance(answer, GalleryFailure), answer
    return answer.code


def test_it_is_kept_in_the_transaction_of_the_answers(tmp_path: Path) -> None:
    """Law 2: killed before it commits, neither stands; afterwards both do."""
    seen: list[int] = []

    def reached(point: str) -> None:
        if point == write_points.CHECKPOINT_STORED:
            seen.append(size_kept(built))
            if len(seen) == 1:
                raise KilledError

    built = build_searches(tmp_path, reached=reached)
    grant = built.grant()
    with pytest.raises(KilledError):
        built.ask_all(grant, built.template(grant))
    assert (size_kept(built), built.bus.published) == (0, [])
    again = built.ask_all(grant, built.template(grant))
    assert all(isinstance(one, GalleryResult) for one in again)
    assert size_kept(built) == built.ledger.size == 1
    assert seen == [0, 0]


def test_a_call_that_answers_nothing_keeps_what_it_has_seen(world: SearchWorld) -> None:
    """Law 2: "ever seen" is not only what was answered by."""
    grant = world.grant()
    world.index.down = True
    assert {code_of(one) for one in world.ask_all(grant, world.template(grant))} == {
        ErrorCode.PLANE_UNAVAILABLE
    }
    assert size_kept(world) == 1


def test_a_repeated_answer_beside_failures_keeps_what_it_has_seen(world: SearchWorld) -> None:
    """Law 2: the repeat was answered under a checkpoint of its own, and stores nothing."""
    grant = world.grant()
    world.ask(grant, world.template(grant), UTAH)
    assert size_kept(world) == 1
    world.grant("s-2")
    later = world.ledger.logged(0)
    world.index.down = True
    told = world.ask_all(later, world.template(grant), (UTAH, VERMONT))
    assert [type(one) for one in told] == [GalleryResult, GalleryFailure]
    assert size_kept(world) == 2


def test_what_may_have_been_searched_is_not_told_as_what_was_not(
    world: SearchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 3: with a receipt kept and not published, no later failure hides that there may be one.

    The gallery without a receipt says why the checkpoint could not be kept.
    """

    def away(deadline: object) -> None:
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "no proof is to be had")

    monkeypatch.setattr(world.searches._ledger, "keep_now", away)
    world.bus.down = True
    grant = world.grant(states=(UTAH,))
    told = world.ask_all(grant, world.template(grant), (UTAH, VERMONT))
    assert [code_of(one) for one in told] == [
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.LEDGER_UNAVAILABLE,
    ]


class Meanwhile:
    """`act` is done once, when candidates are found and nothing is kept of them yet."""

    def __init__(self) -> None:
        self.act: Callable[[], object] | None = None

    def __call__(self, point: str) -> None:
        if point == write_points.CANDIDATES_FOUND and self.act is not None:
            act, self.act = self.act, None
            act()


def test_what_another_process_keeps_meanwhile_is_compared_first(tmp_path: Path) -> None:
    """Law 2: and the answer is then stored all the same."""
    meanwhile = Meanwhile()
    world = build_searches(tmp_path, reached=meanwhile)
    other = beside(world, tmp_path)
    first, second = world.grant("s-1"), world.grant("s-2")
    meanwhile.act = lambda: other.ask(second, other.template(second), VERMONT)
    assert world.ask(first, world.template(first), UTAH).gallery == UTAH
    assert (world.proofs.asked, size_kept(world)) == (1, 2)
    third = world.grant("s-3")
    assert other.ask(third, other.template(third), UTAH).gallery == UTAH
    # What stands in place of what was kept here was compared with it: no proof but of the new one.
    fourth = world.grant("s-4")
    assert world.ask(fourth, world.template(fourth), UTAH).gallery == UTAH
    assert (world.proofs.asked, size_kept(world)) == (3, 4)


def test_a_fork_that_another_process_keeps_meanwhile_stops_the_answer(tmp_path: Path) -> None:
    """Laws 2 and 4: two processes were shown two histories, and the second to answer does not."""
    meanwhile = Meanwhile()
    world = build_searches(tmp_path, reached=meanwhile)
    other = beside(world, tmp_path)
    mine = world.grant("s-1")
    fork = MemoryLedger(world.ledger.signer)
    forked = replace(other, ledger=fork)
    theirs = forked.grant("s-fork")
    meanwhile.act = lambda: forked.ask(theirs, forked.template(theirs), VERMONT)
    told = world.ask_all(mine, world.template(mine), (UTAH, MARYLAND))
    assert {code_of(one) for one in told} == {ErrorCode.LEDGER_INCONSISTENT}
    assert [message.key for message in world.bus.published] == [VERMONT]
