"""What custodians are answered about lists, deletions and what nobody could work on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`counts`: rows by status. `closed` once every row has ended."""

    number: int
    rows: int
    delivered: bool
    closed: bool
    counts: Mapping[str, int] = field(hash=False)
    duplicates: int

    @classmethod
    def read(cls, said: Json) -> "Chunk":
        return cls(
            said["number"],
            said["rows"],
            said["delivered"],
            said["closed"],
            said["counts"],
            said["duplicates"],
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A list the state has signed, and how far it is.

    `counts`: what each row came to when it ended. `live`: of a complete list to enrol, how many of
    its portraits are live now; None before.
    """

    manifest_id: str
    gallery: str
    act: str
    rows: int
    chunk_rows: int
    complete: bool
    counts: Mapping[str, int] = field(hash=False)
    duplicates: int
    live: int | None
    chunks: tuple[Chunk, ...]

    @classmethod
    def read(cls, said: Json) -> "Manifest":
        return cls(
            said["manifest_id"],
            said["gallery"],
            said["act"],
            said["rows"],
            said["chunk_rows"],
            said["complete"],
            said["counts"],
            said["duplicates"],
            said["live"],
            tuple(Chunk.read(one) for one in said["chunks"]),
        )


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A row of the list, counted from 1, and what became of it."""

    row: int
    record_id: str
    image_sha256: str
    path: str
    status: str
    enrolment_id: str
    code: str | None
    duplicate: bool

    @classmethod
    def read(cls, said: Json) -> "ManifestRow":
        return cls(
            said["row"],
            said["record_id"],
            said["image_sha256"],
            said["path"],
            said["status"],
            said["enrolment_id"],
            said["code"],
            said["duplicate"],
        )


@dataclass(frozen=True, slots=True)
class RowOutcome:
    row: int
    status: str
    enrolment_id: str
    code: str | None
    duplicate: bool

    @classmethod
    def read(cls, said: Json) -> "RowOutcome":
        return cls(
            said["row"], said["status"], said["enrolment_id"], said["code"], said["duplicate"]
        )


@dataclass(frozen=True, slots=True)
class Deletion:
    """The receipt for a record that is gone. `document`: all of it, with its signed statements."""

    gallery: str
    generation: int
    not_returned_from: str
    vectors_compacted_at: str | None
    backups_expire_at: str
    document: Json = field(repr=False, hash=False)

    @classmethod
    def read(cls, said: Json) -> "Deletion":
        return cls(
            said["gallery"],
            said["generation"],
            said["not_returned_from"],
            said["vectors_compacted_at"],
            said["backups_expire_at"],
            said,
        )


@dataclass(frozen=True, slots=True)
class Check:
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

    @classmethod
    def read(cls, said: Json) -> "Check":
        return cls(
            said["gallery"],
            said["agrees"],
            said["live"],
            said["indexed"],
            said["missing_vectors"],
            said["ghosts"],
            said["missing_portraits"],
            said["repaired"],
            said["unknown_portraits"],
        )
