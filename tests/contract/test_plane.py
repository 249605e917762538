"""`Plane`, in process and over gRPC: the same answers, the same refusals (laws 2, 3, 6, 9)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.vector_search import EnrolmentStart, GallerySearch, Plane
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.vector_search.rpc import register
from tests.builders.plane import (
    MODEL,
    START,
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
from tests.builders.servers import Servers
from tests.contract.conftest import Refused, foreign, plain_text

SAME, DIFFERENT = "supports_same", "supports_different"


class TestGalleries:
    def test_making_it_twice_is_making_it_once(self, world: World, refused: Refused) -> None:
        setup = world.setup(UTAH)
        info = world.plane.create_gallery(setup, world.deadline)
        assert world.plane.create_gallery(setup, world.deadline) == info
        assert (info.jurisdiction, info.model_id, info.metric) == (UTAH, MODEL, "IP")
        assert len(info.public_key) == 32
        assert (info.live_records, info.last_sequence) == (5, 0)
        assert world.plane.galleries(world.deadline) == (info,)
        other = replace(setup, metric="L2")
        refused(ErrorCode.GALLERY_EXISTS, lambda: world.plane.create_gallery(other, world.deadline))


class TestEnrolment:
    def test_each_enrolment_is_the_next_generation(self, world: World) -> None:
        """The older generation is gone in the same step."""
        first = world.begin("UT-9", portrait(9))
        second = world.begin("UT-9", portrait(9))
        assert second.generation > first.generation
        said = world.verifier.verify(
            second.attestation, Service.VECTOR_SEARCH, statements.ENROLMENT_TICKET
        )
        assert said["generation"] == second.generation
        assert second.model_id == MODEL

    def test_a_change_is_signed_for_the_ledger(self, world: World) -> None:
        change = world.enrol(9)
        said = world.verifier.verify(change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert said["gallery"] == UTAH
        assert record_name(9).encode() not in change.statement

    def test_a_generation_that_was_overtaken(self, world: World, refused: Refused) -> None:
        image = portrait(9)
        stale = world.begin("UT-9", image)
        fresh = world.begin("UT-9", image)
        world.plane.complete_enrolment(world.completion(fresh, image, face(9)), world.deadline)
        late = world.completion(stale, image, face(9))
        refused(
            ErrorCode.GENERATION_STALE,
            lambda: world.plane.complete_enrolment(late, world.deadline),
        )

    def test_a_template_of_another_image_is_refused(self, world: World, refused: Refused) -> None:
        ticket = world.begin("UT-9", portrait(9))
        made = world.completion(ticket, portrait(9), face(9))
        other = world.template(ticket.attestation, sha256(portrait(8)), face(9))
        swapped = replace(made, template=other)
        refused(
            ErrorCode.ATTESTATION_INVALID,
            lambda: world.plane.complete_enrolment(swapped, world.deadline),
        )

    @pytest.mark.parametrize("record_id", ["", "x" * 129])
    def test_an_id_that_cannot_be_one(self, world: World, refused: Refused, record_id: str) -> None:
        start = EnrolmentStart(UTAH, record_id, sha256(b""))
        refused(
            ErrorCode.RECORD_ID_INVALID,
            lambda: world.plane.begin_enrolment(start, world.deadline),
        )

    def test_a_gallery_that_is_not_there(self, world: World, refused: Refused) -> None:
        start = EnrolmentStart("US-WY", "WY-1", sha256(b""))
        refused(
            ErrorCode.GALLERY_UNKNOWN, lambda: world.plane.begin_enrolment(start, world.deadline)
        )


class TestSearch:
    def test_the_list_is_what_comparing_with_everyone_gives(self, world: World) -> None:
        probe = near(face(3), 1)
        result = world.ask(world.grant(list_size=3), probe)
        everyone = sorted((float(face(number) @ probe) for number in range(5)), reverse=True)
        found = [candidate.similarity for candidate in result.candidates]
        np.testing.assert_allclose(found, [round(one * 1e6) for one in everyone[:3]], atol=1)
        assert result.gallery == UTAH

    def test_a_repeat_is_answered_with_what_was_answered_first(self, world: World) -> None:
        """R-9: and leaves no second receipt."""
        grant = world.grant()
        first = world.ask(grant, face(1))
        world.enrol(9)
        assert world.ask(grant, face(1)) == first
        assert list(world.plane.receipts(UTAH, 0, world.deadline)) == [first.receipt]
        assert list(world.plane.receipts(UTAH, 1, world.deadline)) == []

    def test_another_probe_under_the_grant_is_refused(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        world.ask(grant, face(1))
        refused(ErrorCode.GRANT_OTHER_PROBE, lambda: world.ask(grant, face(2)))

    def test_a_grant_that_was_never_logged(self, world: World, refused: Refused) -> None:
        """Laws 1 and 2."""
        grant = world.grant(list_size=3)
        forged = replace(grant, body=grant.body.replace(b'"list_size":3', b'"list_size":50'))
        refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.ask(forged, face(1)))
        assert list(world.plane.receipts(UTAH, 0, world.deadline)) == []

    def test_a_grant_for_another_gallery(self, world: World, refused: Refused) -> None:
        world.open_gallery(VERMONT)
        refused(ErrorCode.GRANT_GALLERY, lambda: world.ask(world.grant((UTAH,)), face(1), VERMONT))

    def test_a_grant_that_has_expired(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        template = world.template(grant, sha256(b"the probe"), face(1))
        world.clock.at = START + timedelta(minutes=6)
        refused(
            ErrorCode.GRANT_EXPIRED,
            lambda: world.plane.search(GallerySearch(UTAH, grant, template), world.deadline),
        )

    def test_a_ledger_that_does_not_answer(self, world: World, refused: Refused) -> None:
        """Law 4: the plane's own trouble with the ledger keeps its name."""
        world.ask(world.grant(search_id="s-0"), face(1))
        grant = world.grant()
        world.proofs.down = True
        refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: world.ask(grant, face(1)))

    def test_a_deadline_that_has_passed_looks_at_nothing(
        self, world: World, refused: Refused
    ) -> None:
        grant = world.grant()
        template = world.template(grant, sha256(b"the probe"), face(1))
        refused(
            ErrorCode.DEADLINE_EXCEEDED,
            lambda: world.plane.search(GallerySearch(UTAH, grant, template), Deadline.after(0.0)),
        )
        assert list(world.plane.receipts(UTAH, 0, world.deadline)) == []


