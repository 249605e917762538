"""What leaves the plane: a portrait against a look, a record id against a release (law 6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from onrecord.contracts.vector_search import GalleryResult, Lead
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role
from onrecord.proof import canonical
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof
from tests.builders.ledger import MemoryLedger
from tests.builders.plane import (
    START,
    UTAH,
    VERMONT,
    World,
    build_world,
    face,
    near,
    portrait,
    record_name,
)
from tests.unit.vector_search.conftest import Refused

SAME, DIFFERENT, OPEN = "supports_same", "supports_different", "inconclusive"


@dataclass(frozen=True, slots=True)
class Found:
    grant: LoggedEntry
    result: GalleryResult

    @property
    def refs(self) -> list[str]:
        return [candidate.candidate_ref for candidate in self.result.candidates]


@pytest.fixture
def found(world: World) -> Found:
    grant = world.grant()
    return Found(grant, world.ask(grant, near(face(1), 1)))


class TestLooks:
    def test_a_logged_look_opens_the_one_portrait_it_names(
        self, world: World, found: Found
    ) -> None:
        look = world.look(found.grant, found.refs[0])
        assert world.plane.open_portrait(look, world.deadline) == portrait(1)
        assert world.plane.open_portrait(look, world.deadline) == portrait(1)

    def test_a_look_that_was_never_logged(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        look = world.look(found.grant, found.refs[0])
        body = look.body.replace(found.refs[0].encode(), found.refs[1].encode())
        forged = replace(look, body=body)
        refused(
            ErrorCode.GRANT_NOT_IN_LEDGER,
            lambda: world.plane.open_portrait(forged, world.deadline),
        )

    def test_a_grant_is_not_a_look(self, world: World, found: Found, refused: Refused) -> None:
        refused(
            ErrorCode.GRANT_MALFORMED,
            lambda: world.plane.open_portrait(found.grant, world.deadline),
        )

    def test_a_look_at_the_probe_opens_nothing_here(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        look = world.look(found.grant, "", target={"what": "probe"})
        refused(ErrorCode.GRANT_MALFORMED, lambda: world.plane.open_portrait(look, world.deadline))

    def test_a_look_that_has_expired(self, world: World, found: Found, refused: Refused) -> None:
        look = world.look(found.grant, found.refs[0])
        world.clock.pass_by(minutes=2)
        refused(ErrorCode.GRANT_EXPIRED, lambda: world.plane.open_portrait(look, world.deadline))

    def test_a_look_from_the_future(self, world: World, found: Found, refused: Refused) -> None:
        """Law 6: it would not end after two minutes."""
        look = world.look(found.grant, found.refs[0])
        world.clock.pass_by(seconds=-61)
        refused(ErrorCode.GRANT_MALFORMED, lambda: world.plane.open_portrait(look, world.deadline))

    def test_a_candidate_of_another_search(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        other = world.grant(search_id="s-2")
        ref = world.ask(other, face(2)).candidates[0].candidate_ref
        for look in (
            world.look(found.grant, ref),
            world.look(found.grant, ref, search_id="s-2"),
            world.look(found.grant, ref, grant_index=other.index),
        ):
            refused(ErrorCode.NOT_FOUND, lambda look=look: open_it(world, look))  # type: ignore[misc]

    def test_a_candidate_of_another_gallery(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        world.open_gallery(VERMONT)
        target = {"what": "candidate", "gallery": VERMONT, "candidate_ref": found.refs[0]}
        look = world.look(found.grant, "", target=target)
        refused(ErrorCode.NOT_FOUND, lambda: open_it(world, look))

    def test_a_candidate_nobody_named(self, world: World, found: Found, refused: Refused) -> None:
        look = world.look(found.grant, "0" * 32)
        refused(ErrorCode.NOT_FOUND, lambda: open_it(world, look))

    def test_a_look_in_a_forked_ledger(self, world: World, found: Found, refused: Refused) -> None:
        fork = MemoryLedger(world.ledger.signer)
        fork.append({"kind": "x", "time": format_time(START)})
        forged = fork.log(canonical_body(world.look(found.grant, found.refs[0])))
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: open_it(world, forged))

    def test_a_portrait_that_was_replaced_since(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        """Law 9: its key is destroyed, whatever was granted before."""
        world.enrol(60, record=1)
        look = world.look(found.grant, found.refs[0])
        refused(ErrorCode.NOT_FOUND, lambda: open_it(world, look))

    def test_a_portrait_that_was_exchanged_in_the_vault(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        """R-30: one sealed portrait in another's place does not open."""
        keys = list(world.vault.keys("vault/US-UT"))
        contents = [world.vault.get(key) for key in keys]
        for key, content in zip(keys, contents[1:] + contents[:1], strict=True):
            world.vault.put(key, content)
        look = world.look(found.grant, found.refs[0])
        refused(ErrorCode.SEAL_INVALID, lambda: open_it(world, look))


