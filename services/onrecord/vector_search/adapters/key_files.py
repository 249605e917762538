"""Gallery keys in a folder: one file a key, which only its owner may read."""

import os
import re
import threading
from pathlib import Path

from onrecord.chassis.certificates import write_secret
from onrecord.chassis.sealing import KEY_SIZE, new_data_key, new_gallery_key, public_half
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core.names import check_jurisdiction

_SUFFIX = ".transport"
_KEY_ID = re.compile(r"[0-9a-z]{1,32}")


class KeyFiles:
    """A `KeyStore`: `<folder>/US-UT.x25519` holds 64 hexadecimal digits, mode 0600; so does each
    transport key, `<folder>/US-UT/<key id>.transport`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._minting = threading.Lock()

    def mint(self, gallery: str) -> bytes:
        path = self._path(gallery)
        with self._minting:
            if not path.exists():
                _write(path, new_gallery_key().private)
        return public_half(self.private_key(gallery))

    def private_key(self, gallery: str) -> bytes:
        key = _read(self._path(gallery))
        if key is None:
            raise OnRecordError(
                ErrorCode.PLANE_UNAVAILABLE, f"the private key of {gallery} cannot be read here"
            )
        return key

    def mint_transport(self, gallery: str, key_id: str) -> bytes:
        path = self._transport_path(gallery, key_id)
        with self._minting:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700)
                _sync(self._folder)
            if not path.exists():
                _write(path, new_data_key())
        return self.transport_key(gallery, key_id)

    def transport_key(self, gallery: str, key_id: str) -> bytes:
        key = _read(self._transport_path(gallery, key_id))
        if key is None:
            raise _destroyed()
        return key

    def transport_keys(self, gallery: str) -> frozenset[str]:
        check_jurisdiction(gallery)
        found = (self._folder / gallery).glob(f"*{_SUFFIX}")
        return frozenset(path.name.removesuffix(_SUFFIX) for path in found)

    def destroy_transport(self, gallery: str, key_id: str) -> None:
        path = self._transport_path(gallery, key_id)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync(path.parent)

    def _path(self, gallery: str) -> Path:
        check_jurisdiction(gallery)
        return self._folder / f"{gallery}.x25519"

    def _transport_path(self, gallery: str, key_id: str) -> Path:
        check_jurisdiction(gallery)
        if not _KEY_ID.fullmatch(key_id):  # it came in a message, and becomes the name of a file
            raise _destroyed()
        return self._folder / gallery / f"{key_id}{_SUFFIX}"


def _write(path: Path, key: bytes) -> None:
    write_secret(path, key.hex().encode() + b"\n")
    _sync(path.parent)


def _read(path: Path) -> bytes | None:
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return key if len(key) == KEY_SIZE else None


def _sync(folder: Path) -> None:
    """What is sealed to a key is lost with it: its name must survive a power cut, and so must
    its absence.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _destroyed() -> OnRecordError:
    return OnRecordError(
        ErrorCode.SEAL_KEY_DESTROYED, "the transport key has been destroyed, or never was"
    )
