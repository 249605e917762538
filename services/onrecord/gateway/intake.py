"""Portraits into the two stores: sealed for good, and sealed for the way (R-30, R-46).

The gateway holds a portrait only for the request that carries it, and cannot open it again.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.sealing import seal
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import PORTRAIT, TransportSeals
from onrecord.contracts.enrolment import (
    EnrolmentTicket,
    Submission,
    VaultPortrait,
    portrait_aad,
    vault_object_key,
)
from onrecord.contracts.events import EnrolmentRef, ingest_object_key
from onrecord.gateway.core import write_points
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.writepoints import WritePoint


@dataclass(frozen=True, slots=True)
class Brought:
    """A portrait (encoded image) and the plane's leave to process it."""

    ticket: EnrolmentTicket
    image_sha256: str
    portrait: bytes = field(repr=False)


class Intake:
    """`executor`: on what several portraits are sealed and stored side by side."""

    def __init__(
        self,
        *,
        vault: ObjectStore,
        ingest: ObjectStore,
        seals: TransportSeals,
        executor: Executor,
        foreground: Foreground,
        reached: WritePoint,
    ) -> None:
        self._vault = vault
        self._ingest = ingest
        self._seals = seals
        self._executor = executor
        self._foreground = foreground
        self._reached = reached

    def take(
        self, gallery: str, brought: Sequence[Brought], deadline: Deadline
    ) -> tuple[Submission, ...]:
        """Both copies of each stand when it returns. Raises STORAGE_FULL, PLANE_UNAVAILABLE."""
        if len(brought) == 1:
            return (self._take(gallery, brought[0], deadline),)
        taking = [self._executor.submit(self._in_turn, gallery, one, deadline) for one in brought]
        return tuple(one.result() for one in taking)

    def _in_turn(self, gallery: str, one: Brought, deadline: Deadline) -> Submission:
        """One of many: a list is brought behind the searches of this process."""
        self._foreground.give_way()
        return self._take(gallery, one, deadline)

    def _take(self, gallery: str, one: Brought, deadline: Deadline) -> Submission:
        deadline.check()
        identity = one.ticket.enrolment_id
        about = portrait_aad(gallery, identity, one.image_sha256)
        sealed = seal(one.ticket.public_key, one.portrait, about)
        key = vault_object_key(gallery, identity)
        self._vault.put(key, sealed.ciphertext)
        self._reached(write_points.ENROLMENT_VAULTED)
        ref = EnrolmentRef(gallery, identity, one.ticket.generation)
        moving = self._seals.seal(PORTRAIT, ref, one.portrait, deadline)
        self._ingest.put(ingest_object_key(gallery, identity), moving.ciphertext)
        self._reached(write_points.ENROLMENT_INGESTED)
        digest = hashlib.sha256(sealed.ciphertext).hexdigest()
        return Submission(identity, VaultPortrait(key, digest, sealed.wrapped_key), moving.key_id)