class TestWhatLeaves:
    def test_a_logged_look_opens_the_portrait_it_names(
        self, world: World, refused: Refused
    ) -> None:
        """Law 6."""
        grant = world.grant()
        result = world.ask(grant, near(face(1), 1))
        look = world.look(grant, result.candidates[0].candidate_ref)
        assert world.plane.open_portrait(look, world.deadline) == portrait(1)
        refused(ErrorCode.GRANT_MALFORMED, lambda: world.plane.open_portrait(grant, world.deadline))

    def test_a_release_opens_the_record_it_names(self, world: World, refused: Refused) -> None:
        grant = world.grant()
        result = world.ask(grant, near(face(1), 1))
        refs = [candidate.candidate_ref for candidate in result.candidates]
        said = {ref: SAME if ref == refs[0] else DIFFERENT for ref in refs}
        decided = [world.decided(grant, by, said) for by in ("examiner-1", "examiner-2")]
        executed = [world.executed(result)]
        proof = world.release(grant, executed, decided, refs[:1])
        [lead] = world.plane.unseal(proof, world.deadline)
        assert (lead.gallery, lead.candidate_ref) == (UTAH, refs[0])
        assert lead.record_id == record_name(1)
        assert lead.similarity == result.candidates[0].similarity

        other = world.release(grant, executed, decided, refs[1:2])
        refused(ErrorCode.RELEASE_NOT_SUPPORTED, lambda: world.plane.unseal(other, world.deadline))


class TestOverGrpcAlone:
    """What only the wire can get wrong."""

    def test_the_client_answers_what_the_plane_answers(self, tmp_path: Path, net: Servers) -> None:
        """What was answered once is asked for both ways: every field is the same."""
        inside = build_world(tmp_path)
        port = net.serve(Service.VECTOR_SEARCH, register(inside.plane))
        client: Plane = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))
        inside.open_gallery()
        for number in range(5):
            inside.enrol(number)
        grant = inside.grant()
        template = inside.template(grant, sha256(b"the probe"), near(face(1), 1))
        search = GallerySearch(UTAH, grant, template)
        assert client.search(search, inside.deadline) == inside.plane.search(
            search, inside.deadline
        )
        assert client.galleries(inside.deadline) == inside.plane.galleries(inside.deadline)
        assert tuple(client.receipts(UTAH, 0, inside.deadline)) == tuple(
            inside.plane.receipts(UTAH, 0, inside.deadline)
        )

    def test_strangers_reach_nothing(self, tmp_path: Path, net: Servers, refused: Refused) -> None:
        inside = build_world(tmp_path)
        port = net.serve(Service.VECTOR_SEARCH, register(inside.plane))
        setup = inside.setup(UTAH)
        with (
            plain_text(port) as plain,
            foreign(port, Service.VECTOR_SEARCH, tmp_path / "foreign") as stranger,
        ):
            for channel in (plain, stranger):
                client = PlaneClient(channel)
                refused(
                    ErrorCode.PLANE_UNAVAILABLE,
                    lambda c=client: c.create_gallery(setup, inside.deadline),  # type: ignore[misc]
                )
        for caller in (Service.DETECTION, Service.EMBEDDING, Service.AUDIT, Service.VECTOR_SEARCH):
            client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH, caller))
            refused(
                ErrorCode.CALLER_NOT_ALLOWED,
                lambda c=client: c.create_gallery(setup, inside.deadline),  # type: ignore[misc]
            )
        assert inside.plane.galleries(inside.deadline) == ()
