"""Enrolment: one generation at a time, portraits nobody else reads (laws 7, 9; R-26, R-30)."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from onrecord.chassis.bus.outcomes import Done, Failed
from onrecord.chassis.database import read_transaction
from onrecord.chassis.sealing import new_gallery_key, seal, unwrap
from onrecord.clients.transport import TEMPLATE
from onrecord.contracts.enrolment import (
    BeginState,
    EnrolmentBatch,
    EnrolmentStart,
    portrait_aad,
)
from onrecord.contracts.events import (
    EnrolmentRejected,
    EnrolmentRequested,
    GalleryChanged,
    RecordEnrolled,
    SealedBytes,
    ingest_object_key,
)
from onrecord.contracts.vector_search import GallerySetup
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import EnrolmentStatus, Role, Service
from onrecord.proof import statements
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.core.naming import record_mac
from onrecord.vector_search.core.statements import committed
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster import records
from tests.builders.plane import (
    MODEL,
    START,
    UTAH,
    VERMONT,
    World,
    build_world,
    face,
    portrait,
    record_name,
    ref_of,
    sha256,
    signer,
)
from tests.unit.vector_search.conftest import PEOPLE, Refused

IMAGE = portrait(90)


class TestGalleries:
    def test_making_it_twice_is_making_it_once(self, world: World) -> None:
        first = world.plane.create_gallery(world.setup(UTAH), world.operator, world.deadline)
        assert first == world.plane.create_gallery(
            world.setup(UTAH), world.operator, world.deadline
        )
        assert first.live_records == len(PEOPLE)
        assert world.plane.galleries(world.deadline) == (first,)

    @pytest.mark.parametrize(
        "change",
        [{"model_id": "other"}, {"dimension": 8}, {"metric": "L2"}, {"authority_key": "another"}],
    )
    def test_another_setup_is_another_gallery(
        self, world: World, refused: Refused, change: dict[str, object]
    ) -> None:
        if "authority_key" in change:
            from onrecord.proof.notes import NoteSigner

            change = {"authority_key": NoteSigner.generate(f"{UTAH}/authority").verifier.text}
        setup = replace(world.setup(UTAH), **change)  # type: ignore[arg-type]
        refused(
            ErrorCode.GALLERY_EXISTS,
            lambda: world.plane.create_gallery(setup, world.operator, world.deadline),
        )

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("metric", "COSINE"),
            ("dimension", 0),
            ("dimension", 5000),
            ("model_id", ""),
            ("authority_key", signer("US-VT/authority").verifier.text),
        ],
    )
    def test_a_setup_that_cannot_be(
        self, world: World, refused: Refused, field: str, value: object
    ) -> None:
        setup: GallerySetup = replace(world.setup("US-MD"), **{field: value})  # type: ignore[arg-type]
        error = refused(
            ErrorCode.FIELD_INVALID,
            lambda: world.plane.create_gallery(setup, world.operator, world.deadline),
        )
        assert error.field == field

    def test_a_gallery_keeps_its_own_key_from_others(self, world: World, folder: Path) -> None:
        """R-30: each state's key in a file only the plane may read."""
        world.open_gallery(VERMONT)
        utah, vermont = sorted((folder / "keys").glob("*.x25519"))
        assert utah.stat().st_mode & 0o777 == 0o600
        assert utah.read_bytes() != vermont.read_bytes()
        infos = world.plane.galleries(world.deadline)
        assert infos[0].public_key != infos[1].public_key


