"""Whoever may write to the bus, holds an old list, or comes after a deletion (laws 2, 3 and 9)."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from onrecord.chassis.bus.outcomes import Done, Failed
from onrecord.chassis.bus.ports import Message
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.enrolment import ChunkRef, EnrolmentTicket, RowStatus
from onrecord.contracts.events import EnrolmentRejected, ingest_object_key
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import EnrolmentStatus, ManifestAct, Service
from onrecord.kernel.writepoints import unobserved
from onrecord.proof import statements
from onrecord.proof.manifests import Row
from onrecord.vector_search.roster import outbox, records
from onrecord.vector_search.roster.schema import manifest_rows as rows_table
from onrecord.vector_search.roster.schema import outbox as outbox_table
from onrecord.vector_search.roster.schema import records as records_table
from onrecord.vector_search.service.relay import Relay
from tests.builders.plane import (
    UTAH,
    MemoryPublisher,
    World,
    face,
    portrait,
    record_name,
    ref_of,
    sha256,
)
from tests.unit.vector_search.conftest import PEOPLE
from tests.unit.vector_search.test_manifests import begin, finish, row, status_of

IMAGE = portrait(90)


def live_records(world: World) -> int:
    (gallery,) = world.plane.galleries(world.deadline)
    return gallery.live_records


def delete(world: World, number: int) -> object:
    return world.plane.delete_record(UTAH, record_name(number), world.custodian(), world.deadline)


def words_of(world: World, ref: ChunkRef) -> list[str]:
    """Record ids that still stand in the rows of a list."""
    with read_transaction(world.roster) as tx:
        held = tx.execute(
            select(rows_table.c.record_id).where(rows_table.c.manifest_id == ref.manifest_id)
        ).scalars()
        return [one for one in held if one]


class TestAListFromBeforeADeletion:
    """Law 9: what a state signed before a deletion says nothing about what was decided since."""

    def test_a_row_that_waits_for_its_portrait_ends_with_its_record(self, world: World) -> None:
        signed = world.manifest([row(1, 91), row(92)])
        world.open_manifest(signed)
        delete(world, 1)
        assert status_of(world, signed.ref(0), RowStatus.REJECTED) == {1: ErrorCode.RECORD_DELETED}
        assert words_of(world, signed.ref(0)) == [record_name(92)], "its id stands nowhere"
        begun = begin(world, signed)
        assert begun[0].ticket is None
        assert begun[0].code is ErrorCode.RECORD_DELETED
        finish(world, begun, [91, 92])
        assert live_records(world) == len(PEOPLE)  # one gone, one come
        (chunk,) = world.plane.manifest(signed.id, world.deadline).chunks
        assert chunk.closed
        assert (chunk.counts[RowStatus.ACCEPTED], chunk.counts[RowStatus.REJECTED]) == (1, 1)

    def test_the_last_row_that_waits_closes_its_chunk(self, world: World) -> None:
        signed = world.manifest([row(1, 91)])
        world.open_manifest(signed)
        delete(world, 1)
        told = [one for one in world.changes if one.get("manifest") == signed.id]
        assert [(one["accepted"], one["rejected"]) for one in told] == [(0, 1)]

    def test_one_that_only_a_list_names_is_never_enrolled(self, world: World) -> None:
        """There is no record yet, and there shall be none."""
        signed = world.manifest([row(92)])
        world.open_manifest(signed)
        first = delete(world, 92)
        assert delete(world, 92) == first
        assert begin(world, signed)[0].code is ErrorCode.RECORD_DELETED
        assert live_records(world) == len(PEOPLE)

    @pytest.mark.parametrize("opened", ["before", "after"])
    def test_brought_later_its_row_is_rejected(self, world: World, opened: str) -> None:
        """Replayed: signed before the deletion, and taken up before or after it."""
        signed = world.manifest([row(1, 91), row(92)])
        if opened == "before":
            world.plane.open_manifest(
                signed.header, signed.signature, world.custodian(), world.deadline
            )
        world.clock.pass_by(hours=1)
        delete(world, 1)
        world.clock.pass_by(hours=1)
        world.open_manifest(signed)
        assert status_of(world, signed.ref(0), RowStatus.REJECTED) == {1: ErrorCode.RECORD_DELETED}
        assert words_of(world, signed.ref(0)) == [record_name(92)]
        finish(world, begin(world, signed), [91, 92])
        assert live_records(world) == len(PEOPLE)

    def test_a_list_from_after_it_enrols_again(self, world: World) -> None:
        delete(world, 1)
        world.clock.pass_by(hours=1)
        signed = world.manifest([row(1, 91)])
        world.open_manifest(signed)
        finish(world, begin(world, signed), [91])
        assert live_records(world) == len(PEOPLE)

    def test_a_list_of_deletions_brought_again_deletes_nothing_twice(self, world: World) -> None:
        """The record was enrolled again since; the old list has ended."""
        signed = world.manifest([Row(record_name(1), "", "")], act=ManifestAct.DELETE)
        world.open_manifest(signed)
        world.enrol(93, record=1)
        world.open_manifest(signed)
        assert live_records(world) == len(PEOPLE)


def test_whoever_died_between_beginning_and_bringing_is_awaited_still(world: World) -> None:
    """R-42: or the row would wait for ever, and its chunk would never reach the ledger."""
    signed = world.manifest([row(91), row(92)])
    world.open_manifest(signed)
    first = begin(world, signed)
    assert list(status_of(world, signed.ref(0), RowStatus.AWAITED)) == [1, 2]
    again = begin(world, signed)
    assert [one.enrolment_id for one in again] == [one.enrolment_id for one in first]
    assert again[0].ticket is not None
    world.submit(again[0].ticket, portrait(91))
    assert list(status_of(world, signed.ref(0), RowStatus.AWAITED)) == [2]
    assert list(status_of(world, signed.ref(0), RowStatus.PROCESSING)) == [1]
    delete(world, 92)
    assert status_of(world, signed.ref(0), RowStatus.REJECTED) == {2: ErrorCode.RECORD_DELETED}
    world.arrive(world.embedded(again[0].ticket, portrait(91), face(91)))
    (chunk,) = world.plane.manifest(signed.id, world.deadline).chunks
    assert chunk.closed


class TestRejectionsOnTheBus:
    """Law 2: anybody on the bus may write a rejection; only detection can refuse a portrait."""

    @pytest.fixture
    def ticket(self, world: World) -> EnrolmentTicket:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        return ticket

    def status(self, world: World, ticket: EnrolmentTicket) -> EnrolmentStatus:
        return world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline).status

    @pytest.mark.parametrize(
        "code",
        [
            ErrorCode.FACE_NOT_FOUND,
            ErrorCode.RECORD_DELETED,
            ErrorCode.IMAGE_MISSING,
            ErrorCode.IMAGE_HASH_MISMATCH,
        ],
    )
    def test_one_without_a_refusal_ends_nothing(
        self, world: World, ticket: EnrolmentTicket, code: ErrorCode
    ) -> None:
        forged = EnrolmentRejected(ref_of(ticket), code, "because I say so", world.clock.now())
        (outcome,) = world.deliver(forged)
        assert isinstance(outcome, Failed)
        assert outcome.error.code is ErrorCode.ATTESTATION_INVALID
        assert self.status(world, ticket) is EnrolmentStatus.REQUESTED

    def test_a_copy_that_is_not_there_is_believed_because_it_is_looked_for(
        self, world: World, ticket: EnrolmentTicket
    ) -> None:
        world.ingest.delete(ingest_object_key(UTAH, ticket.enrolment_id))
        event = EnrolmentRejected(
            ref_of(ticket), ErrorCode.IMAGE_MISSING, "Jane Roe", world.clock.now()
        )
        world.arrive(event)
        state = world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline)
        assert (state.status, state.code) == (EnrolmentStatus.REJECTED, ErrorCode.IMAGE_MISSING)
        assert "Jane Roe" not in state.message

    def test_another_image_is_believed_because_it_is_opened(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        other = world.seals.seal("portrait", ref_of(ticket), portrait(91), world.deadline)
        world.ingest.put(ingest_object_key(UTAH, ticket.enrolment_id), other.ciphertext)
        world.arrive(
            EnrolmentRejected(ref_of(ticket), ErrorCode.IMAGE_HASH_MISMATCH, "", world.clock.now())
        )
        assert self.status(world, ticket) is EnrolmentStatus.REJECTED

    def test_a_refusal_under_another_code_or_words_is_told_as_detection_signed_it(
        self, world: World, ticket: EnrolmentTicket
    ) -> None:
        signed = world.attestors[Service.DETECTION].attest(
            {
                "type": statements.DETECTION_REFUSED,
                "time": format_time(world.clock.now()),
                "mandate": statements.mandate_id(ticket.attestation),
                "image_sha256": sha256(IMAGE),
                "code": ErrorCode.FACE_NOT_FOUND.value,
                "message": "No face was found in the image.",
            }
        )
        event = EnrolmentRejected(
            ref_of(ticket), ErrorCode.RECORD_DELETED, "Jane Roe", world.clock.now(), signed
        )
        (outcome,) = world.deliver(event)
        assert isinstance(outcome, Failed), "another code than the signed one"
        world.arrive(replace(event, code=ErrorCode.FACE_NOT_FOUND))
        state = world.plane.enrolment(UTAH, ticket.enrolment_id, world.deadline)
        assert state.code is ErrorCode.FACE_NOT_FOUND
        assert state.message == "No face was found in the image."

    def test_the_planes_own_come_back_to_it_and_change_nothing(self, world: World) -> None:
        ticket = world.begin(record_name(90), IMAGE)
        world.submit(ticket, IMAGE)
        delete(world, 90)
        (own,) = [one for one in world.publisher.events if isinstance(one, EnrolmentRejected)]
        assert world.deliver(own) == [Done()]


def test_nothing_in_a_buried_row_tells_which_photograph_it_was(world: World) -> None:
    """R-30: not even the ticket, which names its image by hash."""
    delete(world, 1)
    with read_transaction(world.roster) as tx:
        found = select(records_table).where(records_table.c.state == "gone")
        (held,) = tx.execute(found).all()
        row_ = records.find(tx, held.enrolment_id)
    assert row_ is not None
    assert sha256(portrait(1)) not in str(dict(held._mapping))
    assert sha256(portrait(1)).encode() not in row_.ticket_attestation.statement


class TestTwoRelaysOfOneRoster:
    """Two processes of one plane: what one has published the other must not take for its own."""

    def test_a_number_is_never_given_twice(self, world: World) -> None:
        """A message under the number of one that was published would be thrown away (law 3)."""
        ours, theirs = MemoryPublisher(), MemoryPublisher()
        first = Relay(world.roster, ours, unobserved)
        second = Relay(world.roster, theirs, unobserved)

        def queue(key: str) -> None:
            with write_transaction(world.roster) as tx:
                outbox.queue(tx, [Message("t", key, b"payload", {})])

        with write_transaction(world.roster) as tx:
            tx.execute(outbox_table.delete())
        queue("first")
        first.flush(world.deadline)
        second.flush(world.deadline)
        second.tidy()
        queue("second")
        first.flush(world.deadline)
        assert [one.key for one in ours.messages] == ["first", "second"]
