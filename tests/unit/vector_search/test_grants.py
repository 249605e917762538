"""Law 2: a grant is checked where the data is. Every way to come without a good one is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from onrecord.contracts.images import Template
from onrecord.contracts.vector_search import GallerySearch
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical, statements
from onrecord.proof.authority import key_name
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteSigner
from tests.builders.ledger import ORIGIN, MemoryLedger
from tests.builders.plane import (
    DIMENSION,
    MODEL,
    UTAH,
    VERMONT,
    World,
    build_world,
    face,
    near,
    sha256,
    signer,
)
from tests.unit.vector_search.conftest import Refused

PROBE = sha256(b"the probe")


@pytest.fixture(autouse=True)
def nothing_is_receipted(world: World) -> Any:
    """A refused search leaves no receipt; tests that search say so by `world.receipts()`."""
    yield
    for said in world.receipts():
        assert said["search_id"] == "allowed"


def search(world: World, grant: LoggedEntry, template: Template, gallery: str = UTAH) -> object:
    return world.plane.search(GallerySearch(gallery, grant, template), world.deadline)


class TestTheEntry:
    def test_a_grant_that_was_never_logged(self, world: World, refused: Refused) -> None:
        """The attack of the demo: a body that looks right, with the proof of another entry."""
        grant = world.grant()
        body = world.grant_body(search_id="never-logged")
        forged = replace(grant, body=canonical.encode(body))
        refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.ask(forged, face(1)))

    def test_a_grant_whose_list_was_made_longer(self, world: World, refused: Refused) -> None:
        grant = world.grant(list_size=3)
        longer = replace(grant, body=grant.body.replace(b'"list_size":3', b'"list_size":9'))
        refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.ask(longer, face(1)))

    def test_a_grant_under_a_checkpoint_of_another_key(
        self, world: World, refused: Refused
    ) -> None:
        """A ledger of one's own, under the right name, with a perfect proof."""
        own = MemoryLedger(NoteSigner.generate(ORIGIN))
        forged = own.log(world.grant_body())
        refused(ErrorCode.GRANT_CHECKPOINT_INVALID, lambda: world.ask(forged, face(1)))

    def test_an_entry_that_is_not_a_grant(self, world: World, refused: Refused) -> None:
        entry = world.ledger.log({**world.grant_body(), "kind": "request.refused"})
        refused(ErrorCode.GRANT_MALFORMED, lambda: world.ask(entry, face(1)))


class TestTheHistory:
    """Consistency with the highest checkpoint ever seen, in whichever direction."""

    def test_a_fork_that_is_as_long(self, world: World, refused: Refused) -> None:
        """The ledger's own key signs two histories: the plane knows only one."""
        world.ask(world.grant(search_id="allowed"), face(1))
        fork = forked(world, entries=0)
        forged = fork.log(world.grant_body(search_id="forked"))
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: world.ask(forged, face(1)))

    @pytest.mark.parametrize("more", [1, 2, 5])
    def test_a_fork_that_is_longer(self, world: World, refused: Refused, more: int) -> None:
        world.ask(world.grant(search_id="allowed"), face(1))
        fork = forked(world, entries=more)
        forged = fork.log(world.grant_body(search_id="forked"))
        world.proofs.ledger = fork  # even if the ledger now tells the other story
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: world.ask(forged, face(1)))

    def test_a_fork_that_is_shorter(self, world: World, refused: Refused) -> None:
        world.ledger.log({"kind": "x", "time": "2026-11-23T06:30:00.00Z"})
        world.ledger.log({"kind": "x", "time": "2026-11-23T06:30:00.00Z"})
        world.ask(world.grant(search_id="allowed"), face(1))
        fork = MemoryLedger(world.ledger.signer)
        forged = fork.log(world.grant_body(search_id="forked"))
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: world.ask(forged, face(1)))

    def test_an_older_checkpoint_of_the_same_history_is_accepted(self, world: World) -> None:
        """A grant may be slow on its way; the proof is then asked the other way round."""
        slow = world.grant(search_id="allowed")
        world.ask(world.grant(search_id="allowed", list_size=2), face(1))
        world.proofs.asked.clear()
        assert world.ask(slow, face(2))
        assert world.proofs.asked == [(1, 2)]

    def test_the_highest_checkpoint_outlives_the_process(
        self, world: World, refused: Refused
    ) -> None:
        world.ask(world.grant(search_id="allowed"), face(1))
        fork = forked(world, entries=0)
        again = build_world(world.folder, ledger=fork, index=world.index)
        again.policies, again.proofs.policies = world.policies, world.proofs.policies
        forged = fork.log(again.grant_body(search_id="forked"))
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: again.ask(forged, face(1)))
        again.plane.close()

    def test_without_a_proof_nothing_is_searched(self, world: World, refused: Refused) -> None:
        """Law 4: fail closed. The same grant is good once the ledger answers again."""
        world.ask(world.grant(search_id="allowed"), face(1))
        grant = world.grant(search_id="allowed", list_size=2)
        world.proofs.down = True
        refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: world.ask(grant, face(1)))
        world.proofs.down = False
        assert len(world.receipts()) == 1
        world.ask(grant, face(1))
        assert len(world.receipts()) == 2

    def test_the_wrong_proof_is_no_proof(self, world: World, refused: Refused) -> None:
        world.ask(world.grant(search_id="allowed"), face(1))
        for _ in range(3):
            grant = world.grant(search_id="other")
        world.proofs.instead = (b"\x00" * 32,) * 2
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: world.ask(grant, face(1)))