class TestBeginning:
    def test_a_ticket_says_what_may_be_processed_and_not_whose_it_is(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        said = world.verifier.verify(
            ticket.attestation, Service.VECTOR_SEARCH, statements.ENROLMENT_TICKET
        )
        record = said.pop("record")
        assert said == {
            "type": statements.ENROLMENT_TICKET,
            "time": format_time(START),
            "gallery": UTAH,
            "enrolment_id": ticket.enrolment_id,
            "generation": 1,
            "image_sha256": sha256(IMAGE),
            "model_id": MODEL,
            "expires_at": format_time(START + timedelta(hours=24)),
        }
        again = statements.read(world.begin(record_name(90), portrait(91)).attestation)
        assert again["record"] != record
        assert again["generation"] == 2

    def test_the_same_image_again_is_the_same_enrolment(self, world: World) -> None:
        """Repeatable: a lost answer costs nothing."""
        first = world.start(record_name(90), IMAGE)
        assert world.start(record_name(90), IMAGE) == first
        assert first.ticket is not None
        world.submit(first.ticket, IMAGE)
        again = world.start(record_name(90), IMAGE)
        assert (again.state, again.enrolment_id) == (BeginState.SUBMITTED, first.enrolment_id)
        world.arrive(world.embedded(first.ticket, IMAGE, face(90)))
        last = world.start(record_name(90), IMAGE)
        assert (last.state, last.enrolment_id) == (BeginState.UNCHANGED, first.enrolment_id)

    def test_an_older_image_is_no_repeat_while_a_newer_is_on_its_way(self, world: World) -> None:
        world.enrol(1, record=90)
        newer = world.begin(record_name(90), portrait(2))
        back = world.start(record_name(90), portrait(1))
        assert back.state is BeginState.BEGUN
        assert back.ticket is not None
        assert back.ticket.generation == newer.generation + 1

    def test_a_ticket_that_ran_out_unused_is_signed_anew(self, world: World) -> None:
        first = world.begin(record_name(90), IMAGE)
        world.clock.pass_by(hours=23, minutes=30)
        again = world.begin(record_name(90), IMAGE)
        assert again.enrolment_id == first.enrolment_id
        said = statements.read(again.attestation)
        assert said["expires_at"] == format_time(world.clock.at + timedelta(hours=24))
        world.submit(again, IMAGE)
        world.arrive(world.embedded(again, IMAGE, face(90)))
        assert live_records(world) == len(PEOPLE) + 1

    @pytest.mark.parametrize(
        "record_id",
        ["", "x" * 129, "two words", "nul\x00", "y" * 10_240],
        ids=["empty", "longer", "two-words", "nul", "much-longer"],
    )
    def test_a_record_id_that_is_none_is_a_rejected_row(self, world: World, record_id: str) -> None:
        begun = world.start(record_id, IMAGE)
        assert (begun.state, begun.code) == (BeginState.REJECTED, ErrorCode.RECORD_ID_INVALID)
        assert begun.enrolment_id == ""

    def test_one_bad_start_does_not_fail_its_neighbours(self, world: World) -> None:
        starts = (
            EnrolmentStart("", sha256(IMAGE)),
            EnrolmentStart(record_name(90), "not a hash"),
            EnrolmentStart(record_name(90), sha256(IMAGE), problem=ErrorCode.IMAGE_MISSING),
            EnrolmentStart(record_name(90), sha256(IMAGE)),
            EnrolmentStart(record_name(90), sha256(IMAGE)),
            EnrolmentStart(record_name(91), sha256(IMAGE)),
            EnrolmentStart(record_name(1), sha256(portrait(1))),
        )
        batch = EnrolmentBatch(UTAH, starts)
        begun = world.plane.begin_enrolments(batch, world.custodian(), world.deadline)
        assert [one.code for one in begun[:3]] == [
            ErrorCode.RECORD_ID_INVALID,
            ErrorCode.FIELD_INVALID,
            ErrorCode.IMAGE_MISSING,
        ]
        assert begun[3] == begun[4]
        assert (begun[3].duplicate, begun[5].duplicate) == (False, True)
        assert begun[6].state is BeginState.UNCHANGED

    def test_duplicates_are_found_by_image_and_enrolled_all_the_same(self, world: World) -> None:
        """R-8: by the hash of the image, never by the face."""
        begun = world.start(record_name(90), portrait(1))
        assert begun.duplicate
        ticket = begun.ticket
        assert ticket is not None
        world.submit(ticket, portrait(1))
        world.arrive(world.embedded(ticket, portrait(1), face(1)))
        assert live_records(world) == len(PEOPLE) + 1
        state = world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline)
        assert (state.status, state.duplicate) == (EnrolmentStatus.LIVE, True)
        same_face = world.start(record_name(91), portrait(191))
        assert not same_face.duplicate

    @pytest.mark.parametrize(
        ("who", "code"),
        [
            ("nobody", ErrorCode.TOKEN_MISSING),
            ("a requester", ErrorCode.ROLE_MISSING),
            ("vermont", ErrorCode.CALLER_NOT_ALLOWED),
        ],
    )
    def test_only_its_custodian_begins_in_a_gallery(
        self, world: World, refused: Refused, who: str, code: ErrorCode
    ) -> None:
        """Law 10."""
        token = {
            "nobody": "",
            "a requester": world.token("asker", Role.REQUESTER),
            "vermont": world.custodian(VERMONT),
        }[who]
        batch = EnrolmentBatch(UTAH, (EnrolmentStart("1", sha256(IMAGE)),))
        refused(code, lambda: world.plane.begin_enrolments(batch, token, world.deadline))

    def test_a_gallery_that_is_not_here(self, world: World, refused: Refused) -> None:
        refused(ErrorCode.GALLERY_UNKNOWN, lambda: world.begin("1", IMAGE, "US-MD"))

    def test_only_an_operator_makes_a_gallery(self, world: World, refused: Refused) -> None:
        """Law 10: whoever pins a state's first key decides whose lists are believed."""
        setup = world.setup(VERMONT)
        for token, code in (
            ("", ErrorCode.TOKEN_MISSING),
            (world.custodian(VERMONT), ErrorCode.ROLE_MISSING),
        ):
            refused(
                code,
                lambda t=token: world.plane.create_gallery(setup, t, world.deadline),  # type: ignore[misc]
            )


