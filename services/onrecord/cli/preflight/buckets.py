"""Object stores: a throw-away object is written, read, listed and deleted, by those who write."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.settings import ObjectsSettings, examine_files
from onrecord.cli.preflight.results import Result, Status, missing, not_checked, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

FOLDER: Final = "preflight"
_STORES: Final = ("vault", "ingest", "ledger_objects")
_ONLY_READ: Final = {(Service.GATEWAY, "ledger_objects"), (Service.DETECTION, "ingest")}
_BYTES: Final = 32


def examine(target: Target, _: Installation) -> Iterator[Result]:
    settings = target.settings
    if not isinstance(settings, ObjectsSettings):
        return
    wrong = {one.name: one.says for one in examine_files(settings)}
    for setting in _STORES:
        place: str | None = getattr(settings, setting, None)
        if place is None:
            continue
        if setting in wrong:
            yield missing(f"{setting}: {wrong[setting]}", f"mkdir -p {place}")
        elif "://" not in place and not Path(place).is_dir():
            yield ok(f"{setting}: {place}: the service makes it when it starts")
        else:
            reads = (target.service, setting) in _ONLY_READ
            yield from _bucket(settings, setting, place, only_read=reads)


def _bucket(
    settings: ObjectsSettings, setting: str, place: str, *, only_read: bool
) -> Iterator[Result]:
    key = f"{FOLDER}/{token_hex(16)}"
    told = f"{setting}: {place}"
    try:
        store = settings.store(place)
        if only_read:
            yield _read(store, key, told)
            return
        versions = _versions(store, key, told, settings, place)
        yield versions
        if versions.status is not Status.MISSING:
            yield _used(store, key, told)
    except OnRecordError as error:
        yield missing(f"{told}: {error.message}", _command(settings, place))
    finally:
        if "://" not in place and (Path(place) / FOLDER).is_dir():
            _swept(Path(place) / FOLDER)


def _read(store: ObjectStore, key: str, told: str) -> Result:
    """For who only reads: what is not there is told apart from a refusal (law 4)."""
    there = list(store.keys(FOLDER))
    if store.exists(key) or key in there:
        return missing(f"{told}: it shows an object that is not there")
    return ok(f"{told}: can be listed and asked (this service only reads)")


def _used(store: ObjectStore, key: str, told: str) -> Result:
    content = token_bytes(_BYTES)
    store.put(key, content)
    try:
        if store.get(key) != content:
            return missing(f"{told}: what was read is not what was written")
        if key not in set(store.keys(FOLDER)):
            return missing(f"{told}: what was written is not in the list")
    finally:
        store.delete(key)
    if store.exists(key):
        return missing(f"{told}: what was deleted is still there (object {key}, to be removed)")
    return ok(f"{told}: an object was written, read, listed, deleted")


def _versions(
    store: ObjectStore, key: str, told: str, settings: ObjectsSettings, place: str
) -> Result:
    """A version that is kept is a portrait that is not gone (law 9). Asked by deed: a bucket that
    keeps versions names the one it has made.
    """
    from onrecord.chassis.objects.s3 import S3Objects

    if not isinstance(store, S3Objects):
        return ok(f"{told}: a folder keeps no versions")
    bucket = place.removeprefix("s3://").partition("/")[0]
    at = f" --endpoint-url {settings.objects_endpoint}" if settings.objects_endpoint else ""
    ask = f"aws{at} s3api get-bucket-versioning --bucket {bucket}"
    try:
        version = store.put_version(key, b"")
    finally:
        store.delete(key)
    if version is not None:
        return missing(
            f"{told}: the bucket keeps versions (one of {key} was left, {version})",
            f"aws{at} s3api put-bucket-versioning --bucket {bucket} "
            "--versioning-configuration Status=Suspended",
        )
    if settings.objects_endpoint:
        # Not everything that speaks S3 names the version that it keeps.
        return not_checked(f"{told}: versioning; no version was told of what was put", ask)
    return ok(f"{told}: keeps no versions")


def _command(settings: ObjectsSettings, place: str) -> str:
    if "://" not in place:
        return f"ls -ld {place}"
    bucket = place.removeprefix("s3://").partition("/")[0]
    at = f" --endpoint-url {settings.objects_endpoint}" if settings.objects_endpoint else ""
    return f"aws{at} s3api create-bucket --bucket {bucket} --region {settings.objects_region}"


def _swept(folder: Path) -> None:
    """Our own empty folder goes with what lay in it; another preflight may be at work there."""
    try:
        folder.rmdir()
    except OSError as error:
        if not any(folder.iterdir()):
            raise OnRecordError(
                ErrorCode.OBJECTS_UNAVAILABLE, f"{folder} is empty and stays: {error.strerror}"
            ) from error
