"""Enrolments, transport keys and deletions, to messages and back."""

from collections.abc import Sequence
from datetime import datetime

from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    Deletion,
    EnrolmentBatch,
    EnrolmentStart,
    EnrolmentState,
    EnrolmentTicket,
    GalleryCheck,
    Redriven,
    Submission,
    TransportKey,
    VaultPortrait,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EnrolmentStatus
from onrecord.rpc.fields import malformed, read_all, read_field, read_word
from onrecord.rpc.v1 import enrolment_pb2 as pb
from onrecord.rpc.values import attestation_message, read_attestation


def batch_message(batch: EnrolmentBatch, user_token: str) -> pb.BeginEnrolmentsRequest:
    return pb.BeginEnrolmentsRequest(
        gallery=batch.gallery,
        starts=[
            pb.EnrolmentStart(
                record_id=one.record_id,
                image_sha256=one.image_sha256,
                row=one.row,
                problem=one.problem,
            )
            for one in batch.starts
        ],
        chunk=None if batch.chunk is None else chunk_ref_message(batch.chunk),
        user_token=user_token,
    )


def read_batch(message: pb.BeginEnrolmentsRequest) -> EnrolmentBatch:
    return EnrolmentBatch(
        gallery=message.gallery,
        starts=read_all(message.starts, "starts", _read_start),
        chunk=read_chunk_ref(message.chunk) if message.HasField("chunk") else None,
    )


def _read_start(message: pb.EnrolmentStart) -> EnrolmentStart:
    return EnrolmentStart(
        record_id=message.record_id,
        image_sha256=message.image_sha256,
        row=message.row if message.HasField("row") else None,
        problem=_code(message.problem, "problem") if message.HasField("problem") else None,
    )


def begun_message(begun: Sequence[Begun]) -> pb.BeginEnrolmentsResponse:
    return pb.BeginEnrolmentsResponse(
        begun=[
            pb.Begun(
                state=one.state.value,
                enrolment_id=one.enrolment_id,
                ticket=None if one.ticket is None else ticket_message(one.ticket),
                code=one.code,
                duplicate=one.duplicate,
            )
            for one in begun
        ]
    )


def read_begun(message: pb.BeginEnrolmentsResponse) -> tuple[Begun, ...]:
    return read_all(message.begun, "begun", _read_one_begun)


def _read_one_begun(message: pb.Begun) -> Begun:
    has_ticket = message.HasField("ticket")
    return Begun(
        state=read_word(message.state, "state", BeginState),
        enrolment_id=message.enrolment_id,
        ticket=read_field(message, "ticket", read_ticket) if has_ticket else None,
        code=_code(message.code, "code") if message.HasField("code") else None,
        duplicate=message.duplicate,
    )


def ticket_message(ticket: EnrolmentTicket) -> pb.EnrolmentTicket:
    return pb.EnrolmentTicket(
        enrolment_id=ticket.enrolment_id,
        generation=ticket.generation,
        public_key=ticket.public_key,
        model_id=ticket.model_id,
        attestation=attestation_message(ticket.attestation),
    )


def read_ticket(message: pb.EnrolmentTicket) -> EnrolmentTicket:
    return EnrolmentTicket(
        enrolment_id=message.enrolment_id,
        generation=message.generation,
        public_key=message.public_key,
        model_id=message.model_id,
        attestation=read_field(message, "attestation", read_attestation),
    )


def submissions_message(
    gallery: str, submissions: Sequence[Submission]
) -> pb.SubmitEnrolmentsRequest:
    return pb.SubmitEnrolmentsRequest(
        gallery=gallery,
        submissions=[
            pb.Submission(
                enrolment_id=one.enrolment_id,
                vault=pb.VaultPortrait(
                    object_key=one.vault.object_key,
                    ciphertext_sha256=one.vault.ciphertext_sha256,
                    wrapped_key=one.vault.wrapped_key,
                ),
                key_id=one.key_id,
            )
            for one in submissions
        ],
    )


def read_submissions(message: pb.SubmitEnrolmentsRequest) -> tuple[Submission, ...]:
    return read_all(message.submissions, "submissions", _read_submission)


def _read_submission(message: pb.Submission) -> Submission:
    vault = read_field(message, "vault", _read_vault)
    return Submission(message.enrolment_id, vault, message.key_id)


def _read_vault(message: pb.VaultPortrait) -> VaultPortrait:
    return VaultPortrait(message.object_key, message.ciphertext_sha256, message.wrapped_key)