class TestSubmission:
    def test_what_is_brought_is_asked_to_be_processed(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        submission = world.submission(ticket, IMAGE)
        before = len(world.publisher.messages)
        for _ in range(2):
            world.plane.submit_enrolments(UTAH, [submission], world.deadline)
        (event,) = world.publisher.events[before:]
        assert event == EnrolmentRequested(
            enrolment=ref_of(ticket),
            ticket=ticket.attestation,
            object_key=ingest_object_key(UTAH, ticket.enrolment_id),
            image_sha256=sha256(IMAGE),
            key_id=submission.key_id,
        )
        state = world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline)
        assert state.status is EnrolmentStatus.REQUESTED

    def test_a_bus_that_is_down_loses_nothing(self, world: World, refused: Refused) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        submission = world.submission(ticket, IMAGE)
        world.publisher.down = True
        refused(
            ErrorCode.BUS_UNAVAILABLE,
            lambda: world.plane.submit_enrolments(UTAH, [submission], world.deadline),
        )
        world.publisher.down = False
        world.plane.submit_enrolments(UTAH, [submission], world.deadline)
        asked = [e for e in world.publisher.events if isinstance(e, EnrolmentRequested)]
        assert asked[-1].enrolment == ref_of(ticket)

    @pytest.mark.parametrize("fault", ["place", "hash", "key", "seal", "enrolment", "gallery"])
    def test_what_cannot_be(self, world: World, refused: Refused, fault: str) -> None:
        world.open_gallery(VERMONT)
        ticket = world.begin(record_name(90), IMAGE)
        made = world.submission(ticket, IMAGE)
        gallery, code = UTAH, ErrorCode.FIELD_INVALID
        match fault:
            case "place":
                made = replace(made, vault=replace(made.vault, object_key="vault/US-UT/x.sealed"))
            case "hash":
                made = replace(made, vault=replace(made.vault, ciphertext_sha256="none"))
            case "key":
                made = replace(made, vault=replace(made.vault, wrapped_key=b"short"))
            case "seal":
                made = replace(made, key_id="0" * 32)
            case "enrolment":
                made, code = replace(made, enrolment_id="0" * 32), ErrorCode.NOT_FOUND
            case _:
                gallery, code = VERMONT, ErrorCode.NOT_FOUND
        refused(code, lambda: world.plane.submit_enrolments(gallery, [made], world.deadline))

    def test_what_is_put_into_the_vault_too_late_goes_again(self, world: World) -> None:
        late = world.begin(record_name(90), portrait(70))
        world.enrol(71, record=90)
        submission = world.submission(late, portrait(70))
        assert world.vault.exists(submission.vault.object_key)
        world.plane.submit_enrolments(UTAH, [submission], world.deadline)
        world.enrol(72, record=91)  # whatever comes next sweeps it up
        assert not world.vault.exists(submission.vault.object_key)
        assert not world.ingest.exists(ingest_object_key(UTAH, late.enrolment_id))


