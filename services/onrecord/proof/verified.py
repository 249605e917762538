"""What has been verified once, remembered by its content: verifying has no other input.

A search shows one grant and two statements to every gallery, and each checks them for itself. The
same bytes under the same key verify the same way every time, so a signature is checked once and
then recognised by a digest of everything that went into it. What depends on the moment, such as
expiry, is never remembered.
"""

import hashlib
import threading


class Verified:
    """A bounded set of digests; what was not met for the longest time is forgotten first.

    May be used from many threads. Only what verified is remembered, so that nobody's refusals
    push it out.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._held: dict[bytes, None] = {}

    def knows(self, content: bytes) -> bool:
        """Whether this digest was added and has not been forgotten."""
        with self._lock:
            if content not in self._held:
                return False
            self._held[content] = self._held.pop(content)
            return True

    def add(self, content: bytes) -> None:
        with self._lock:
            self._held.pop(content, None)
            self._held[content] = None
            if len(self._held) > self._limit:
                del self._held[next(iter(self._held))]


def digest_of(*parts: bytes) -> bytes:
    """SHA-256 (32 bytes) over parts and their lengths: no two lists of parts have one digest."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()
