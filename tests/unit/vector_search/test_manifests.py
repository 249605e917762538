"""Manifests: what the state has signed, row by row, into the ledger by chunk (R-42)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    EnrolmentBatch,
    EnrolmentStart,
    RowStatus,
)
from onrecord.contracts.events import GalleryChanged
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.proof.manifests import Row
from onrecord.proof.merkle import EMPTY_ROOT
from tests.builders.plane import (
    UTAH,
    VERMONT,
    SignedManifest,
    World,
    face,
    portrait,
    record_name,
    sha256,
    signer,
)
from tests.unit.vector_search.conftest import PEOPLE, Refused


def row(number: int, image: int | None = None) -> Row:
    shown = sha256(portrait(number if image is None else image))
    return Row(record_name(number), shown, f"{number}.jpg")


def begin(world: World, signed: SignedManifest, chunk: int = 0, **changes: object) -> list[Begun]:
    """The rows of a chunk, as the gateway begins them, in one batch."""
    first = sum(len(rows) for rows in signed.chunks[:chunk]) + 1
    starts = tuple(
        EnrolmentStart(one.record_id, one.image_sha256, first + place, **changes)  # type: ignore[arg-type]
        for place, one in enumerate(signed.chunks[chunk])
    )
    batch = EnrolmentBatch(UTAH, starts, signed.ref(chunk))
    return list(world.plane.begin_enrolments(batch, "", world.deadline))


def finish(world: World, begun: Sequence[Begun], numbers: Sequence[int]) -> None:
    """Everything that was begun, brought and embedded, in one poll."""
    events = []
    for one, number in zip(begun, numbers, strict=True):
        if one.ticket is not None:
            world.submit(one.ticket, portrait(number))
            events.append(world.embedded(one.ticket, portrait(number), face(number)))
    world.arrive(*events)


def status_of(world: World, ref: ChunkRef, *statuses: RowStatus) -> dict[int, ErrorCode | None]:
    rows = world.plane.manifest_rows(ref, statuses, 0, 1000, world.deadline)
    return {one.row: one.code for one in rows}


class TestOpening:
    def test_a_list_is_taken_up_once(self, world: World) -> None:
        signed = world.manifest([row(n) for n in range(90, 96)])
        token = world.custodian()
        state = world.plane.open_manifest(signed.header, signed.signature, token, world.deadline)
        again = world.plane.open_manifest(signed.header, signed.signature, token, world.deadline)
        assert again == state == world.plane.manifest(signed.id, world.deadline)
        assert (state.manifest_id, state.gallery, state.rows) == (signed.id, UTAH, 6)
        assert [chunk.rows for chunk in state.chunks] == [4, 2]
        assert not any(chunk.delivered for chunk in state.chunks)
        assert not state.complete

    @pytest.mark.parametrize("fault", ["signature", "key", "header", "nobody", "other state"])
    def test_what_the_state_has_not_signed(
        self, world: World, refused: Refused, fault: str
    ) -> None:
        signed = world.manifest([row(90)])
        other = world.manifest([row(91)])
        header, signature, token = signed.header, signed.signature, world.custodian()
        code = ErrorCode.SIGNATURE_INVALID
        match fault:
            case "signature":
                signature = other.signature
            case "key":
                # The right name, another key.
                forged = type(signer("x")).generate(f"{UTAH}/authority")
                signature = world.manifest([row(90)], by=forged).signature
            case "header":
                header, code = header[:-1], ErrorCode.MANIFEST_INVALID
            case "nobody":
                token, code = world.token("asker", Role.REQUESTER), ErrorCode.ROLE_MISSING
            case _:
                world.open_gallery(VERMONT)
                token, code = world.custodian(VERMONT), ErrorCode.CALLER_NOT_ALLOWED
        refused(code, lambda: world.plane.open_manifest(header, signature, token, world.deadline))

    def test_a_list_for_a_gallery_that_is_not_here(self, world: World, refused: Refused) -> None:
        signed = world.manifest([row(90)], gallery="US-MD")
        refused(
            ErrorCode.GALLERY_UNKNOWN,
            lambda: world.plane.open_manifest(
                signed.header, signed.signature, world.custodian("US-MD"), world.deadline
            ),
        )

    def test_one_that_was_never_opened(self, world: World, refused: Refused) -> None:
        refused(ErrorCode.NOT_FOUND, lambda: world.plane.manifest("0" * 64, world.deadline))
        refused(
            ErrorCode.NOT_FOUND,
            lambda: world.plane.put_chunk(ChunkRef("0" * 64, 0), [row(1)], world.deadline),
        )


class TestChunks:
    def test_rows_that_are_not_those_signed(self, world: World, refused: Refused) -> None:
        """A list that was changed between two runs is refused, whole or in part."""
        signed = world.manifest([row(90), row(91)])
        world.plane.open_manifest(
            signed.header, signed.signature, world.custodian(), world.deadline
        )
        for rows in ([row(90)], [row(91), row(90)], [row(90), row(91, image=92)]):
            refused(
                ErrorCode.MANIFEST_CHANGED,
                lambda r=rows: world.plane.put_chunk(signed.ref(0), r, world.deadline),  # type: ignore[misc]
            )
        refused(
            ErrorCode.NOT_FOUND,
            lambda: world.plane.put_chunk(signed.ref(1), [row(90)], world.deadline),
        )

    def test_rows_that_can_never_be_are_rejected_as_they_come(self, world: World) -> None:
        rows = [
            row(90),
            replace(row(91), record_id="x" * 10_240),
            replace(row(92), image_sha256="not a hash"),
            replace(row(90), path="again.jpg"),
            row(93),
            row(90, image=94),
        ]
        signed = world.manifest(rows, chunk_rows=4)
        world.open_manifest(signed)
        assert status_of(world, signed.ref(0), RowStatus.REJECTED) == {
            2: ErrorCode.RECORD_ID_INVALID,
            3: ErrorCode.FIELD_INVALID,
            4: ErrorCode.ROW_DUPLICATE,
        }
        assert status_of(world, signed.ref(1), RowStatus.REJECTED) == {6: ErrorCode.ROW_DUPLICATE}
        assert status_of(world, signed.ref(1), RowStatus.AWAITED) == {5: None}

    def test_a_record_named_again_after_it_was_accepted(self, world: World) -> None:
        """Its row is forgotten by then, the record is not."""
        signed = world.manifest([row(90), row(91), row(90, image=92)], chunk_rows=2)
        world.plane.open_manifest(
            signed.header, signed.signature, world.custodian(), world.deadline
        )
        world.plane.put_chunk(signed.ref(0), signed.chunks[0], world.deadline)
        finish(world, begin(world, signed), [90, 91])
        state = world.plane.put_chunk(signed.ref(1), signed.chunks[1], world.deadline)
        assert state.closed
        assert status_of(world, signed.ref(1), RowStatus.REJECTED) == {3: ErrorCode.ROW_DUPLICATE}

    def test_put_again_it_is_the_same(self, world: World) -> None:
        signed = world.manifest([row(90), row(91)])
        world.open_manifest(signed)
        before = world.plane.manifest(signed.id, world.deadline)
        world.plane.put_chunk(signed.ref(0), signed.chunks[0], world.deadline)
        assert world.plane.manifest(signed.id, world.deadline) == before


class TestRows:
    def test_a_chunk_is_closed_with_its_last_row_and_told_once(self, world: World) -> None:
        """One entry a chunk, with the roots of what was accepted and rejected."""
        rows = [row(90), row(91), row(92), row(1)]
        signed = world.manifest(rows, chunk_rows=4)
        world.open_manifest(signed)
        begun = begin(world, signed)
        assert [one.state for one in begun] == [BeginState.BEGUN] * 3 + [BeginState.UNCHANGED]
        finish(world, begun[:2], [90, 91])
        (chunk,) = world.plane.manifest(signed.id, world.deadline).chunks
        assert not chunk.closed
        assert chunk.counts == {
            RowStatus.ACCEPTED: 2,
            RowStatus.AWAITED: 1,  # begun, and not brought
            RowStatus.UNCHANGED: 1,
        }
        told = len(world.changes)
        finish(world, begun[2:3], [92])
        (said,) = world.changes[told:]
        assert said["manifest"] == signed.id
        assert (said["chunk"], said["rows"]) == (0, 4)
        assert (said["accepted"], said["unchanged"], said["rejected"]) == (3, 1, 0)
        assert said["rejected_root"] == EMPTY_ROOT.hex() != said["accepted_root"]
        assert said["by"]["person"] == "custodian"
        state = world.plane.manifest(signed.id, world.deadline)
        assert state.complete
        assert state.chunks[0].change is not None
        assert GalleryChanged(state.chunks[0].change) in world.publisher.events
        assert state.chunks[0].counts == {RowStatus.ACCEPTED: 3, RowStatus.UNCHANGED: 1}
        # The words of what was accepted are kept by the records alone.
        assert status_of(world, signed.ref(0), RowStatus.ACCEPTED) == {}

    def test_begun_again_each_row_is_where_it_was(self, world: World) -> None:
        """Stopped and started again anywhere, it goes on."""
        signed = world.manifest([row(90), row(91), row(92)])
        world.open_manifest(signed)
        first = begin(world, signed)
        assert begin(world, signed) == first
        finish(world, first[:1], [90])
        again = begin(world, signed)
        assert again[0].state is BeginState.SUBMITTED
        assert again[0].enrolment_id == first[0].enrolment_id
        assert again[1:] == first[1:]
        finish(world, again[1:], [91, 92])
        after = begin(world, signed)
        assert [one.state for one in after] == [BeginState.SUBMITTED] * 3
        assert len([one for one in world.changes if one["manifest"] == signed.id]) == 1

    def test_what_cannot_be_brought_is_rejected_and_ends_the_chunk(self, world: World) -> None:
        signed = world.manifest([row(90), row(91)])
        world.open_manifest(signed)
        begun = begin(world, signed, problem=ErrorCode.IMAGE_MISSING)
        assert {one.state for one in begun} == {BeginState.REJECTED}
        again = begin(world, signed)
        assert [one.code for one in again] == [ErrorCode.IMAGE_MISSING] * 2
        state = world.plane.manifest(signed.id, world.deadline)
        assert state.complete
        assert state.chunks[0].counts == {RowStatus.REJECTED: 2}
        (said,) = [one for one in world.changes if one["manifest"] == signed.id]
        assert (said["accepted"], said["rejected"]) == (0, 2)
        assert record_name(90) not in str(said)
        report = world.plane.manifest_rows(
            signed.ref(0), [RowStatus.REJECTED], 1, 10, world.deadline
        )
        assert [(one.row, one.content.path) for one in report] == [(2, "91.jpg")]

    def test_an_image_that_is_lost_after_it_was_begun(self, world: World) -> None:
        signed = world.manifest([row(90)])
        world.open_manifest(signed)
        (begun,) = begin(world, signed)
        (lost,) = begin(world, signed, problem=ErrorCode.IMAGE_MISSING)
        assert (lost.state, lost.enrolment_id) == (BeginState.REJECTED, begun.enrolment_id)
        assert world.plane.manifest(signed.id, world.deadline).complete
        state = world.plane.enrolment(UTAH, begun.enrolment_id, world.deadline)
        assert state.code is ErrorCode.IMAGE_MISSING

    def test_duplicates_are_reported_and_enrolled(self, world: World) -> None:
        """R-8, R-42: by the image's hash."""
        signed = world.manifest([row(90), row(91, image=90), row(92)])
        world.open_manifest(signed)
        begun = begin(world, signed)
        assert [one.duplicate for one in begun] == [False, True, False]
        finish(world, begun, [90, 90, 92])
        assert status_of(world, signed.ref(0)) == {2: None}
        assert world.plane.manifest(signed.id, world.deadline).chunks[0].duplicates == 1

    def test_a_new_portrait_for_a_record_replaces_the_old_one(self, world: World) -> None:
        signed = world.manifest([row(1, image=60)])
        world.open_manifest(signed)
        finish(world, begin(world, signed), [60])
        (info,) = world.plane.galleries(world.deadline)
        assert info.live_records == len(PEOPLE)
        best = world.ask(world.grant(), face(60)).candidates[0]
        assert best.similarity == 1_000_000

    def test_a_record_deleted_while_it_is_enrolling_ends_its_row(self, world: World) -> None:
        signed = world.manifest([row(90), row(91)])
        world.open_manifest(signed)
        begun = begin(world, signed)
        finish(world, begun[:1], [90])
        world.plane.delete_record(UTAH, record_name(91), world.custodian(), world.deadline)
        state = world.plane.manifest(signed.id, world.deadline)
        assert state.complete
        assert state.chunks[0].counts == {RowStatus.ACCEPTED: 1, RowStatus.REJECTED: 1}
        assert begin(world, signed)[1].code is ErrorCode.RECORD_DELETED

    @pytest.mark.parametrize("fault", ["row", "record", "image", "chunk", "number", "twice"])
    def test_rows_that_are_not_the_manifests(
        self, world: World, refused: Refused, fault: str
    ) -> None:
        """Without a token only what the state has signed is begun (law 10)."""
        signed = world.manifest([row(90), row(91), row(92)], chunk_rows=2)
        world.open_manifest(signed)
        start = EnrolmentStart(record_name(90), sha256(portrait(90)), 1)
        starts: tuple[EnrolmentStart, ...] = (start,)
        ref, code = signed.ref(0), ErrorCode.MANIFEST_CHANGED
        match fault:
            case "row":
                starts = (replace(start, row=2),)
            case "record":
                starts = (replace(start, record_id=record_name(99)),)
            case "image":
                starts = (replace(start, image_sha256=sha256(b"")),)
            case "chunk":
                ref = signed.ref(1)
            case "number":
                starts = (replace(start, row=None),)
            case _:
                starts, code = (start, start), ErrorCode.FIELD_INVALID
        batch = EnrolmentBatch(UTAH, starts, ref)
        refused(code, lambda: world.plane.begin_enrolments(batch, "", world.deadline))

    def test_a_chunk_that_was_not_brought(self, world: World, refused: Refused) -> None:
        signed = world.manifest([row(90)])
        world.plane.open_manifest(
            signed.header, signed.signature, world.custodian(), world.deadline
        )
        refused(ErrorCode.MANIFEST_STATE, lambda: begin(world, signed))


