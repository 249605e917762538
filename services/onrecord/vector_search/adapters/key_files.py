"""Gallery keys in a folder: one file a gallery, which only its owner may read."""

import os
import threading
from pathlib import Path

from onrecord.chassis.certificates import write_secret
from onrecord.chassis.sealing import KEY_SIZE, new_gallery_key, public_half
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core.names import check_jurisdiction


class KeyFiles:
    """A `KeyStore`: `<folder>/US-UT.x25519` holds 64 hexadecimal digits, mode 0600."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._minting = threading.Lock()

    def mint(self, gallery: str) -> bytes:
        path = self._path(gallery)
        with self._minting:
            if not path.exists():
                write_secret(path, new_gallery_key().private.hex().encode() + b"\n")
                self._sync_folder()
        return public_half(self.private_key(gallery))

    def private_key(self, gallery: str) -> bytes:
        try:
            key = bytes.fromhex(self._path(gallery).read_text("ascii"))
        except (OSError, ValueError) as error:
            raise _unavailable(gallery) from error
        if len(key) != KEY_SIZE:
            raise _unavailable(gallery)
        return key

    def _path(self, gallery: str) -> Path:
        check_jurisdiction(gallery)
        return self._folder / f"{gallery}.x25519"

    def _sync_folder(self) -> None:
        """A portrait may be sealed to this key at once: its name must survive a power cut."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unavailable(gallery: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.PLANE_UNAVAILABLE, f"the private key of {gallery} cannot be read here"
    )
