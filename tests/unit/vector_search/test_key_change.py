"""The plane pins the state's first key and follows its chain, and nobody else's (law 2)."""

import pytest

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.notes import NoteSigner
from tests.builders.plane import UTAH, World, face, signer
from tests.unit.vector_search.conftest import Refused

SECOND, THIRD = (NoteSigner.generate(key_name(UTAH)) for _ in range(2))


def publish(
    world: World, by: NoteSigner, to: NoteSigner | None = None, *, version: int, previous: str
) -> str:
    bundle = build_bundle(
        b"permit",
        b"jurisdiction",
        jurisdiction=UTAH,
        version=version,
        previous=previous,
        signer=by,
        next_signer=to,
    )
    world.proofs.policies[bundle.digest] = bundle
    return bundle.digest


def pinned(world: World) -> str:
    (gallery,) = [one for one in world.plane.galleries(world.deadline) if one.jurisdiction == UTAH]
    return gallery.authority_key


def test_the_plane_follows_the_states_keys(world: World) -> None:
    first = signer(key_name(UTAH))
    change = publish(world, first, SECOND, version=2, previous=world.policies[UTAH])
    assert world.ask(world.grant(policy=change, search_id="s-1"), face(1))
    assert pinned(world) == SECOND.verifier.text
    after = publish(world, SECOND, version=3, previous=change)
    assert world.ask(world.grant(policy=after, search_id="s-2"), face(1))
    assert world.ask(world.grant(policy=change, search_id="s-3"), face(1))


def test_a_change_that_the_plane_never_saw_is_followed_later(world: World) -> None:
    first = signer(key_name(UTAH))
    two = publish(world, first, SECOND, version=2, previous=world.policies[UTAH])
    three = publish(world, SECOND, THIRD, version=3, previous=two)
    four = publish(world, THIRD, version=4, previous=three)
    assert world.ask(world.grant(policy=four), face(1))
    assert pinned(world) == THIRD.verifier.text


def test_two_first_searches_at_once_follow_to_the_same_key(world: World) -> None:
    """What the second one fetches, the first has followed meanwhile."""
    first = signer(key_name(UTAH))
    change = publish(world, first, SECOND, version=2, previous=world.policies[UTAH])
    answer, meanwhile = world.proofs.policy, world.grant(policy=change, search_id="s-2")
    calls = []

    def slow(digest: str, deadline: Deadline) -> AuthorityBundle:
        calls.append(digest)
        if len(calls) == 1:
            assert world.ask(meanwhile, face(1))
        return answer(digest, deadline)

    world.proofs.policy = slow  # type: ignore[method-assign]
    assert world.ask(world.grant(policy=change, search_id="s-1"), face(1))
    assert calls == [change, change]
    assert pinned(world) == SECOND.verifier.text


def test_after_the_change_the_old_key_opens_nothing(world: World, refused: Refused) -> None:
    first = signer(key_name(UTAH))
    change = publish(world, first, SECOND, version=2, previous=world.policies[UTAH])
    world.ask(world.grant(policy=change, search_id="s-1"), face(1))
    by_old = publish(world, first, version=3, previous=change)
    for number, digest in enumerate((by_old, world.policies[UTAH])):
        grant = world.grant(policy=digest, search_id=f"old-{number}")
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda grant=grant: world.ask(grant, face(1)))  # type: ignore[misc]
    assert pinned(world) == SECOND.verifier.text


@pytest.mark.parametrize("lost", [True, False])
def test_a_chain_with_a_gap_is_not_followed(world: World, refused: Refused, lost: bool) -> None:
    first = signer(key_name(UTAH))
    change = publish(world, first, SECOND, version=2, previous=world.policies[UTAH])
    after = publish(world, SECOND, version=3, previous=change if lost else "")
    if lost:
        del world.proofs.policies[change]
    grant = world.grant(policy=after)
    refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))
    assert pinned(world) == first.verifier.text
