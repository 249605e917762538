"""Where a ledger is read from: a folder or a web address, and the files an auditor has beside it.

Everything read is bounded, since what is being verified is by assumption not trusted.
"""

import binascii
import os
import re
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.bodies import Row
from onrecord.proof.checks import LedgerFault
from onrecord.proof.notes import decode_base64
from onrecord.proof.tiles import MAX_LEAF_BYTES, TILE_WIDTH, Fetch

# A full bundle of the longest entries is the largest object a log can have.
_MAX_OBJECT = TILE_WIDTH * (MAX_LEAF_BYTES + 2)
MAX_LINE = 8 * 1024 * 1024
_SECONDS = 30
# What a line of bodies always is, so that a million of them are not parsed as any JSON.
_LINE = re.compile(
    rb'\{"body":"(?P<body>[A-Za-z0-9+/]*={0,2})","index":(?P<index>0|[1-9][0-9]{0,14}),'
    rb'"nonce":"(?P<nonce>[A-Za-z0-9+/]*={0,2})"\}'
)
_READABLE = "the file of bodies can be read"


def is_url(source: str) -> bool:
    """Whether the ledger is on the web."""
    return urlsplit(source).scheme in ("http", "https")


def open_fetch(source: str) -> Fetch:
    """Reads objects at an address or below a folder."""
    return url_fetch(source) if is_url(source) else folder_fetch(Path(source))


def folder_fetch(folder: Path) -> Fetch:
    """Reads objects below `folder`."""

    root = str(folder)

    def fetch(path: str) -> bytes:
        try:
            with open(f"{root}/{path}", "rb", buffering=0) as file:  # noqa: PTH123 - a Path takes as long as the reading
                return _bounded(path, _read(file))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"there is no {folder / path}") from error
        except OSError as error:
            raise _unreadable(str(folder / path), error) from error

    return fetch


def _read(file: FileIO) -> bytes:
    """What is there, one byte more than the largest object at most.

    No larger buffer than the file says it needs: making one takes longer than to read a tile.
    """
    wanted = min(os.fstat(file.fileno()).st_size, _MAX_OBJECT) + 1
    data = file.read(wanted)
    while part := file.read(wanted - len(data)):
        data += part
    return data


def url_fetch(prefix: str) -> Fetch:
    """Reads objects below an `http` or `https` address."""
    # Where a folder is read, which takes less long than to import these, they are not needed.
    import urllib.error
    import urllib.request

    base = prefix.rstrip("/")

    def fetch(path: str) -> bytes:
        address = f"{base}/{path}"
        request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - `is_url` has let only http and https through
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                data: bytes = answer.read(_MAX_OBJECT + 1)
                encoding = answer.headers.get("Content-Encoding", "identity")
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise OnRecordError(ErrorCode.NOT_FOUND, f"there is no {address}") from error
            raise _unreadable(address, error) from error
        except OSError as error:
            raise _unreadable(address, error) from error
        _bounded(path, data)
        # A log may send gzip without being asked (C2SP tlog-tiles).
        return _bounded(path, _inflate(address, data)) if encoding == "gzip" else data

    return fetch


def read_bodies(path: Path) -> Iterator[Row]:
    """Index, nonce and body of each line of a `bodies.jsonl`, one at a time.

    A line is canonical JSON, `{"body":"<base64>","index":n,"nonce":"<base64>"}`. Raises
    `LedgerFault` for a line that is anything else.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            try:
                yield parse_row(line.removesuffix(b"\n"))
            except (OnRecordError, ValueError, TypeError) as error:
                message = f"line {number} of {path.name}: {error}"
                raise LedgerFault(_READABLE, None, message) from error


def parse_row(line: bytes) -> Row:
    """The row in one line of a `bodies.jsonl`. Raises `ValueError` or `OnRecordError`."""
    match = _LINE.fullmatch(line)
    if match is None:
        return _parse_any_line(line)
    return int(match["index"]), _base64(match["nonce"]), _base64(match["body"])


def _base64(text: bytes) -> bytes:
    data = binascii.a2b_base64(text)
    if binascii.b2a_base64(data, newline=False) != text:  # as `decode_base64`, without the text
        raise ValueError("not canonical base64")
    return data


def _parse_any_line(line: bytes) -> Row:
    """A line that is not the usual one: most often what is wrong with it is told here."""
    value = canonical.decode(line)
    if not isinstance(value, dict) or set(value) != {"index", "nonce", "body"}:
        raise ValueError("not an object of index, nonce and body")
    index, nonce, body = value["index"], value["nonce"], value["body"]
    if type(index) is not int or not isinstance(nonce, str) or not isinstance(body, str):
        raise ValueError("not a number and two texts in base64")
    return index, decode_base64(nonce), decode_base64(body)


def _inflate(address: str, data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _MAX_OBJECT + 1)
    except zlib.error as error:
        raise _unreadable(address, error) from error


def _bounded(path: str, data: bytes) -> bytes:
    if len(data) > _MAX_OBJECT:
        raise OnRecordError(ErrorCode.PROOF_INVALID, f"{path} is larger than an object can be")
    return data


def _unreadable(where: str, error: Exception) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, f"cannot read {where}: {error}")
