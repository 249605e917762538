"""Whoever hands out transport keys, in memory; and what travels under them."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.contracts.enrolment import TransportKey
from onrecord.contracts.events import EnrolmentRef
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock

SEALS_FOR = timedelta(hours=24)
OPENS_FOR = timedelta(hours=48)


@dataclass(slots=True)
class KeyRing:
    """A `TransportKeys` that mints a key a day for each gallery, and destroys it two days on."""

    clock: Clock
    galleries: tuple[str, ...] = ("US-UT",)
    away: bool = False
    minted: dict[str, TransportKey] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    ever: int = 0

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        self.asked.append(key_id)
        if self.away:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the plane is away")
        if gallery not in self.galleries:
            raise OnRecordError(ErrorCode.GALLERY_UNKNOWN, "no such gallery")
        now = self.clock.now()
        if key_id is None:
            for key in self.minted.values():
                if key.gallery == gallery and now < key.seal_until:
                    return key
            return self._mint(gallery, now)
        held = self.minted.get(key_id)
        if held is None or held.gallery != gallery or now >= held.opens_until:
            raise OnRecordError(ErrorCode.SEAL_KEY_DESTROYED, "the key is destroyed")
        return held

    def destroy(self, key_id: str) -> None:
        del self.minted[key_id]

    def _mint(self, gallery: str, now: datetime) -> TransportKey:
        key_id = f"{gallery}-{self.ever}"
        self.ever += 1
        secret = hashlib.sha256(key_id.encode()).digest()
        key = TransportKey(gallery, key_id, secret, now + SEALS_FOR, now + OPENS_FOR)
        self.minted[key_id] = key
        return key


def ref(number: int = 1, gallery: str = "US-UT", generation: int = 1) -> EnrolmentRef:
    return EnrolmentRef(gallery, f"e-{number}", generation)


def received(message: Message, offset: int = 0) -> Received:
    """As a consumer would meet it."""
    at = datetime.fromisoformat("2026-11-23T06:30:00+00:00")
    return Received(message, Partition(message.topic, 0), offset, at)