class TestWhatItAllows:
    def test_an_expired_grant(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        world.clock.pass_by(minutes=5)
        refused(ErrorCode.GRANT_EXPIRED, lambda: world.ask(grant, face(1)))

    @pytest.mark.parametrize(("left", "allowed"), [(5.0, True), (4.99, False), (0.0, False)])
    def test_nothing_is_begun_in_the_last_five_seconds(
        self, world: World, refused: Refused, left: float, allowed: bool
    ) -> None:
        grant = world.grant(search_id="allowed")
        world.clock.pass_by(seconds=300 - left)
        if allowed:
            world.ask(grant, face(1))
        else:
            refused(ErrorCode.GRANT_EXPIRED, lambda: world.ask(grant, face(1)))

    def test_a_search_that_outlasts_its_grant_ends_without_a_receipt(
        self, world: World, refused: Refused, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grant = world.grant()
        template = world.template(grant, PROBE, face(1))
        find = world.exact.search

        def slow(*arguments: Any) -> Any:
            world.clock.pass_by(minutes=6)
            return find(*arguments)

        monkeypatch.setattr(world.exact, "search", slow)
        refused(ErrorCode.GRANT_EXPIRED, lambda: search(world, grant, template))

    def test_a_grant_from_the_future(self, world: World, refused: Refused) -> None:
        """Law 2: where the ledger's clock was wrong for a moment, its grants would not end."""
        grant = world.grant(search_id="allowed")
        template = world.template(grant, PROBE, face(1))
        world.clock.pass_by(seconds=-61)
        refused(ErrorCode.GRANT_MALFORMED, lambda: search(world, grant, template))
        world.clock.pass_by(seconds=1)
        search(world, grant, template)

    @pytest.mark.parametrize("seconds", [-61, 61])
    def test_statements_that_were_not_made_under_it(
        self, world: World, refused: Refused, seconds: int
    ) -> None:
        """Law 2: a certificate is judged by the time that its own statement claims."""
        grant = world.grant()
        world.clock.pass_by(seconds=seconds)
        template = world.template(grant, PROBE, face(1))
        world.clock.pass_by(seconds=-seconds)
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, template))
        assert world.receipts() == []

    def test_another_gallery(self, world: World, refused: Refused) -> None:
        """Law 5: some state's yes never opens another state's gallery."""
        world.open_gallery(VERMONT)
        grant = world.grant((VERMONT,))
        refused(ErrorCode.GRANT_GALLERY, lambda: world.ask(grant, face(1), UTAH))

    def test_a_gallery_that_refused_in_the_same_entry(self, world: World, refused: Refused) -> None:
        body = world.grant_body((UTAH, VERMONT))
        body["galleries"][UTAH] = {"decision": "refused", "policy": None, "reasons": []}
        grant = world.ledger.log(body)
        refused(ErrorCode.GRANT_GALLERY, lambda: world.ask(grant, face(1)))

    def test_a_gallery_of_another_plane(self, world: World, refused: Refused) -> None:
        grant = world.grant(("US-MD",))
        refused(ErrorCode.GALLERY_UNKNOWN, lambda: world.ask(grant, face(1), "US-MD"))

    @pytest.mark.parametrize(("asked", "given"), [(3, 4), (51, 51), (3, 0), (3, -1)])
    def test_a_list_longer_than_was_asked_for(
        self, world: World, refused: Refused, asked: int, given: int
    ) -> None:
        body = world.grant_body(list_size=asked)
        body["galleries"][UTAH]["list_size"] = given
        grant = world.ledger.log(body)
        refused(ErrorCode.GRANT_LIST_SIZE, lambda: world.ask(grant, face(1)))

    def test_a_state_may_lower_its_part(self, world: World) -> None:
        body = world.grant_body(list_size=5, search_id="allowed")
        body["galleries"][UTAH]["list_size"] = 2
        assert len(world.ask(world.ledger.log(body), face(1)).candidates) == 2

    def test_a_grant_for_another_model(self, world: World, refused: Refused) -> None:
        grant = world.grant(model_id="other-model@1+fp32+ffffffffffffffff")
        refused(ErrorCode.GRANT_MODEL, lambda: world.ask(grant, face(1)))

    def test_a_template_of_another_model(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        other = "other-model@1+fp32+ffffffffffffffff"
        template = world.template(grant, PROBE, face(1), other)
        refused(ErrorCode.GRANT_MODEL, lambda: search(world, grant, template))


class TestThePolicy:
    def test_a_policy_signed_by_another_key_of_that_name(
        self, world: World, refused: Refused
    ) -> None:
        """The operator of audit cannot write a state's law."""
        digest = world.publish(UTAH, NoteSigner.generate(key_name(UTAH)))
        grant = world.grant(policy=digest)
        # The bundle has the same manifest, so the state's own signature is gone from the ledger.
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))

    def test_another_states_policy(self, world: World, refused: Refused) -> None:
        digest = world.publish(VERMONT, signer(key_name(VERMONT)))
        grant = world.grant(policy=digest)
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))

    def test_a_policy_nobody_has(self, world: World, refused: Refused) -> None:
        grant = world.grant(policy="ab" * 32)
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))

    def test_another_policy_under_the_digest_it_names(self, world: World, refused: Refused) -> None:
        good = world.proofs.policies[world.policies[UTAH]]
        world.proofs.policies["cd" * 32] = good
        grant = world.grant(policy="cd" * 32)
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))

    @pytest.mark.parametrize("spoil", ["policy", "authority", "signature"])
    def test_a_bundle_with_a_changed_part(self, world: World, refused: Refused, spoil: str) -> None:
        digest = world.policies[UTAH]
        bundle = world.proofs.policies[digest]
        changed: Any = {"policy": b"permit", "authority": b"x", "signature": "x\n\n"}[spoil]
        world.proofs.policies[digest] = replace(bundle, **{spoil: changed})
        grant = world.grant()
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: world.ask(grant, face(1)))

    def test_a_policy_that_cannot_be_read_now(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        world.proofs.down = True
        refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: world.ask(grant, face(1)))

    def test_a_policy_seen_signed_once_is_not_asked_for_again(self, world: World) -> None:
        world.ask(world.grant(search_id="allowed"), face(1))
        world.proofs.policies.clear()
        assert world.ask(world.grant(search_id="allowed", list_size=2), face(2))


