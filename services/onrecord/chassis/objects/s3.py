"""An object store in a bucket of S3, or of whatever speaks S3."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import S3Store

from onrecord.chassis.objects.ports import parts_of
from onrecord.chassis.objects.s3_errors import Told, no_such_object
from onrecord.kernel.errors import ErrorCode, OnRecordError

_CONNECT: Final = timedelta(seconds=2)
_TRIES: Final = 2
_LISTED_AT_ONCE: Final = 1000


class S3Objects:
    """An `ObjectStore` in a bucket, under a prefix of it.

    A PUT of S3 is atomic and, once answered, durable; a GET after it sees it. The bucket keeps no
    versions (`onrecord preflight` looks): a version that is kept is a portrait that is not gone.
    """

    def __init__(self, store: S3Store, name: str) -> None:
        """`name`: what the store is called in messages; never its credentials."""
        self._store = store
        self._name = name

    @classmethod
    def open(
        cls,
        bucket: str,
        prefix: str,
        *,
        endpoint: str,
        region: str,
        access_key: str,
        secret_key: str,
        seconds: float,
    ) -> "S3Objects":
        """Nobody is called yet. Without keys, the credentials that the platform gives a process
        (environment, web identity, instance) are used. `seconds`: how long one request may take.
        """
        store = S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=endpoint or None,
            region=region,
            access_key_id=access_key or None,
            secret_access_key=secret_key or None,
            virtual_hosted_style_request=False if endpoint else None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": timedelta(seconds=seconds),
            },
            retry_config={
                "max_retries": _TRIES,
                "retry_timeout": timedelta(seconds=seconds),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=50),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
        )
        return cls(store, f"s3://{bucket}")

    def put(self, key: str, data: bytes) -> None:
        self.put_version(key, data)

    def put_version(self, key: str, data: bytes) -> str | None:
        """As `put`; which version of the object this is, where the bucket keeps more than one and
        says so.
        """
        path = _path(key)
        with self._asked():
            # In one request: what is never whole is never an object, and nothing lies half brought.
            done = obstore.put(self._store, path, data, use_multipart=False)
        version = done["version"]
        return None if version == "null" else version

    def get(self, key: str) -> bytes:
        path = _path(key)
        with self._asked():
            try:
                return bytes(obstore.get(self._store, path).bytes())
            except (NotFoundError, FileNotFoundError) as error:
                if not no_such_object(error):
                    raise
                raise OnRecordError(ErrorCode.NOT_FOUND, f"there is no object {key}") from error

    def exists(self, key: str) -> bool:
        path = _path(key)
        with self._asked():
            try:
                obstore.head(self._store, path)
                return True
            except (NotFoundError, FileNotFoundError):
                pass
            # The answer to a HEAD has no words, and 404 is also what a bucket that is not there
            # gives: so it is asked again, in a way that is answered in words.
            try:
                obstore.get(self._store, path)
            except (NotFoundError, FileNotFoundError) as error:
                if not no_such_object(error):
                    raise
                return False
        return True

    def delete(self, key: str) -> None:
        path = _path(key)
        with self._asked():
            try:
                obstore.delete(self._store, path)
            except (NotFoundError, FileNotFoundError) as error:
                if not no_such_object(error):
                    raise

    def delete_all(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.delete(key)

    def keys(self, prefix: str) -> Iterator[str]:
        under = _path(prefix) if prefix else None
        listed = obstore.list(self._store, under, chunk_size=_LISTED_AT_ONCE)
        while True:
            with self._asked():
                found = next(listed, None)
            if found is None:
                return
            for one in found:
                yield str(one["path"])

    def _asked(self) -> Told:
        return Told(self._name)


def _path(key: str) -> str:
    return "/".join(parts_of(key))