class TestReleases:
    def released(
        self,
        world: World,
        found: Found,
        first: Sequence[str] = (SAME, DIFFERENT, OPEN),
        second: Sequence[str] = (SAME, DIFFERENT, DIFFERENT),
        leads: Sequence[int] = (0,),
        by: tuple[str, str] = ("examiner-1", "examiner-2"),
    ) -> ReleaseProof:
        executed = world.executed(found.result)
        decided = [
            world.decided(found.grant, person, dict(zip(found.refs, said, strict=True)))
            for person, said in zip(by, (first, second), strict=True)
        ]
        return world.release(found.grant, [executed], decided, [found.refs[n] for n in leads])

    def test_what_two_examiners_support_is_unsealed(self, world: World, found: Found) -> None:
        proof = self.released(world, found)
        (lead,) = world.plane.unseal(proof, world.asker, world.deadline)
        best = found.result.candidates[0]
        assert lead == Lead(UTAH, best.candidate_ref, record_name(1), best.similarity)

    @pytest.mark.parametrize("name", ["examiner-1", "somebody-else"])
    def test_a_lead_is_for_the_person_who_asked(
        self, world: World, found: Found, refused: Refused, name: str
    ) -> None:
        """Law 10: whoever holds the proof does not hold the requester's token."""
        proof = self.released(world, found)
        token = world.token(name, Role.REQUESTER, Role.EXAMINER)
        refused(
            ErrorCode.CALLER_NOT_ALLOWED,
            lambda: world.plane.unseal(proof, token, world.deadline),
        )
        refused(ErrorCode.TOKEN_MISSING, lambda: world.plane.unseal(proof, "", world.deadline))

    def test_two_leads_are_the_most(self, world: World, found: Found, refused: Refused) -> None:
        both = (SAME, SAME, DIFFERENT)
        proof = self.released(world, found, both, both, (0, 1))
        assert len(world.plane.unseal(proof, world.asker, world.deadline)) == 2
        three = (SAME, SAME, SAME)
        proof = self.released(world, found, three, three, (0, 1, 2))
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ((SAME, DIFFERENT, OPEN), (OPEN, DIFFERENT, OPEN)),
            ((SAME, DIFFERENT, OPEN), (DIFFERENT, DIFFERENT, OPEN)),
            ((SAME, DIFFERENT, OPEN), (SAME, SAME, OPEN)),
        ],
    )
    def test_without_agreement_nothing_is_unsealed(
        self,
        world: World,
        found: Found,
        refused: Refused,
        first: Sequence[str],
        second: Sequence[str],
    ) -> None:
        """R-15: the plane derives the leads itself; a release entry alone opens nothing."""
        proof = self.released(world, found, first, second)
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    @pytest.mark.parametrize("by", [("asker", "examiner-1"), ("examiner-1", "examiner-1")])
    def test_two_examiners_are_two_people_and_not_the_requester(
        self, world: World, found: Found, refused: Refused, by: tuple[str, str]
    ) -> None:
        proof = self.released(world, found, by=by)
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    def test_a_release_that_was_never_logged(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        proof = self.released(world, found)
        forged = replace(proof, release=replace(proof.release, index=0))
        refused(
            ErrorCode.GRANT_NOT_IN_LEDGER,
            lambda: world.plane.unseal(forged, world.asker, world.deadline),
        )

    def test_a_release_of_a_candidate_that_was_not_agreed_on(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        proof = self.released(world, found, leads=(1,))
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    def test_a_receipt_that_this_plane_did_not_give(
        self, world: World, found: Found, refused: Refused
    ) -> None:
        """Whoever writes the ledger cannot say that something else was found here."""
        listed = [{"ref": ref, "similarity": 999_999} for ref in (found.refs[1], found.refs[0])]
        executed = world.executed(found.result, candidates=listed)
        said = dict.fromkeys(found.refs[:2], DIFFERENT) | {found.refs[1]: SAME}
        decided = [world.decided(found.grant, f"examiner-{n}", said) for n in (1, 2)]
        proof = world.release(found.grant, [executed], decided, [found.refs[1]])
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    def test_a_receipt_that_was_left_out(self, world: World, refused: Refused) -> None:
        """A release about a shorter list than was found: another gallery's part is missing."""
        world.open_gallery(VERMONT)
        world.enrol(7, VERMONT)
        grant = world.grant((UTAH, VERMONT))
        found = Found(grant, world.ask(grant, face(1)))
        world.ask(grant, face(1), VERMONT)
        proof = self.released(world, found)
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(proof, world.asker, world.deadline),
        )

    def test_leads_of_another_plane_are_not_ours_to_unseal(
        self, world: World, found: Found, folder: Path
    ) -> None:
        proof = self.released(world, found)
        other = build_world(folder / "other", ledger=world.ledger)
        other.open_gallery(VERMONT)
        assert other.plane.unseal(proof, other.asker, world.deadline) == ()
        other.plane.close()

    @pytest.mark.parametrize("forked", ["release", "decided"])
    def test_any_entry_of_another_history(
        self, world: World, found: Found, refused: Refused, forked: str
    ) -> None:
        """One decision that only a fork holds is enough to refuse."""
        proof = self.released(world, found)
        fork = MemoryLedger(world.ledger.signer)
        for nonce_and_body in world.ledger.bodies[:-1]:
            fork.append(canonical.decode(nonce_and_body[1]))  # type: ignore[arg-type]
        if forked == "release":
            body = canonical_body(proof.release)
            fork.append({**body, "time": format_time(START + timedelta(seconds=1))})
            forged = replace(proof, release=fork.logged(fork.size - 1))
        else:
            fork.append({"kind": "x", "time": format_time(START)})
            last = proof.decided[-1].index
            forged = replace(proof, decided=(proof.decided[0], fork.logged(last)))
        assert world.plane.unseal(proof, world.asker, world.deadline)
        refused(
            ErrorCode.LEDGER_INCONSISTENT,
            lambda: world.plane.unseal(forged, world.asker, world.deadline),
        )


def open_it(world: World, look: LoggedEntry) -> bytes:
    return world.plane.open_portrait(look, world.deadline)


def canonical_body(entry: LoggedEntry) -> dict[str, object]:
    body = canonical.decode(entry.body)
    assert isinstance(body, dict)
    return dict(body)
