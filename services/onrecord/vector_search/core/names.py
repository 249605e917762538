"""The names the plane gives, and which names it accepts."""

import hashlib
import re

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical

MAX_RECORD_ID = 128
_JURISDICTION = re.compile(r"US-[A-Z]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def index_key(gallery: str, record_mac: str, generation: int, model_id: str) -> str:
    """The vector's primary key: 64 hexadecimal digits that differ when any of the four does.

    A late or repeated insert of one generation can only ever land on its own row. Made of the
    keyed hash of the record id: it outlives the id, and must not give it away.
    """
    named = canonical.encode([gallery, record_mac, generation, model_id])
    return hashlib.sha256(named).hexdigest()


def is_record_id(record_id: str) -> bool:
    """Whether it is 1 to 128 printable characters, none of them a space."""
    if not 1 <= len(record_id) <= MAX_RECORD_ID:
        return False
    return record_id.isprintable() and not any(c.isspace() for c in record_id)


def is_sha256(value: str) -> bool:
    """Whether it is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(value) is not None


def check_record_id(record_id: str) -> None:
    """Raises RECORD_ID_INVALID."""
    if not is_record_id(record_id):
        raise OnRecordError(
            ErrorCode.RECORD_ID_INVALID,
            f"a record id is 1 to {MAX_RECORD_ID} printable characters without spaces",
            field="record_id",
        )


def check_jurisdiction(jurisdiction: str) -> None:
    """Raises JURISDICTION_UNKNOWN unless it has the form `US-UT`."""
    if not _JURISDICTION.fullmatch(jurisdiction):
        raise OnRecordError(
            ErrorCode.JURISDICTION_UNKNOWN,
            "a gallery is named by its state, in the form US-UT",
            field="jurisdiction",
        )


def check_sha256(value: str, field: str) -> None:
    """Raises FIELD_INVALID unless `value` is a SHA-256 in lower-case hexadecimal."""
    if not is_sha256(value):
        raise OnRecordError(
            ErrorCode.FIELD_INVALID, f"{field} is 64 hexadecimal digits", field=field
        )
