"""`Plane`, in process and over gRPC: the same answers, the same refusals (laws 2, 3, 6, 9)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import numpy as np
import pytest

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.enrolment import (
    BeginState,
    EnrolmentBatch,
    EnrolmentStart,
    GalleryCheck,
    Redriven,
    RowStatus,
    vault_object_key,
)
from onrecord.contracts.events import EnrolmentRequested
from onrecord.contracts.vector_search import (
    GalleryFailure,
    GalleryResult,
    GallerySearch,
    Plane,
    PlaneSearch,
    TemplateSearch,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, UnansweredError
from onrecord.kernel.vocabulary import EnrolmentStatus, ManifestAct, Service
from onrecord.proof import statements
from onrecord.proof.manifests import Row
from onrecord.rpc import vector_search as rpc
from onrecord.rpc.v1 import vector_search_pb2 as messages
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
    ref_of,
    sha256,
)
from tests.builders.servers import Servers
from tests.contract.conftest import Refused, foreign, plain_text

SAME, DIFFERENT = "supports_same", "supports_different"


class TestGalleries:
    def test_making_it_twice_is_making_it_once(self, world: World, refused: Refused) -> None:
        setup = world.setup(UTAH)
        info = world.plane.create_gallery(setup, world.operator, world.deadline)
        assert world.plane.create_gallery(setup, world.operator, world.deadline) == info
        assert (info.jurisdiction, info.model_id, info.metric) == (UTAH, MODEL, "IP")
        assert len(info.public_key) == 32
        assert (info.live_records, info.last_sequence) == (5, 0)
        assert world.plane.galleries(world.deadline) == (info,)
        other = replace(setup, metric="L2")
        refused(
            ErrorCode.GALLERY_EXISTS,
            lambda: world.plane.create_gallery(other, world.operator, world.deadline),
        )


class TestEnrolment:
    def test_from_its_beginning_to_its_end(self, world: World) -> None:
        """Begun, brought, asked for on the bus, embedded, live; each step repeatable."""
        begun = world.start("UT-9", portrait(9))
        assert world.start("UT-9", portrait(9)) == begun
        assert begun.ticket is not None
        said = world.verifier.verify(
            begun.ticket.attestation, Service.VECTOR_SEARCH, statements.ENROLMENT_TICKET
        )
        assert (said["generation"], said["image_sha256"]) == (1, sha256(portrait(9)))
        world.submit(begun.ticket, portrait(9))
        requested = world.publisher.events[-1]
        assert isinstance(requested, EnrolmentRequested)
        assert requested.enrolment == ref_of(begun.ticket)
        state = world.plane.enrolment(UTAH, begun.enrolment_id, world.deadline)
        assert (state.status, state.ended_at) == (EnrolmentStatus.REQUESTED, None)
        world.arrive(world.embedded(begun.ticket, portrait(9), face(9)))
        state = world.plane.enrolment(UTAH, begun.enrolment_id, world.deadline)
        assert (state.status, state.code, state.ended_at) == (EnrolmentStatus.LIVE, None, START)
        assert world.start("UT-9", portrait(9)).state is BeginState.UNCHANGED

    def test_a_change_is_signed_for_the_ledger(self, world: World) -> None:
        change = world.enrol(9)
        said = world.verifier.verify(change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert said["gallery"] == UTAH
        assert record_name(9).encode() not in change.statement

    @pytest.mark.parametrize(
        "record_id", ["", "x" * 129, "x" * 10_240], ids=["empty", "longer", "much-longer"]
    )
    def test_an_id_that_cannot_be_one_is_a_rejected_row(self, world: World, record_id: str) -> None:
        begun = world.start(record_id, b"")
        assert (begun.state, begun.code) == (BeginState.REJECTED, ErrorCode.RECORD_ID_INVALID)

    def test_whose_gallery_it_is(self, world: World, refused: Refused) -> None:
        """Law 10: the plane itself verifies the token."""
        batch = EnrolmentBatch(UTAH, (EnrolmentStart("UT-9", sha256(b"")),))
        for token, code in (
            ("", ErrorCode.TOKEN_MISSING),
            (world.asker, ErrorCode.ROLE_MISSING),
            (world.custodian(VERMONT), ErrorCode.CALLER_NOT_ALLOWED),
        ):
            refused(
                code,
                lambda t=token: world.plane.begin_enrolments(batch, t, world.deadline),  # type: ignore[misc]
            )

    def test_what_is_not_there(self, world: World, refused: Refused) -> None:
        refused(ErrorCode.GALLERY_UNKNOWN, lambda: world.start("WY-1", b"", "US-WY"))
        refused(ErrorCode.NOT_FOUND, lambda: world.plane.enrolment(UTAH, "0" * 32, world.deadline))

    def test_transport_keys_are_handed_over_by_name(self, world: World, refused: Refused) -> None:
        """R-46."""
        key = world.plane.transport_key(UTAH, None, world.deadline)
        assert world.plane.transport_key(UTAH, key.key_id, world.deadline) == key
        assert len(key.key) == 32
        refused(
            ErrorCode.SEAL_KEY_DESTROYED,
            lambda: world.plane.transport_key(UTAH, "0" * 32, world.deadline),
        )


class TestManifests:
    def test_a_list_goes_through_row_by_row(self, world: World, refused: Refused) -> None:
        """R-42: with the state's signature, by chunk, to the ledger."""
        rows = [Row(record_name(n), sha256(portrait(n)), f"{n}.jpg") for n in (1, 8, 9)]
        signed = world.manifest([*rows, rows[0]], chunk_rows=3)
        token = world.custodian()
        state = world.plane.open_manifest(signed.header, signed.signature, token, world.deadline)
        assert (state.act, state.rows, state.complete) == (ManifestAct.ENROL, 4, False)
        refused(
            ErrorCode.SIGNATURE_INVALID,
            lambda: world.plane.open_manifest(
                signed.header, world.manifest(rows).signature, token, world.deadline
            ),
        )
        first = world.plane.put_chunk(signed.ref(0), signed.chunks[0], world.deadline)
        assert (first.delivered, first.counts) == (True, {RowStatus.AWAITED: 3})
        refused(
            ErrorCode.MANIFEST_CHANGED,
            lambda: world.plane.put_chunk(signed.ref(1), rows[1:2], world.deadline),
        )
        last = world.plane.put_chunk(signed.ref(1), signed.chunks[1], world.deadline)
        assert last.closed
        starts = tuple(
            EnrolmentStart(
                row.record_id,
                row.image_sha256,
                number,
                ErrorCode.IMAGE_CORRUPT if number == 2 else None,
            )
            for number, row in enumerate(rows, 1)
        )
        batch = EnrolmentBatch(UTAH, starts, signed.ref(0))
        begun = world.plane.begin_enrolments(batch, "", world.deadline)
        assert [one.state for one in begun] == [
            BeginState.UNCHANGED,
            BeginState.REJECTED,
            BeginState.BEGUN,
        ]
        assert begun[2].ticket is not None
        world.submit(begun[2].ticket, portrait(9))
        world.arrive(world.embedded(begun[2].ticket, portrait(9), face(9)))
        state = world.plane.manifest(signed.id, world.deadline)
        assert state.complete
        counted = {RowStatus.UNCHANGED: 1, RowStatus.REJECTED: 1, RowStatus.ACCEPTED: 1}
        assert state.chunks[0].counts == counted
        change = state.chunks[0].change
        assert change is not None
        said = world.verifier.verify(change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert (said["manifest"], said["rows"]) == (signed.id, 3)
        (rejected,) = world.plane.manifest_rows(
            signed.ref(0), [RowStatus.REJECTED], 0, 10, world.deadline
        )
        assert (rejected.row, rejected.code) == (2, ErrorCode.IMAGE_CORRUPT)
        assert rejected.content == rows[1]

    def test_one_that_is_not_there(self, world: World, refused: Refused) -> None:
        refused(ErrorCode.NOT_FOUND, lambda: world.plane.manifest("0" * 64, world.deadline))


class TestDeletion:
    def test_gone_when_it_is_acknowledged(self, world: World, refused: Refused) -> None:
        """Law 9: and the receipt is the same for a repeat."""
        token = world.custodian()
        deletion = world.plane.delete_record(UTAH, record_name(1), token, world.deadline)
        assert world.plane.delete_record(UTAH, record_name(1), token, world.deadline) == deletion
        assert world.plane.deletion(UTAH, record_name(1), token, world.deadline) == deletion
        said = world.verifier.verify(
            deletion.deleted, Service.VECTOR_SEARCH, statements.RECORD_DELETED
        )
        assert said["gallery"] == UTAH
        assert deletion.vectors_compacted_at is None
        assert world.ask(world.grant(), face(1)).candidates[0].similarity < 900_000
        refused(
            ErrorCode.NOT_FOUND,
            lambda: world.plane.delete_record(UTAH, "UT-never", token, world.deadline),
        )
        refused(
            ErrorCode.ROLE_MISSING,
            lambda: world.plane.delete_record(UTAH, record_name(2), world.asker, world.deadline),
        )


class TestUpkeep:
    def test_roster_index_and_vault_agree(self, world: World, refused: Refused) -> None:
        """R-48."""
        check = world.plane.check_gallery(UTAH, False, world.custodian(), None, world.deadline)
        assert check == GalleryCheck(UTAH, 5, 5, 0, 0, 0, 0)
        world.vault.put(vault_object_key(UTAH, "f" * 32), b"of nobody that the roster knows")
        check = world.plane.check_gallery(UTAH, False, world.custodian(), None, world.deadline)
        assert check == GalleryCheck(UTAH, 5, 5, 0, 0, 0, 0, 1)
        check = world.plane.check_gallery(UTAH, False, world.custodian(), 1, world.deadline)
        assert check == GalleryCheck(UTAH, 5, 5, 0, 0, 0, 0)
        refused(
            ErrorCode.ROLE_MISSING,
            lambda: world.plane.check_gallery(UTAH, True, world.asker, None, world.deadline),
        )

    def test_an_enrolment_that_stopped_is_sent_on_its_way_again(self, world: World) -> None:
        ticket = world.begin("UT-9", portrait(9))
        world.submit(ticket, portrait(9))
        said = world.plane.redrive(
            UTAH, [ticket.enrolment_id, "0" * 32], world.custodian(), world.deadline
        )
        assert said == (
            Redriven(ticket.enrolment_id, None),
            Redriven("0" * 32, ErrorCode.NOT_FOUND),
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

    def test_galleries_of_one_call_are_answered_each_for_itself(self, world: World) -> None:
        """Law 8: in the order asked, with a receipt each or with why not."""
        world.open_gallery(VERMONT)
        world.enrol(6, VERMONT)
        grant = world.grant((UTAH, VERMONT))
        template = world.template(grant, sha256(b"the probe"), face(6))
        asked = PlaneSearch(grant, (TemplateSearch(template, (VERMONT, "US-MD", UTAH)),))
        vermont, maryland, utah = world.plane.search_galleries(asked, world.deadline)
        assert isinstance(maryland, GalleryFailure)
        assert (maryland.gallery, maryland.code) == ("US-MD", ErrorCode.GALLERY_UNKNOWN)
        assert maryland.field == "gallery"
        for name, answer in ((VERMONT, vermont), (UTAH, utah)):
            assert isinstance(answer, GalleryResult)
            assert answer.gallery == name
            assert list(world.plane.receipts(name, 0, world.deadline)) == [answer.receipt]
        assert world.plane.search(GallerySearch(UTAH, grant, template), world.deadline) == utah

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

    def test_a_search_that_was_foreseen_is_answered_alike(self, world: World) -> None:
        """Foreseeing gives nothing, as often as it is done, and takes nothing from the search."""
        grant = world.grant(list_size=3)
        for _ in range(2):
            world.plane.foresee(grant, world.deadline)
        assert list(world.plane.receipts(UTAH, 0, world.deadline)) == []
        assert world.ask(grant, face(1)).candidates
        assert len(world.plane.receipts(UTAH, 0, world.deadline)) == 1

    def test_a_forged_grant_is_not_foreseen(self, world: World, refused: Refused) -> None:
        """Law 2."""
        grant = world.grant(list_size=3)
        forged = replace(grant, body=grant.body.replace(b'"list_size":3', b'"list_size":50'))
        refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: world.plane.foresee(forged, world.deadline))

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
        [lead] = world.plane.unseal(proof, world.asker, world.deadline)
        assert (lead.gallery, lead.candidate_ref) == (UTAH, refs[0])
        assert lead.record_id == record_name(1)
        assert lead.similarity == result.candidates[0].similarity

        other = world.release(grant, executed, decided, refs[1:2])
        refused(
            ErrorCode.RELEASE_NOT_SUPPORTED,
            lambda: world.plane.unseal(other, world.asker, world.deadline),
        )


def _of_the_version_before(plane: Plane) -> Register:
    """A server that knows the search of one gallery, and none of several."""

    def search(
        request: messages.SearchRequest, context: grpc.ServicerContext
    ) -> messages.SearchResponse:
        found = plane.search(rpc.read_gallery_search(request), deadline_of(context))
        return rpc.gallery_result_message(found)

    method = grpc.unary_unary_rpc_method_handler(
        search,
        request_deserializer=messages.SearchRequest.FromString,
        response_serializer=messages.SearchResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "onrecord.rpc.v1.VectorSearch", {"Search": method}
    )
    return lambda server: server.add_generic_rpc_handlers((service,))


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

    def test_a_plane_of_the_version_before_is_asked_gallery_after_gallery(
        self, tmp_path: Path, net: Servers
    ) -> None:
        """Law 8: it knows no call for several, and answers all the same."""
        world = build_world(tmp_path)
        world.open_gallery(UTAH)
        world.enrol(1)
        port = net.serve(Service.VECTOR_SEARCH, _of_the_version_before(world.plane))
        client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))
        grant = world.grant((UTAH, VERMONT))
        template = world.template(grant, sha256(b"the probe"), face(1))
        asked = PlaneSearch(grant, (TemplateSearch(template, (VERMONT, UTAH)),))
        client.foresee(grant, world.deadline)  # which it does not know either, and needs not
        vermont, utah = client.search_galleries(asked, world.deadline)
        assert isinstance(vermont, GalleryFailure)
        assert vermont.code is ErrorCode.GALLERY_UNKNOWN
        assert isinstance(utah, GalleryResult)

    def test_a_plane_of_the_version_before_that_says_nothing_is_in_doubt(
        self, tmp_path: Path, net: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Law 3: it may have searched, and its receipt may come; "not searched" is not known."""
        world = build_world(tmp_path)
        world.open_gallery(UTAH)
        port = net.serve(Service.VECTOR_SEARCH, _of_the_version_before(world.plane))
        client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))

        def broken(search: GallerySearch, deadline: Deadline) -> GalleryResult:
            raise UnansweredError(ErrorCode.PLANE_UNAVAILABLE, "the connection broke")

        monkeypatch.setattr(client, "search", broken)
        grant = world.grant((UTAH,))
        template = world.template(grant, sha256(b"the probe"), face(1))
        asked = PlaneSearch(grant, (TemplateSearch(template, (UTAH,)),))
        (utah,) = client.search_galleries(asked, world.deadline)
        assert isinstance(utah, GalleryFailure)
        assert isinstance(utah.error, UnansweredError)
        assert utah.error.code is ErrorCode.PLANE_UNAVAILABLE

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
                    lambda c=client: c.create_gallery(setup, inside.operator, inside.deadline),  # type: ignore[misc]
                )
        for caller in (Service.DETECTION, Service.EMBEDDING, Service.AUDIT, Service.VECTOR_SEARCH):
            client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH, caller))
            refused(
                ErrorCode.CALLER_NOT_ALLOWED,
                lambda c=client: c.create_gallery(setup, inside.operator, inside.deadline),  # type: ignore[misc]
            )
        assert inside.plane.galleries(inside.deadline) == ()
