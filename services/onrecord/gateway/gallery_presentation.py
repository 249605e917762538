"""From what is known of a gallery to what its custodians are shown."""

import base64
from collections import Counter
from collections.abc import Sequence

from onrecord.contracts.enrolment import (
    ChunkState,
    Deletion,
    GalleryCheck,
    ManifestRow,
    ManifestState,
)
from onrecord.gateway.core import gallery_views as views
from onrecord.gateway.core.enrolments import EnrolmentProgress
from onrecord.gateway.dead_letters import Explained, Sent
from onrecord.gateway.manifests import RowOutcome
from onrecord.gateway.store.dead_letters import HeldLetter
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.proof.attestation import Attestation


def enrolment_view(
    progress: EnrolmentProgress, duplicate: bool | None = None
) -> views.EnrolmentView:
    ref = progress.enrolment
    return views.EnrolmentView(
        enrolment_id=ref.enrolment_id,
        gallery=ref.gallery,
        generation=ref.generation,
        model_id=progress.model_id,
        status=progress.status.value,
        code=_code(progress.code),
        message=progress.message,
        details=dict(progress.details),
        changed_at=None if progress.changed_at is None else format_time(progress.changed_at),
        duplicate=duplicate,
    )


def manifest_view(state: ManifestState) -> views.ManifestView:
    counts: Counter[str] = Counter()
    for chunk in state.chunks:
        counts.update(_counts(chunk))
    return views.ManifestView(
        manifest_id=state.manifest_id,
        gallery=state.gallery,
        act=state.act.value,
        rows=state.rows,
        chunk_rows=state.chunk_rows,
        opened_at=format_time(state.opened_at),
        complete=state.complete,
        counts=dict(counts),
        duplicates=sum(chunk.duplicates for chunk in state.chunks),
        live=state.live,
        chunks=[chunk_view(chunk) for chunk in state.chunks],
    )


def chunk_view(chunk: ChunkState) -> views.ChunkView:
    return views.ChunkView(
        number=chunk.number,
        rows=chunk.rows,
        delivered=chunk.delivered,
        closed=chunk.closed,
        counts=_counts(chunk),
        duplicates=chunk.duplicates,
    )


def row_page(rows: Sequence[ManifestRow], limit: int) -> views.RowPage:
    shown = [
        views.RowView(
            row=one.row,
            record_id=one.content.record_id,
            image_sha256=one.content.image_sha256,
            path=one.content.path,
            status=one.status.value,
            enrolment_id=one.enrolment_id,
            code=_code(one.code),
            duplicate=one.duplicate,
        )
        for one in rows
    ]
    return views.RowPage(shown, rows[-1].row if len(rows) == limit else None)


def brought_view(outcomes: Sequence[RowOutcome]) -> views.BroughtView:
    return views.BroughtView(
        [
            views.RowOutcomeView(
                one.row, one.status.value, one.enrolment_id, _code(one.code), one.duplicate
            )
            for one in outcomes
        ]
    )


def deletion_view(deletion: Deletion) -> views.DeletionView:
    compacted = deletion.vectors_compacted_at
    return views.DeletionView(
        gallery=deletion.gallery,
        generation=deletion.generation,
        not_returned_from=format_time(deletion.not_returned_from),
        vectors_compacted_at=None if compacted is None else format_time(compacted),
        backups_expire_at=format_time(deletion.backups_expire_at),
        deleted=_statement(deletion.deleted),
        compacted=None if deletion.compacted is None else _statement(deletion.compacted),
    )


def check_view(check: GalleryCheck) -> views.CheckView:
    return views.CheckView(
        gallery=check.gallery,
        agrees=not (
            check.missing_vectors
            or check.ghosts
            or check.missing_portraits
            or check.unknown_portraits
        ),
        live=check.live,
        indexed=check.indexed,
        missing_vectors=check.missing_vectors,
        ghosts=check.ghosts,
        missing_portraits=check.missing_portraits,
        repaired=check.repaired,
        unknown_portraits=check.unknown_portraits,
    )


def letter_view(held: HeldLetter) -> views.DeadLetterView:
    letter, ref = held.letter, held.letter.enrolment
    return views.DeadLetterView(
        letter_id=held.letter_id,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        gallery=None if ref is None else ref.gallery,
        enrolment_id=None if ref is None else ref.enrolment_id,
        code=letter.code.value,
        message=letter.message,
        attempts=letter.attempts,
        time=format_time(letter.time),
        redriven_at=None if held.redriven_at is None else format_time(held.redriven_at),
    )


def letter_page(letters: Sequence[HeldLetter], limit: int) -> views.DeadLetterPage:
    after = letters[-1].letter_id if len(letters) == limit else None
    return views.DeadLetterPage([letter_view(one) for one in letters], after)


def explained_view(explained: Explained) -> views.ExplainedView:
    return views.ExplainedView(
        dead_letter=letter_view(explained.held),
        was=explained.was,
        reason=explained.reason,
        enrolment_status=None if explained.status is None else explained.status.value,
        helps=explained.helps,
        redrive=explained.redrive,
    )


def redriven_view(sent: Sequence[Sent]) -> views.RedrivenView:
    return views.RedrivenView([views.SentView(one.letter_id, _code(one.code)) for one in sent])


def _counts(chunk: ChunkState) -> dict[str, int]:
    return {status.value: count for status, count in chunk.counts.items()}


def _code(code: ErrorCode | None) -> str | None:
    return None if code is None else code.value


def _statement(attestation: Attestation) -> views.StatementView:
    def text(data: bytes) -> str:
        return base64.b64encode(data).decode("ascii")

    return views.StatementView(
        text(attestation.statement),
        text(attestation.signature),
        [text(der) for der in attestation.chain],
    )
