"""Sealing and opening what travels on the bus, with keys that only the plane mints (R-46)."""

import threading
from collections import OrderedDict

from onrecord.chassis.sealing import decrypt, encrypt
from onrecord.contracts.enrolment import TransportKey
from onrecord.contracts.events import EnrolmentRef, SealedBytes, transport_aad
from onrecord.contracts.vector_search import TransportKeys
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock

PORTRAIT = "portrait"
CROP = "crop"
TEMPLATE = "template"
_MOST_KEYS = 256


class TransportSeals:
    """Keeps the keys it was handed, and forgets each when the plane destroys it.

    May be used from many threads. What a key is asked for is never written anywhere.
    """

    def __init__(self, keys: TransportKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._held: OrderedDict[tuple[str, str], TransportKey] = OrderedDict()
        self._current: dict[str, TransportKey] = {}
        self._lock = threading.Lock()

    def seal(
        self, what: str, enrolment: EnrolmentRef, plaintext: bytes, deadline: Deadline
    ) -> SealedBytes:
        """Under the key to seal with now. `what` is PORTRAIT, CROP or TEMPLATE."""
        key = self._sealing_key(enrolment.gallery, deadline)
        return SealedBytes(key.key_id, encrypt(key.key, plaintext, transport_aad(what, enrolment)))

    def open(
        self, what: str, enrolment: EnrolmentRef, sealed: SealedBytes, deadline: Deadline
    ) -> bytes:
        """Raises SEAL_INVALID, SEAL_KEY_DESTROYED, PLANE_UNAVAILABLE, GALLERY_UNKNOWN."""
        if not sealed.key_id:
            raise OnRecordError(ErrorCode.SEAL_INVALID, "it is not sealed")
        key = self._opening_key(enrolment.gallery, sealed.key_id, deadline)
        return decrypt(key.key, sealed.ciphertext, transport_aad(what, enrolment))

    def forget(self) -> None:
        """Let go of keys whose time is over; to be called now and then where nothing else calls."""
        now = self._clock.now()
        with self._lock:
            for place in [at for at, key in self._held.items() if now >= key.opens_until]:
                del self._held[place]
            for gallery in [at for at, key in self._current.items() if now >= key.seal_until]:
                del self._current[gallery]

    def _sealing_key(self, gallery: str, deadline: Deadline) -> TransportKey:
        self.forget()
        with self._lock:
            known = self._current.get(gallery)
        if known is not None:
            return known
        fresh = self._keys.transport_key(gallery, None, deadline)
        with self._lock:
            self._current[gallery] = fresh
            self._keep(fresh)
        return fresh

    def _opening_key(self, gallery: str, key_id: str, deadline: Deadline) -> TransportKey:
        self.forget()
        with self._lock:
            known = self._held.get((gallery, key_id))
        if known is not None:
            return known
        fetched = self._keys.transport_key(gallery, key_id, deadline)
        with self._lock:
            self._keep(fetched)
        return fetched

    def _keep(self, key: TransportKey) -> None:
        self._held[key.gallery, key.key_id] = key
        while len(self._held) > _MOST_KEYS:
            self._held.popitem(last=False)