def enrolment_state_message(state: EnrolmentState) -> pb.EnrolmentState:
    return pb.EnrolmentState(
        gallery=state.gallery,
        enrolment_id=state.enrolment_id,
        generation=state.generation,
        model_id=state.model_id,
        status=state.status.value,
        requested_at=format_time(state.requested_at),
        ended_at=None if state.ended_at is None else format_time(state.ended_at),
        code=state.code,
        message=state.message,
        duplicate=state.duplicate,
    )


def read_enrolment_state(message: pb.EnrolmentState) -> EnrolmentState:
    return EnrolmentState(
        gallery=message.gallery,
        enrolment_id=message.enrolment_id,
        generation=message.generation,
        model_id=message.model_id,
        status=read_word(message.status, "status", EnrolmentStatus),
        requested_at=read_time(message.requested_at, "requested_at"),
        ended_at=read_time(message.ended_at, "ended_at") if message.HasField("ended_at") else None,
        code=_code(message.code, "code") if message.HasField("code") else None,
        message=message.message,
        duplicate=message.duplicate,
    )


def transport_key_message(key: TransportKey) -> pb.TransportKey:
    return pb.TransportKey(
        gallery=key.gallery,
        key_id=key.key_id,
        key=key.key,
        seal_until=format_time(key.seal_until),
        opens_until=format_time(key.opens_until),
    )


def read_transport_key(message: pb.TransportKey) -> TransportKey:
    return TransportKey(
        gallery=message.gallery,
        key_id=message.key_id,
        key=message.key,
        seal_until=read_time(message.seal_until, "seal_until"),
        opens_until=read_time(message.opens_until, "opens_until"),
    )


def deletion_message(deletion: Deletion) -> pb.Deletion:
    compacted_at, compacted = deletion.vectors_compacted_at, deletion.compacted
    return pb.Deletion(
        gallery=deletion.gallery,
        generation=deletion.generation,
        not_returned_from=format_time(deletion.not_returned_from),
        vectors_compacted_at=None if compacted_at is None else format_time(compacted_at),
        backups_expire_at=format_time(deletion.backups_expire_at),
        deleted=attestation_message(deletion.deleted),
        compacted=None if compacted is None else attestation_message(compacted),
    )


def read_deletion(message: pb.Deletion) -> Deletion:
    compacted_at = None
    if message.HasField("vectors_compacted_at"):
        compacted_at = read_time(message.vectors_compacted_at, "vectors_compacted_at")
    has_compacted = message.HasField("compacted")
    return Deletion(
        gallery=message.gallery,
        generation=message.generation,
        not_returned_from=read_time(message.not_returned_from, "not_returned_from"),
        vectors_compacted_at=compacted_at,
        backups_expire_at=read_time(message.backups_expire_at, "backups_expire_at"),
        deleted=read_field(message, "deleted", read_attestation),
        compacted=read_field(message, "compacted", read_attestation) if has_compacted else None,
    )


def gallery_check_message(check: GalleryCheck) -> pb.GalleryCheck:
    return pb.GalleryCheck(
        gallery=check.gallery,
        live=check.live,
        indexed=check.indexed,
        missing_vectors=check.missing_vectors,
        ghosts=check.ghosts,
        missing_portraits=check.missing_portraits,
        repaired=check.repaired,
        unknown_portraits=check.unknown_portraits,
    )


def read_gallery_check(message: pb.GalleryCheck) -> GalleryCheck:
    return GalleryCheck(
        gallery=message.gallery,
        live=message.live,
        indexed=message.indexed,
        missing_vectors=message.missing_vectors,
        ghosts=message.ghosts,
        missing_portraits=message.missing_portraits,
        repaired=message.repaired,
        unknown_portraits=message.unknown_portraits,
    )


def redriven_message(redriven: Sequence[Redriven]) -> pb.RedriveResponse:
    return pb.RedriveResponse(
        redriven=[pb.Redriven(enrolment_id=one.enrolment_id, code=one.code) for one in redriven]
    )


def read_redriven(message: pb.RedriveResponse) -> tuple[Redriven, ...]:
    return tuple(
        Redriven(one.enrolment_id, _code(one.code, "code") if one.HasField("code") else None)
        for one in message.redriven
    )


def chunk_ref_message(chunk: ChunkRef) -> pb.ChunkRef:
    return pb.ChunkRef(manifest_id=chunk.manifest_id, chunk=chunk.chunk)


def read_chunk_ref(message: pb.ChunkRef) -> ChunkRef:
    return ChunkRef(message.manifest_id, message.chunk)


def read_time(text: str, field: str) -> datetime:
    try:
        return parse_time(text)
    except OnRecordError as error:
        raise malformed(field, error.message) from error


def _code(text: str, field: str) -> ErrorCode:
    return read_word(text, field, ErrorCode)
