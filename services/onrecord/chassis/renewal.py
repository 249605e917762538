"""Certificates that are renewed while calls run.

A cluster's authority puts a new certificate into the files long before the old one runs out. It is
taken up within a second: new connections show it, new statements are signed with it. What is
already connected stays connected.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from onrecord.chassis.certificates import ServiceIdentity
from onrecord.chassis.identity_files import read_identity
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import Service

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0


class IdentityFiles:
    """An `IdentitySource` on the files that settings name, looked at again when they change.

    The three files are replaced one after the other: as long as they do not fit together, and
    where the new ones are wrong, the identity that was read last stands.
    """

    def __init__(
        self,
        service: Service,
        certificate: Path,
        certificate_key: Path,
        roots: Path,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises SETTINGS_INVALID where there is no identity to begin with."""
        self._service = service
        self._files = (certificate, certificate_key, roots)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._identity = read_identity(service, *self._files)
        self._looked = monotonic()

    def current(self) -> ServiceIdentity:
        if self._monotonic() - self._looked < _LOOK_SECONDS:
            return self._identity
        with self._lock:
            now = self._monotonic()
            if now - self._looked >= _LOOK_SECONDS:
                self._looked = now
                self._look()
            return self._identity

    def _look(self) -> None:
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        try:
            identity = read_identity(self._service, *self._files)
        except OnRecordError as error:
            _log.warning("the new certificate is not taken up yet: %s", error.message)
            return  # looked at again in a second: the other files may still be on their way
        self._stamp = stamp
        if (identity.chain, identity.roots) == (self._identity.chain, self._identity.roots):
            return
        self._identity = identity
        _log.info("a new certificate, until %s", identity.chain[0].not_valid_after_utc.isoformat())

    def _stamped(self) -> tuple[tuple[int, int, int], ...]:
        stamps = []
        for path in self._files:
            try:
                found = path.stat()
                stamps.append((found.st_mtime_ns, found.st_ino, found.st_size))
            except OSError:
                stamps.append((0, 0, 0))
        return tuple(stamps)