class TestArrival:
    def test_the_change_commits_to_record_and_image_and_reveals_neither(
        self, world: World, folder: Path
    ) -> None:
        """R-26: who holds the record's data key can show what the ledger speaks of."""
        ticket = world.begin(record_name(90), IMAGE)
        made = world.submission(ticket, IMAGE)
        world.plane.submit_enrolments(UTAH, [made], world.deadline)
        world.arrive(world.embedded(ticket, IMAGE, face(90)))
        change = world.change_of(ticket.enrolment_id)
        said = world.verifier.verify(change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert GalleryChanged(change) in world.publisher.events
        assert (said["rows"], said["accepted"], said["rejected"]) == (1, 1, 0)
        assert (said["enrolment_id"], said["generation"]) == (ticket.enrolment_id, 1)
        assert said["by"] == {
            "person": "custodian",
            "agency": "us-ut-slcpd",
            "subject": "us-ut-slcpd/custodian",
            "token_id": said["by"]["token_id"],
        }
        assert record_name(90).encode() not in change.statement
        assert sha256(IMAGE).encode() not in change.statement
        aad = portrait_aad(UTAH, ticket.enrolment_id, sha256(IMAGE))
        private = KeyFiles(folder / "keys").private_key(UTAH)
        data_key = unwrap(private, made.vault.wrapped_key, aad)
        salt = bytes.fromhex(said["salt"])
        expected = committed(data_key, salt, record_name(90), sha256(IMAGE))
        assert (said["record"], said["image"]) == (expected.record, expected.image)
        assert said["accepted_root"] == expected.leaf.hex()
        assert said["rejected_root"] == EMPTY_ROOT.hex()

    def test_it_is_told_and_the_copy_for_detection_is_gone(self, world: World) -> None:
        world.enrol(90)
        (enrolled,) = [e for e in world.publisher.events[-3:] if isinstance(e, RecordEnrolled)]
        assert enrolled.model_id == MODEL
        assert list(world.ingest.keys("")) == []

    def test_delivered_twice_is_enrolled_once(self, world: World) -> None:
        """Redelivery is harmless, in one poll and in two."""
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.embedded(ticket, IMAGE, face(90))
        world.arrive(event, event)
        told = len(world.publisher.messages)
        world.arrive(event)
        assert live_records(world) == len(PEOPLE) + 1
        assert len(world.publisher.messages) == told

    def test_four_at_once_enrol_one(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.embedded(ticket, IMAGE, face(90))
        outcomes: list[object] = []
        threads = [
            threading.Thread(target=lambda: outcomes.extend(world.deliver(event))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [Done()] * 4
        assert live_records(world) == len(PEOPLE) + 1
        changes = [one for one in world.changes if one.get("enrolment_id") == ticket.enrolment_id]
        assert len(changes) == 1

    def test_one_bad_message_does_not_fail_its_neighbours(self, world: World) -> None:
        tickets = [world.begin(record_name(n), portrait(n)) for n in (90, 91, 92)]
        for number, ticket in zip((90, 91, 92), tickets, strict=True):
            world.submit(ticket, portrait(number))
        events = [
            world.embedded(ticket, portrait(number), face(number))
            for number, ticket in zip((90, 91, 92), tickets, strict=True)
        ]
        events[1] = replace(events[1], template=events[0].template)
        outcomes = world.deliver(*events)
        assert [type(one) for one in outcomes] == [Done, Failed, Done]
        assert isinstance(outcomes[1], Failed)
        assert outcomes[1].error.code is ErrorCode.SEAL_INVALID
        assert live_records(world) == len(PEOPLE) + 2

    def test_another_galleries_events_are_passed_over(self, world: World) -> None:
        """Every plane reads everything, and leaves what is another's."""
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.embedded(ticket, IMAGE, face(90))
        other = replace(event, enrolment=replace(event.enrolment, gallery="US-MD"))
        assert world.deliver(other) == [Done()]
        assert live_records(world) == len(PEOPLE)

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ("unknown", ErrorCode.NOT_FOUND),
            ("generation", ErrorCode.NOT_FOUND),
            ("unsealed", ErrorCode.SEAL_INVALID),
            ("destroyed", ErrorCode.SEAL_KEY_DESTROYED),
            ("no template", ErrorCode.EVENT_MALFORMED),
            ("another image", ErrorCode.ATTESTATION_INVALID),
            ("a grant", ErrorCode.ATTESTATION_INVALID),
            ("model", ErrorCode.MODEL_MISMATCH),
        ],
    )
    def test_what_is_not_sound_never_becomes_live(
        self, world: World, fault: str, code: ErrorCode
    ) -> None:
        """A probe is never enrolled: the template comes from the ticket's own portrait (law 7)."""
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.embedded(ticket, IMAGE, face(90))
        templates = {
            "another image": lambda: world.template(ticket.attestation, sha256(b"p"), face(90)),
            "a grant": lambda: world.template(world.grant(probe=IMAGE), sha256(IMAGE), face(90)),
            "model": lambda: world.template(ticket.attestation, sha256(IMAGE), face(90), "other"),
        }
        if fault in templates:
            event = world.embedded(ticket, IMAGE, face(90), template=templates[fault]())
        elif fault == "unknown":
            event = replace(event, enrolment=replace(event.enrolment, enrolment_id="0" * 32))
        elif fault == "generation":
            event = replace(event, enrolment=replace(event.enrolment, generation=7))
        elif fault == "unsealed":
            event = replace(event, template=SealedBytes("", b"plain"))
        elif fault == "destroyed":
            event = replace(event, template=SealedBytes("f" * 32, event.template.ciphertext))
        else:
            sealed = world.seals.seal(TEMPLATE, event.enrolment, b"\xff\xff", world.deadline)
            event = replace(event, template=sealed)
        (outcome,) = world.deliver(event)
        assert isinstance(outcome, Failed)
        assert outcome.error.code is code
        assert live_records(world) == len(PEOPLE)

    def test_a_gallery_beyond_what_its_index_holds(self, folder: Path) -> None:
        small = build_world(folder, max_records=2)
        small.open_gallery()
        small.enrol(1)
        small.enrol(2)
        said = statements.read(small.enrol(3))
        assert (said["accepted"], said["rejected"]) == (0, 1)
        assert said["code"] == ErrorCode.GALLERY_TOO_LARGE.value
        rejected = [e for e in small.publisher.events if isinstance(e, EnrolmentRejected)]
        assert [one.code for one in rejected] == [ErrorCode.GALLERY_TOO_LARGE]
        small.enrol(4, record=2)  # a new portrait of a record that is there takes no more room
        assert live_records(small) == 2
        assert len(small.exact.held(UTAH)) == 2
        small.plane.close()

    def test_an_index_that_is_down_is_tried_again(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.embedded(ticket, IMAGE, face(90))
        world.exact.down = True
        (outcome,) = world.deliver(event)
        assert isinstance(outcome, Failed)
        assert outcome.error.code is ErrorCode.PLANE_UNAVAILABLE
        world.exact.down = False
        world.arrive(event)
        assert live_records(world) == len(PEOPLE) + 1


class TestRejection:
    def test_a_rejected_portrait_ends_and_is_told_to_the_ledger_once(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        event = world.refusal(ticket, IMAGE)
        world.arrive(event, event)
        world.arrive(event)
        state = world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline)
        assert (state.status, state.code) == (EnrolmentStatus.REJECTED, ErrorCode.FACE_NOT_FOUND)
        (said,) = [one for one in world.changes if one["enrolment_id"] == ticket.enrolment_id]
        assert (said["accepted"], said["rejected"]) == (0, 1)
        assert record_name(90) not in str(said)
        assert not list(world.ingest.keys(""))
        assert len(list(world.vault.keys("vault/US-UT"))) == len(PEOPLE)

    def test_a_template_that_comes_after_it_brings_nothing_back(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        late = world.embedded(ticket, IMAGE, face(90))
        world.arrive(world.refusal(ticket, IMAGE))
        world.arrive(late)
        assert live_records(world) == len(PEOPLE)

    def test_a_rejection_of_what_is_live_changes_nothing(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        world.arrive(world.embedded(ticket, IMAGE, face(90)))
        world.arrive(world.refusal(ticket, IMAGE))
        assert live_records(world) == len(PEOPLE) + 1

    def test_a_refusal_of_another_portrait_is_not_believed(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        other = world.begin(record_name(91), portrait(91))
        swapped = replace(world.refusal(other, portrait(91)), enrolment=ref_of(ticket))
        (outcome,) = world.deliver(swapped)
        assert isinstance(outcome, Failed)
        assert outcome.error.code is ErrorCode.ATTESTATION_INVALID


class TestTheVault:
    @pytest.mark.parametrize("fault", ["missing", "announced", "key", "image", "other"])
    def test_a_portrait_that_could_never_be_opened_is_refused(
        self, world: World, fault: str
    ) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.submission(ticket, IMAGE)
        vault, expected = made.vault, ErrorCode.SEAL_INVALID
        if fault == "key":
            aad = portrait_aad(UTAH, ticket.enrolment_id, sha256(IMAGE))
            wrong = seal(new_gallery_key().public, IMAGE, aad)
            vault = replace(vault, wrapped_key=wrong.wrapped_key)
        elif fault in ("image", "other"):
            # Sealed properly, but another picture, or for another enrolment's place.
            named = ticket.enrolment_id if fault == "image" else "0" * 32
            aad = portrait_aad(UTAH, named, sha256(IMAGE))
            sealed = seal(ticket.public_key, portrait(91), aad)
            world.vault.put(vault.object_key, sealed.ciphertext)
            vault = replace(
                vault,
                ciphertext_sha256=sha256(sealed.ciphertext),
                wrapped_key=sealed.wrapped_key,
            )
        world.plane.submit_enrolments(UTAH, [replace(made, vault=vault)], world.deadline)
        if fault == "missing":
            world.vault.delete(vault.object_key)
            expected = ErrorCode.NOT_FOUND
        elif fault == "announced":
            world.vault.put(vault.object_key, b"other bytes")
        (outcome,) = world.deliver(world.embedded(ticket, IMAGE, face(90)))
        assert isinstance(outcome, Failed)
        assert outcome.error.code is expected
        assert live_records(world) == len(PEOPLE)

    def test_what_stands_in_the_vault_shows_no_portrait(self, world: World) -> None:
        sealed = [world.vault.get(key) for key in world.vault.keys("vault/US-UT")]
        assert len(sealed) == len(PEOPLE)
        for number in PEOPLE:
            assert all(portrait(number)[:24] not in one for one in sealed)


class TestGenerations:
    def test_a_new_portrait_takes_the_place_of_the_old_one(self, world: World) -> None:
        """Law 9: the old face is not found, its portrait and its vector are gone."""
        old = key_of(world, record_name(1))
        before = set(world.vault.keys("vault/US-UT"))
        assert old in world.exact.held(UTAH)
        world.enrol(60, record=1)
        assert old not in world.exact.held(UTAH)
        after = set(world.vault.keys("vault/US-UT"))
        assert len(before - after) == 1
        assert len(after) == len(PEOPLE)
        best = world.ask(world.grant(search_id="new"), face(60)).candidates[0]
        gone = world.ask(world.grant(search_id="old"), face(1)).candidates[0]
        assert best.similarity == 1_000_000
        assert gone.similarity < 900_000
        assert world.plane.galleries(world.deadline)[0].live_records == len(PEOPLE)

    def test_the_old_face_is_gone_even_where_the_index_keeps_it(self, world: World) -> None:
        old = key_of(world, record_name(1))
        world.exact.keeps_deleted = True
        world.enrol(60, record=1)
        assert old in world.exact.held(UTAH)
        result = world.ask(world.grant(list_size=50), face(1))
        assert len(result.candidates) == len(PEOPLE)
        assert result.candidates[0].similarity < 900_000

    def test_a_late_older_generation_brings_nothing_back(self, world: World) -> None:
        late = world.begin(record_name(90), portrait(70))
        newer = world.begin(record_name(90), portrait(71))
        for ticket, number in ((late, 70), (newer, 71)):
            world.submit(ticket, portrait(number))
        world.arrive(world.embedded(newer, portrait(71), face(71)))
        stale = world.plane.enrolment(UTAH, late.enrolment_id, world.deadline)
        assert (stale.status, stale.code) == (
            EnrolmentStatus.REJECTED,
            ErrorCode.GENERATION_STALE,
        )
        world.arrive(world.embedded(late, portrait(70), face(70)))
        assert world.ask(world.grant(), face(70)).candidates[0].similarity < 900_000
        assert len(list(world.vault.keys("vault/US-UT"))) == len(PEOPLE) + 1

    def test_two_generations_in_one_poll_leave_the_newer(self, world: World) -> None:
        """Whatever their order; and one visible step."""
        older = world.begin(record_name(90), portrait(70))
        newer = world.begin(record_name(90), portrait(71))
        for ticket, number in ((older, 70), (newer, 71)):
            world.submit(ticket, portrait(number))
        world.arrive(
            world.embedded(newer, portrait(71), face(71)),
            world.embedded(older, portrait(70), face(70)),
        )
        assert live_records(world) == len(PEOPLE) + 1
        assert world.ask(world.grant(), face(71)).candidates[0].similarity == 1_000_000
        gone = world.ask(world.grant(search_id="old"), face(70))
        assert gone.candidates[0].similarity < 900_000

    def test_a_repeat_of_a_replaced_generation_brings_nothing_back(self, world: World) -> None:
        ticket = world.begin(record_name(90), portrait(70))
        world.submit(ticket, portrait(70))
        event = world.embedded(ticket, portrait(70), face(70))
        world.arrive(event)
        world.enrol(71, record=90)
        world.arrive(event)
        assert world.ask(world.grant(), face(70)).candidates[0].similarity < 900_000
        assert live_records(world) == len(PEOPLE) + 1

    def test_the_same_record_in_two_galleries_is_two_records(self, world: World) -> None:
        world.open_gallery(VERMONT)
        world.enrol(1, VERMONT)
        assert [one.live_records for one in world.plane.galleries(world.deadline)] == [5, 1]


def live_records(world: World, gallery: str = UTAH) -> int:
    (info,) = [one for one in world.plane.galleries(world.deadline) if one.jurisdiction == gallery]
    return info.live_records


def key_of(world: World, record_id: str) -> str:
    """The index key of a live record."""
    with read_transaction(world.roster) as tx:
        mac = record_mac(KeyFiles(world.folder / "keys").private_key(UTAH), record_id)
        (row,) = [
            one
            for one in records.generations(tx, UTAH, [mac])[mac]
            if one.state is RecordState.LIVE
        ]
    return row.index_key