class TestDeletions:
    def test_a_list_of_deletions_is_carried_out_as_it_comes(self, world: World) -> None:
        """Law 9."""
        gone = [Row(record_name(number), "", "") for number in (1, 2, 777)]
        signed = world.manifest(gone, act=ManifestAct.DELETE)
        world.open_manifest(signed)
        state = world.plane.manifest(signed.id, world.deadline)
        assert state.complete
        assert state.chunks[0].counts == {RowStatus.DELETED: 2, RowStatus.UNKNOWN: 1}
        (said,) = [one for one in world.changes if one.get("rows") == 3]
        assert (said["act"], said["accepted"], said["unchanged"]) == ("delete", 2, 1)
        (info,) = world.plane.galleries(world.deadline)
        assert info.live_records == len(PEOPLE) - 2
        assert world.ask(world.grant(), face(1)).candidates[0].similarity < 900_000

    def test_its_rows_cannot_be_enrolled(self, world: World, refused: Refused) -> None:
        signed = world.manifest([Row(record_name(1), "", "")], act=ManifestAct.DELETE)
        world.open_manifest(signed)
        refused(ErrorCode.MANIFEST_STATE, lambda: begin(world, signed))


class TestAfterwards:
    """What a finished list says once some of its records are gone."""

    def test_accepted_then_and_live_now_are_both_told(self, world: World) -> None:
        """The count of what was accepted is signed and stays; what is live today stands beside."""
        signed = world.manifest([row(20), row(21), row(22), row(23)], chunk_rows=2)
        world.open_manifest(signed)
        finish(world, begin(world, signed), (20, 21))

        def told() -> tuple[dict[RowStatus, int], int | None]:
            state = world.plane.manifest(signed.ref(0).manifest_id, world.deadline)
            counts = [one.counts.get(RowStatus.ACCEPTED, 0) for one in state.chunks]
            return {RowStatus.ACCEPTED: sum(counts)}, state.live

        assert told() == ({RowStatus.ACCEPTED: 2}, None), "nobody counts before it is complete"
        finish(world, begin(world, signed, 1), (22, 23))
        assert told() == ({RowStatus.ACCEPTED: 4}, 4)
        world.plane.delete_record(UTAH, record_name(20), world.custodian(), world.deadline)
        assert told() == ({RowStatus.ACCEPTED: 4}, 3)
        world.enrol(30, record=21)  # a new portrait in the place of this list's
        assert told() == ({RowStatus.ACCEPTED: 4}, 2)

    def test_a_list_of_deletions_has_nothing_that_is_live(self, world: World) -> None:
        gone = Row(record_name(1), "", "")
        signed = world.manifest([gone], act=ManifestAct.DELETE)
        world.open_manifest(signed)
        state = world.plane.manifest(signed.ref(0).manifest_id, world.deadline)
        assert (state.complete, state.live) == (True, None)