class TestTheTemplate:
    """The chain from the granted probe: each link signed by the service that made it."""

    def test_a_template_of_another_probe(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        template = world.template(grant, sha256(b"another photograph"), face(1))
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, template))

    def test_a_template_made_for_another_grant(self, world: World, refused: Refused) -> None:
        grant, other = world.grant(), world.grant(search_id="s-2")
        template = world.template(other, PROBE, face(1))
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, template))

    def test_a_vector_that_was_not_the_one_embedded(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        template = world.template(grant, PROBE, face(1))
        swapped = Template(MODEL, face(2), template.detected, template.embedded)
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, swapped))

    def test_a_crop_that_was_swapped(self, world: World, refused: Refused) -> None:
        """Detection's word for one image, embedding's word for a face from another."""
        grant = world.grant()
        ours = world.template(grant, PROBE, face(1))
        other = world.template(grant, sha256(b"another photograph"), face(2))
        mixed = Template(MODEL, face(2), ours.detected, other.embedded)
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, mixed))

    def test_a_crop_that_detection_did_not_cut(self, world: World, refused: Refused) -> None:
        """Embedding names detection's statement but speaks of another crop."""
        grant = world.grant()
        template = world.template(grant, PROBE, face(1))
        said = {**statements.read(template.embedded), "crop_sha256": "0" * 64}
        embedded = world.attestors[Service.EMBEDDING].attest(said)
        mixed = Template(MODEL, face(1), template.detected, embedded)
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, mixed))

    @pytest.mark.parametrize("service", [Service.DETECTION, Service.VECTOR_SEARCH])
    def test_a_template_that_embedding_did_not_sign(
        self, world: World, refused: Refused, service: Service
    ) -> None:
        grant = world.grant()
        template = world.template(grant, PROBE, face(1))
        embedded = world.attestors[service].attest(statements.read(template.embedded))
        forged = Template(MODEL, face(1), template.detected, embedded)
        refused(ErrorCode.ATTESTATION_INVALID, lambda: search(world, grant, forged))

    @pytest.mark.parametrize("fault", ["short", "long", "nan", "infinite", "not unit", "zero"])
    def test_a_template_that_cannot_be_compared(
        self, world: World, refused: Refused, fault: str
    ) -> None:
        vector = face(1).copy()
        faulty = {
            "short": vector[:-1],
            "long": np.append(vector, np.float32(0)),
            "nan": np.where(np.arange(DIMENSION) == 3, np.float32("nan"), vector),
            "infinite": np.where(np.arange(DIMENSION) == 3, np.float32("inf"), vector),
            "not unit": vector * np.float32(1.01),
            "zero": vector * np.float32(0),
        }[fault].astype(np.float32)
        grant = world.grant()
        template = world.template(grant, PROBE, faulty)
        refused(ErrorCode.TEMPLATE_INVALID, lambda: search(world, grant, template))

    def test_half_precision_is_near_enough_to_unit_length(self, world: World) -> None:
        half = near(face(1), 1).astype(np.float16).astype(np.float32)
        assert world.ask(world.grant(search_id="allowed"), half)

    def test_raw_vectors_are_compared_by_distance_where_the_model_says_so(
        self, world: World
    ) -> None:
        """Metric L2: similarity is 1 - d²/2, no unit length is asked."""
        world.open_gallery(VERMONT, metric="L2")
        world.enrol(1, VERMONT)
        probe = (near(face(1), 1) * np.float32(0.9)).astype(np.float32)
        (found,) = world.ask(world.grant((VERMONT,)), probe, VERMONT).candidates
        distance = float(((face(1).astype(np.float64) - probe) ** 2).sum())
        assert abs(found.similarity - round(1e6 * (1 - distance / 2))) <= 1


def forked(world: World, *, entries: int) -> MemoryLedger:
    """The same ledger's key over another history; its next entry comes `entries` later."""
    fork = MemoryLedger(world.ledger.signer)
    for number in range(world.ledger.size - 1 + entries):
        fork.append({"kind": "x", "time": "2026-11-23T06:30:00.00Z", "number": number})
    return fork
