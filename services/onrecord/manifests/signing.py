"""From a list to a signed manifest, and from the files of one back to what was signed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import RowSource
from onrecord.proof import manifests
from onrecord.proof.manifests import MAX_CHUNK_ROWS, ManifestHeader, Row
from onrecord.proof.notes import NoteSigner

HEADER = ".manifest.json"
SIGNATURE = ".manifest.sig"


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A header (canonical JSON) and the state's signed note over it."""

    header: bytes
    signature: str

    @property
    def manifest_id(self) -> str:
        return manifests.manifest_id(self.header)


def build_header(
    source: RowSource,
    *,
    gallery: str,
    act: ManifestAct,
    created: datetime,
    chunk_rows: int = MAX_CHUNK_ROWS,
    told: Callable[[int], None] = lambda _: None,
) -> ManifestHeader:
    """Read the list once and take the root of every chunk. One row is held at a time.

    `told` hears how many rows have been read, after each chunk. Raises MANIFEST_INVALID, and
    FIELD_TOO_LONG where a chunk of `chunk_rows` would be too large to travel.
    """
    roots: list[str] = []
    counted = 0

    def read(rows: Iterator[Row]) -> Iterator[Row]:
        nonlocal counted
        for row in rows:
            counted += 1
            yield row

    rows = source.rows()
    while True:
        before = counted
        root = manifests.chunk_root(read(islice(rows, chunk_rows)), len(roots))
        if counted == before:
            break
        roots.append(root)
        told(counted)
    if not counted:
        raise OnRecordError(ErrorCode.MANIFEST_INVALID, "the list has no rows")
    return ManifestHeader(gallery, act, created, counted, chunk_rows, tuple(roots))


def chunks_of(source: RowSource, header: ManifestHeader) -> Iterator[tuple[int, tuple[Row, ...]]]:
    """Each chunk of the list by its number, checked against what was signed.

    Raises MANIFEST_CHANGED with the number of the first chunk that is another than it was.
    """
    listed = source.rows()
    for number in range(len(header.chunks)):
        rows = tuple(islice(listed, header.chunk_rows))
        if not rows:
            raise _changed(number, "fewer rows than the state has signed")
        manifests.check_chunk(header, number, rows)
        yield number, rows
    if next(listed, None) is not None:
        raise _changed(len(header.chunks), "more rows than the state has signed")


def write_signed(beside: Path, header: ManifestHeader, signer: NoteSigner) -> SignedManifest:
    """Sign, and write both files beside the list: `LIST.manifest.json`, `LIST.manifest.sig`."""
    signed = SignedManifest(header.encode(), manifests.sign_manifest(header, signer))
    _beside(beside, HEADER).write_bytes(signed.header)
    _beside(beside, SIGNATURE).write_text(signed.signature, "utf-8")
    return signed


def read_signed(beside: Path) -> SignedManifest:
    """The two files beside a list. Raises NOT_FOUND; what they say is not believed yet."""
    try:
        return SignedManifest(
            _beside(beside, HEADER).read_bytes(),
            _beside(beside, SIGNATURE).read_text("utf-8"),
        )
    except (OSError, UnicodeDecodeError) as error:
        raise OnRecordError(
            ErrorCode.NOT_FOUND,
            f"{beside} has no signature beside it; the state makes one: onrecord gallery sign",
        ) from error


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _changed(chunk: int, why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.MANIFEST_CHANGED, f"the list has {why}", field="rows", details={"chunk": chunk}
    )
