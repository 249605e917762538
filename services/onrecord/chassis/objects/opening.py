"""The object store that a setting names: a folder, or `s3://bucket/prefix`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onrecord.chassis.objects.local import LocalObjects
from onrecord.chassis.objects.ports import ObjectStore
from onrecord.kernel.errors import ErrorCode, OnRecordError

_S3: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """How a store that is not a folder is reached. `seconds`: how long one request may take.

    `endpoint` is empty for AWS itself. Without keys a process uses what its platform gives it.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    seconds: float = 10.0


def open_objects(place: str, access: ObjectAccess) -> ObjectStore:
    """The store at `place`. Raises SETTINGS_INVALID for what is no place; calls nobody."""
    if not place.startswith(_S3):
        if "://" in place:
            raise _invalid(f"{place} is neither a folder nor s3://bucket/prefix")
        return LocalObjects(Path(place))
    bucket, _, prefix = place.removeprefix(_S3).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise _invalid(f"{bucket!r} is not the name of a bucket")
    # Imported where it is needed: a laptop has no use for it.
    from onrecord.chassis.objects.s3 import S3Objects

    return S3Objects.open(
        bucket,
        prefix.strip("/"),
        endpoint=access.endpoint,
        region=access.region,
        access_key=access.access_key,
        secret_key=access.secret_key,
        seconds=access.seconds,
    )


def _invalid(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SETTINGS_INVALID, message)
