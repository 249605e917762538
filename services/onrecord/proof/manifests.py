"""Manifests: a state's own signed list of records to enrol or to delete (R-42).

The list itself is rows of record id, image hash and path (CSV or Parquet, the same rows either
way). What the state signs is a short header: for whom, what is asked, and the Merkle root of every
chunk of up to 65,536 rows. So a chunk can be checked by itself, a list of tens of millions of rows
is signed once, and a ledger entry for a chunk names what the state has signed.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical
from onrecord.proof.authority import key_name
from onrecord.proof.merkle import leaf_hash, root_of
from onrecord.proof.notes import NoteSigner, NoteVerifier, open_note, sign_note

TYPE: Final = "onrecord.manifest/v1"
MAX_CHUNK_ROWS: Final = 65_536
MAX_CHUNK_BYTES: Final = 24 * 1024 * 1024
"""Of a chunk's rows as lines (`Row.line`): a chunk travels as one message, of at most 32 MiB."""
MAX_HEADER_BYTES: Final = 8 * 1024 * 1024
MAX_PATH: Final = 1024
_FIELDS: Final = {"type", "gallery", "act", "created", "rows", "chunk_rows", "chunks"}
_GALLERY = re.compile(r"US-[A-Z]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. For a deletion `image_sha256` and `path` are ''."""

    record_id: str
    image_sha256: str
    path: str

    @property
    def line(self) -> bytes:
        """As it travels and is signed: canonical JSON, without an end of line."""
        return canonical.encode([self.record_id, self.image_sha256, self.path])

    @property
    def leaf(self) -> bytes:
        """The row's hash in its chunk's tree."""
        return leaf_hash(self.line)


@dataclass(frozen=True, slots=True)
class ManifestHeader:
    """What a state signs. `chunks` are the roots (hexadecimal) of its chunks, in order.

    Rows are counted from 1 over the whole list; chunks from 0.
    """

    gallery: str
    act: ManifestAct
    created: datetime
    rows: int
    chunk_rows: int
    chunks: tuple[str, ...]

    def encode(self) -> bytes:
        return canonical.encode(
            {
                "type": TYPE,
                "gallery": self.gallery,
                "act": self.act.value,
                "created": format_time(self.created),
                "rows": self.rows,
                "chunk_rows": self.chunk_rows,
                "chunks": list(self.chunks),
            }
        )

    def first_row(self, chunk: int) -> int:
        """The number of the chunk's first row."""
        return chunk * self.chunk_rows + 1

    def rows_in(self, chunk: int) -> int:
        return min(self.chunk_rows, self.rows - chunk * self.chunk_rows)


def manifest_id(header: bytes) -> str:
    """How a manifest is named everywhere: the SHA-256 of its header, in hexadecimal."""
    return hashlib.sha256(header).hexdigest()


def chunk_root(rows: Iterable[Row], chunk: int = 0) -> str:
    """The Merkle root of a chunk's rows, in hexadecimal; one row is held at a time.

    Raises FIELD_TOO_LONG where its rows are more than MAX_CHUNK_BYTES as lines: `chunk` is the
    number to say it of, and the detail `rows` how many would have fitted.
    """
    return root_of(_leaves(rows, chunk)).hex()


def _leaves(rows: Iterable[Row], chunk: int) -> Iterator[bytes]:
    held = 0
    for before, row in enumerate(rows):
        line = row.line
        held += len(line) + 1
        if held > MAX_CHUNK_BYTES:
            raise OnRecordError(
                ErrorCode.FIELD_TOO_LONG,
                f"the rows of chunk {chunk} are more than {MAX_CHUNK_BYTES} bytes: sign the list "
                f"in chunks of fewer than {before + 1} rows, or with shorter paths",
                field="chunk_rows",
                details={"chunk": chunk, "limit": MAX_CHUNK_BYTES, "rows": before},
            )
        yield leaf_hash(line)


def sign_manifest(header: ManifestHeader, signer: NoteSigner) -> str:
    """The signed note over the header, by the state's authority key."""
    return sign_note(_note_text(header.encode()), [signer])


def verify_manifest(encoded: bytes, signature: str, keys: Sequence[NoteVerifier]) -> ManifestHeader:
    """The header, if one of the state's keys has signed it.

    Raises MANIFEST_INVALID for the content and SIGNATURE_INVALID for the signature.
    """
    header = read_header(encoded)
    own = [key for key in keys if key.name == key_name(header.gallery)]
    if not own:
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID, f"no authority key of {header.gallery} is known here"
        )
    if open_note(signature, own).text != _note_text(encoded):
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID, "the signature is over another manifest than this one"
        )
    return header


def read_header(encoded: bytes) -> ManifestHeader:
    """What a header says, whoever signed it. Raises MANIFEST_INVALID."""
    if len(encoded) > MAX_HEADER_BYTES:
        raise _invalid(f"its header has more than {MAX_HEADER_BYTES} bytes")
    try:
        value = canonical.decode(encoded)
    except OnRecordError as error:
        raise _invalid("its header is not canonical JSON") from error
    if not isinstance(value, dict) or set(value) != _FIELDS or value["type"] != TYPE:
        raise _invalid("its header does not have exactly the fields of a manifest")
    gallery, act, chunks = str(value["gallery"]), str(value["act"]), value["chunks"]
    if not _GALLERY.fullmatch(gallery):
        raise _invalid("its gallery is not of the form US-UT")
    if act not in set(ManifestAct):
        raise _invalid("it asks for neither enrolment nor deletion")
    if not isinstance(chunks, list) or not all(
        isinstance(root, str) and _SHA256.fullmatch(root) for root in chunks
    ):
        raise _invalid("its chunks are not SHA-256 in hexadecimal")
    rows, chunk_rows = _count(value["rows"]), _count(value["chunk_rows"])
    if chunk_rows > MAX_CHUNK_ROWS:
        raise _invalid(f"a chunk has at most {MAX_CHUNK_ROWS} rows")
    if len(chunks) != -(-rows // chunk_rows):
        raise _invalid(f"{rows} rows do not make {len(chunks)} chunks of {chunk_rows}")
    try:
        created = parse_time(str(value["created"]))
    except OnRecordError as error:
        raise _invalid("it does not say when it was made") from error
    return ManifestHeader(
        gallery=gallery,
        act=ManifestAct(act),
        created=created,
        rows=rows,
        chunk_rows=chunk_rows,
        chunks=tuple(str(root) for root in chunks),
    )


def check_chunk(header: ManifestHeader, chunk: int, rows: Sequence[Row]) -> None:
    """Raises MANIFEST_CHANGED unless these are the very rows the state has signed for a chunk,
    FIELD_TOO_LONG for a chunk of too many bytes, whoever signed it.
    """
    if not 0 <= chunk < len(header.chunks):
        raise OnRecordError(
            ErrorCode.NOT_FOUND, f"the manifest has {len(header.chunks)} chunks", field="chunk"
        )
    if len(rows) != header.rows_in(chunk) or chunk_root(rows, chunk) != header.chunks[chunk]:
        raise OnRecordError(
            ErrorCode.MANIFEST_CHANGED,
            f"the rows of chunk {chunk} are not those the state has signed",
            field="rows",
            details={"chunk": chunk},
        )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _invalid("its counts are whole numbers from 1")
    return value


def _note_text(header: bytes) -> str:
    return f"onrecord/manifest/v1\n{manifest_id(header)}\n"


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.MANIFEST_INVALID, f"the manifest is refused: {why}")
