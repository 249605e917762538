"""Enrolment: one generation at a time, portraits nobody else reads (laws 7, 9; R-26, R-30)."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from onrecord.chassis.sealing import new_gallery_key, seal, unwrap
from onrecord.contracts.vector_search import EnrolmentStart, GallerySetup, portrait_aad
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.commitment import record_commitment
from onrecord.proof.merkle import leaf_hash
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.core.names import index_key
from onrecord.vector_search.core.statements import accepted_leaf
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
    signer,
)
from tests.unit.vector_search.conftest import PEOPLE, Refused

IMAGE = portrait(90)


class TestGalleries:
    def test_making_it_twice_is_making_it_once(self, world: World) -> None:
        first = world.plane.create_gallery(world.setup(UTAH), world.deadline)
        assert first == world.plane.create_gallery(world.setup(UTAH), world.deadline)
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
        refused(ErrorCode.GALLERY_EXISTS, lambda: world.plane.create_gallery(setup, world.deadline))

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
            ErrorCode.FIELD_INVALID, lambda: world.plane.create_gallery(setup, world.deadline)
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


class TestTickets:
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
            "expires_at": format_time(START + timedelta(minutes=15)),
        }
        again = statements.read(world.begin(record_name(90), IMAGE).attestation)
        assert again["record"] != record
        assert again["generation"] == 2

    @pytest.mark.parametrize("record_id", ["", "x" * 129, "two words", "nul\x00"])
    def test_a_record_id_that_is_none(self, world: World, refused: Refused, record_id: str) -> None:
        refused(ErrorCode.RECORD_ID_INVALID, lambda: world.begin(record_id, IMAGE))

    def test_a_hash_that_is_none(self, world: World, refused: Refused) -> None:
        start = EnrolmentStart(UTAH, "1", "not a hash")
        refused(ErrorCode.FIELD_INVALID, lambda: world.plane.begin_enrolment(start, world.deadline))

    def test_a_gallery_that_is_not_here(self, world: World, refused: Refused) -> None:
        refused(ErrorCode.GALLERY_UNKNOWN, lambda: world.begin("1", IMAGE, "US-MD"))


class TestCompletion:
    def test_the_change_commits_to_record_and_image_and_reveals_neither(
        self, world: World, folder: Path
    ) -> None:
        """R-26: who holds the record's data key can show what the ledger speaks of."""
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        change = world.plane.complete_enrolment(made, world.deadline)
        said = world.verifier.verify(change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert (said["accepted"], said["rejected"], said["generation"]) == (1, 0, 1)
        assert record_name(90).encode() not in change.statement
        assert sha256(IMAGE).encode() not in change.statement
        aad = portrait_aad(UTAH, ticket.enrolment_id, sha256(IMAGE))
        private = KeyFiles(folder / "keys").private_key(UTAH)
        data_key = unwrap(private, made.vault.wrapped_key, aad)
        salt = bytes.fromhex(said["salt"])
        assert said["record"] == record_commitment(data_key, salt, f"record:{record_name(90)}")
        assert said["image"] == record_commitment(data_key, salt, f"image:{sha256(IMAGE)}")
        leaf = accepted_leaf(said["record"], said["image"])
        assert said["accepted_root"] == leaf_hash(leaf).hex()

    def test_a_repeat_says_the_same_again(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        first = world.plane.complete_enrolment(made, world.deadline)
        world.clock.pass_by(hours=1)
        assert world.plane.complete_enrolment(made, world.deadline) == first
        assert world.plane.galleries(world.deadline)[0].live_records == len(PEOPLE) + 1

    def test_four_at_once_enrol_one(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        said = []

        def complete() -> None:
            said.append(world.plane.complete_enrolment(made, world.deadline))

        threads = [threading.Thread(target=complete) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 4
        assert all(one == said[0] for one in said)
        assert world.plane.galleries(world.deadline)[0].live_records == len(PEOPLE) + 1

    def test_an_expired_ticket(self, world: World, refused: Refused) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        world.clock.pass_by(minutes=15)
        refused(
            ErrorCode.GRANT_EXPIRED, lambda: world.plane.complete_enrolment(made, world.deadline)
        )

    def test_a_ticket_of_ones_own(self, world: World, refused: Refused) -> None:
        """Detection has a certificate too; its word is no leave to enrol."""
        ticket = world.begin(record_name(90), IMAGE)
        said = statements.read(ticket.attestation)
        own = replace(ticket, attestation=world.attestors[Service.DETECTION].attest(said))
        made = world.completion(own, IMAGE, face(90))
        refused(
            ErrorCode.ATTESTATION_INVALID,
            lambda: world.plane.complete_enrolment(made, world.deadline),
        )

    def test_a_ticket_that_no_row_was_written_for(self, world: World, refused: Refused) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        said = {**statements.read(ticket.attestation), "generation": 7}
        signed = replace(ticket, attestation=world.attestors[Service.VECTOR_SEARCH].attest(said))
        made = world.completion(signed, IMAGE, face(90))
        error = refused(
            ErrorCode.ATTESTATION_INVALID,
            lambda: world.plane.complete_enrolment(made, world.deadline),
        )
        assert "not this plane's" in error.message

    def test_a_template_from_another_image(self, world: World, refused: Refused) -> None:
        """A probe is never enrolled: the template must come from the ticket's own portrait."""
        ticket = world.begin(record_name(90), IMAGE)
        other = world.template(ticket.attestation, sha256(b"a probe"), face(90))
        made = replace(world.completion(ticket, IMAGE, face(90)), template=other)
        refused(
            ErrorCode.ATTESTATION_INVALID,
            lambda: world.plane.complete_enrolment(made, world.deadline),
        )

    def test_a_template_made_under_a_grant(self, world: World, refused: Refused) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        probe = world.template(world.grant(probe=IMAGE), sha256(IMAGE), face(90))
        made = replace(world.completion(ticket, IMAGE, face(90)), template=probe)
        refused(
            ErrorCode.ATTESTATION_INVALID,
            lambda: world.plane.complete_enrolment(made, world.deadline),
        )

    def test_a_template_of_another_model(self, world: World, refused: Refused) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        other = world.template(ticket.attestation, sha256(IMAGE), face(90), "other@1")
        made = replace(world.completion(ticket, IMAGE, face(90)), template=other)
        refused(
            ErrorCode.MODEL_MISMATCH, lambda: world.plane.complete_enrolment(made, world.deadline)
        )

    def test_a_gallery_beyond_what_its_index_holds(self, folder: Path, refused: Refused) -> None:
        small = build_world(folder, max_records=2)
        small.open_gallery()
        small.enrol(1)
        small.enrol(2)
        error = refused(ErrorCode.GALLERY_TOO_LARGE, lambda: small.enrol(3))
        assert error.details == {"limit": 2}
        small.enrol(4, record=2)  # a new portrait of a record that is there takes no more room
        small.plane.close()


class TestTheVault:
    @pytest.mark.parametrize("fault", ["missing", "announced", "place", "key", "image", "other"])
    def test_a_portrait_that_could_never_be_opened_is_refused(
        self, world: World, refused: Refused, fault: str
    ) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        vault, expected = made.vault, ErrorCode.SEAL_INVALID
        if fault == "missing":
            world.vault.delete(vault.object_key)
            expected = ErrorCode.NOT_FOUND
        elif fault == "announced":
            world.vault.put(vault.object_key, b"other bytes")
        elif fault == "place":
            vault, expected = (
                replace(vault, object_key="vault/US-UT/elsewhere.sealed"),
                ErrorCode.FIELD_INVALID,
            )
        elif fault == "key":
            aad = portrait_aad(UTAH, ticket.enrolment_id, sha256(IMAGE))
            wrong = seal(new_gallery_key().public, IMAGE, aad)
            vault = replace(vault, wrapped_key=wrong.wrapped_key)
        else:
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
        bad = replace(made, vault=vault)
        refused(expected, lambda: world.plane.complete_enrolment(bad, world.deadline))
        assert world.plane.galleries(world.deadline)[0].live_records == len(PEOPLE)

    def test_what_stands_in_the_vault_shows_no_portrait(self, world: World) -> None:
        sealed = [world.vault.get(key) for key in world.vault.keys("vault/US-UT")]
        assert len(sealed) == len(PEOPLE)
        for number in PEOPLE:
            assert all(portrait(number)[:24] not in one for one in sealed)


class TestGenerations:
    def test_a_new_portrait_takes_the_place_of_the_old_one(self, world: World) -> None:
        """Law 9: the old face is not found, its portrait and its vector are gone."""
        old = index_key(UTAH, record_name(1), 1, MODEL)
        before = set(world.vault.keys("vault/US-UT"))
        assert old in world.exact.keys(UTAH)
        world.enrol(60, record=1)
        assert old not in world.exact.keys(UTAH)
        after = set(world.vault.keys("vault/US-UT"))
        assert len(before - after) == 1
        assert len(after) == len(PEOPLE)
        best = world.ask(world.grant(search_id="new"), face(60)).candidates[0]
        gone = world.ask(world.grant(search_id="old"), face(1)).candidates[0]
        assert best.similarity == 1_000_000
        assert gone.similarity < 900_000
        assert world.plane.galleries(world.deadline)[0].live_records == len(PEOPLE)

    def test_the_old_face_is_gone_even_where_the_index_keeps_it(self, world: World) -> None:
        world.exact.keeps_deleted = True
        world.enrol(60, record=1)
        assert index_key(UTAH, record_name(1), 1, MODEL) in world.exact.keys(UTAH)
        result = world.ask(world.grant(list_size=50), face(1))
        assert len(result.candidates) == len(PEOPLE)
        assert result.candidates[0].similarity < 900_000

    def test_a_late_older_generation_brings_nothing_back(
        self, world: World, refused: Refused
    ) -> None:
        late = world.begin(record_name(90), portrait(70))
        newer = world.begin(record_name(90), portrait(71))
        made = world.completion(newer, portrait(71), face(71))
        world.plane.complete_enrolment(made, world.deadline)
        stale = world.completion(late, portrait(70), face(70))
        refused(
            ErrorCode.GENERATION_STALE,
            lambda: world.plane.complete_enrolment(stale, world.deadline),
        )
        assert world.ask(world.grant(), face(70)).candidates[0].similarity < 900_000
        assert not world.vault.exists(stale.vault.object_key)

    def test_a_repeat_of_a_replaced_generation_brings_nothing_back(
        self, world: World, refused: Refused
    ) -> None:
        ticket = world.begin(record_name(90), portrait(70))
        made = world.completion(ticket, portrait(70), face(70))
        world.plane.complete_enrolment(made, world.deadline)
        world.enrol(71, record=90)
        refused(
            ErrorCode.GENERATION_STALE,
            lambda: world.plane.complete_enrolment(made, world.deadline),
        )
        assert world.ask(world.grant(), face(70)).candidates[0].similarity < 900_000

    def test_another_template_for_a_generation_that_is_live(
        self, world: World, refused: Refused
    ) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        made = world.completion(ticket, IMAGE, face(90))
        world.plane.complete_enrolment(made, world.deadline)
        other = world.template(ticket.attestation, sha256(IMAGE), near(face(90), 1))
        refused(
            ErrorCode.GENERATION_STALE,
            lambda: world.plane.complete_enrolment(replace(made, template=other), world.deadline),
        )
        assert world.ask(world.grant(), face(90)).candidates[0].similarity == 1_000_000

    def test_the_same_record_in_two_galleries_is_two_records(self, world: World) -> None:
        world.open_gallery(VERMONT)
        world.enrol(1, VERMONT)
        assert [one.live_records for one in world.plane.galleries(world.deadline)] == [5, 1]
