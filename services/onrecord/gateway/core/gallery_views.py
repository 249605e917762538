"""What custodians and operators are shown of a gallery. Schemas of `/openapi.json`.

Times are RFC 3339 in UTC. A `record_id` stands only in the rows of a manifest, for its custodian.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """One portrait on its way: requested, detected, embedded, then live or rejected.

    `code`, `message` and `details` say why it was rejected. `duplicate`: the very same image stands
    in this gallery under another record; it is enrolled all the same.
    """

    enrolment_id: str
    gallery: str
    generation: int
    model_id: str
    status: str
    code: str | None
    message: str
    details: dict[str, str | int]
    changed_at: str | None
    duplicate: bool | None


@dataclass(frozen=True, slots=True)
class ChunkView:
    """`counts`: rows by status. `duplicates` are among them. `closed` once all have ended."""

    number: int
    rows: int
    delivered: bool
    closed: bool
    counts: dict[str, int]
    duplicates: int


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A list the state has signed, and how far it is.

    `counts`, over all its chunks, are what each row came to when it ended: `accepted` stays what it
    was, whatever was deleted since. `live`: once a list to enrol is complete, how many of its
    portraits are live now (not deleted, not replaced); null before.
    """

    manifest_id: str
    gallery: str
    act: str
    rows: int
    chunk_rows: int
    opened_at: str
    complete: bool
    counts: dict[str, int]
    duplicates: int
    live: int | None
    chunks: list[ChunkView]


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the state's list and what became of it. `row` counts from 1 over the whole list."""

    row: int
    record_id: str
    image_sha256: str
    path: str
    status: str
    enrolment_id: str
    code: str | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class RowPage:
    """`next` is what to send as `after` for the following rows; null at the end."""

    rows: list[RowView]
    next: int | None


@dataclass(frozen=True, slots=True)
class RowOutcomeView:
    row: int
    status: str
    enrolment_id: str
    code: str | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class BroughtView:
    """One outcome for each row that was brought."""

    rows: list[RowOutcomeView]


@dataclass(frozen=True, slots=True)
class StatementView:
    """A signed statement: canonical JSON, signature and certificates, base64."""

    statement: str
    signature: str
    chain: list[str]


@dataclass(frozen=True, slots=True)
class DeletionView:
    """The receipt for a record that is gone (law 9), with its three times.

    `vectors_compacted_at` and `compacted` are null until the index has dropped its bytes.
    """

    gallery: str
    generation: int
    not_returned_from: str
    vectors_compacted_at: str | None
    backups_expire_at: str
    deleted: StatementView
    compacted: StatementView | None


@dataclass(frozen=True, slots=True)
class CheckView:
    """Roster, index and vault, compared; all counts are records.

    `unknown_portraits`: sealed portraits of enrolments that the roster does not know.
    """

    gallery: str
    agrees: bool
    live: int
    indexed: int
    missing_vectors: int
    ghosts: int
    missing_portraits: int
    repaired: int
    unknown_portraits: int


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """A message that nobody could work on: ids and reasons, never what it held."""

    letter_id: int
    topic: str
    partition: int
    offset: int
    gallery: str | None
    enrolment_id: str | None
    code: str
    message: str
    attempts: int
    time: str
    redriven_at: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    dead_letters: list[DeadLetterView]
    next: int | None


@dataclass(frozen=True, slots=True)
class ExplainedView:
    """In words: what it was, why it stopped, and what sending it on again would do."""

    dead_letter: DeadLetterView
    was: str
    reason: str
    enrolment_status: str | None
    helps: bool
    redrive: str


@dataclass(frozen=True, slots=True)
class SentView:
    letter_id: int
    code: str | None


@dataclass(frozen=True, slots=True)
class RedrivenView:
    """`code` is null for what is on its way again, and says why for what is not."""

    sent: list[SentView]
