"""The real audit and a real plane in one folder, over one bus, as an attacker meets them.

`Joined` holds both and the steps that need both. The two have clocks of their own, which begin at
the same instant. A copy of the folder is the same installation at an earlier time.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.bus.ports import Message, Publisher
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.throttle import Unthrottled
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.audit import Authorization, ReleaseOutcome
from onrecord.contracts.images import Vector
from onrecord.contracts.vector_search import GalleryResult, GallerySearch, Lead
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Conclusion, Role, Service
from onrecord.kernel.writepoints import unobserved
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteSigner
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.app import open_roster
from onrecord.vector_search.consumer import PlaneConsumer
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.plane import PlaneService
from onrecord.vector_search.service.relay import Relay
from tests.builders.audit import PROBE, AuditForTest, SetClock, audit_for_test, open_audit, soon
from tests.builders.databases import database_url
from tests.builders.index import ExactIndex
from tests.builders.ledger import MemoryLedger
from tests.builders.plane import (
    UTAH,
    FakeProofs,
    MemoryPublisher,
    StillClock,
    World,
    face,
    near,
)

PEOPLE = range(3)


class LossyPublisher:
    """Says of every message that it is durable, and drops those of the topics in `drops`."""

    def __init__(self, true: Publisher) -> None:
        self._true = true
        self.drops: set[str] = set()

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        kept = [message for message in messages if message.topic not in self.drops]
        self._true.publish(kept, deadline)

    def close(self) -> None:
        self._true.close()


@dataclass(slots=True)
class Joined:
    """`world` is the plane and its neighbours; its own ledger in memory is not used."""

    folder: Path
    audit: AuditForTest
    world: World
    bus: LossyPublisher

    @property
    def plane(self) -> PlaneService:
        return self.world.plane

    def close(self) -> None:
        self.world.plane.close()
        self.audit.close()

    def pass_(self, **duration: float) -> None:
        """Time passes for everybody."""
        clock = self.audit.clock
        assert isinstance(clock, SetClock)
        clock.pass_(**duration)
        self.world.clock.pass_by(**duration)

    def search(
        self, grant: LoggedEntry, number: int = 1, *, gallery: str = UTAH, probe: str = PROBE
    ) -> GalleryResult:
        """The plane searches for person `number`; audit has not read the receipt yet."""
        vector: Vector = near(face(number), 1)
        template = self.world.template(grant, probe, vector)
        return self.plane.search(GallerySearch(gallery, grant, template), soon())

    def searched(self, number: int = 1, **changes: Any) -> tuple[Authorization, GalleryResult]:
        """Olsen's request, granted and searched, and its receipt in the ledger."""
        granted = self.audit.authorize(**changes)
        assert granted.granted, granted.galleries
        found = self.search(granted.entry, number)
        self.audit.take_in()
        return granted, found

    def examine(self, search_id: str, found: GalleryResult, same: str, *examiners: str) -> None:
        """Each looks at everything and decides that `same` is the one."""
        conclusions = {
            one.candidate_ref: (
                Conclusion.SUPPORTS_SAME
                if one.candidate_ref == same
                else Conclusion.SUPPORTS_DIFFERENT
            )
            for one in found.candidates
        }
        for examiner in examiners:
            self.audit.decide(examiner, search_id, conclusions)

    def release(self, search_id: str) -> ReleaseOutcome:
        return self.audit.service.release(search_id, soon())

    def unseal(self, outcome: ReleaseOutcome, person: str = "olsen") -> tuple[Lead, ...]:
        assert outcome.proof is not None, outcome.reason
        return self.plane.unseal(outcome.proof, self.audit.token(person, Role.REQUESTER), soon())


def open_joined(
    folder: Path,
    *,
    at: SetClock | None = None,
    witnessing: Witnessing | None = None,
    plane: str = "plane",
) -> Joined:
    """What stands in `folder` is taken up again; `plane` names the plane's own folder in it."""
    clock = at or SetClock()
    audit = open_audit(folder / "audit", clock=clock, witnessing=witnessing)
    bus = LossyPublisher(audit.bus.publisher())
    return Joined(
        folder, audit, _plane_beside(audit, folder / plane, StillClock(clock.at), bus), bus
    )


def new_joined(folder: Path) -> Joined:
    """Utah's gallery under Utah's law, with three people in it; Vermont and Maryland have laws."""
    audit_for_test(folder / "audit").close()
    joined = open_joined(folder)
    joined.world.plane.create_gallery(
        joined.world.setup(
            UTAH, authority_key=joined.audit.state_keys[UTAH].verifier.text, metric="IP"
        ),
        joined.audit.operator(),
        soon(),
    )
    for number in PEOPLE:
        joined.world.enrol(number)
    joined.audit.take_in()
    return joined


def second_plane(joined: Joined, name: str) -> World:
    """Another operator's plane on the same ledger and bus, with a certificate of its own."""
    bus = joined.audit.bus.publisher()
    clock = StillClock(joined.world.clock.at)
    return _plane_beside(joined.audit, joined.folder / name, clock, bus)


def _plane_beside(audit: AuditForTest, folder: Path, clock: StillClock, bus: Publisher) -> World:
    folder.mkdir(parents=True, exist_ok=True)
    services = (Service.DETECTION, Service.EMBEDDING, Service.VECTOR_SEARCH)
    attestors = {service: audit.attestor(service) for service in services}
    verifier = AttestationVerifier([audit.authority.root])
    vault, ingest = LocalObjects(folder / "vault"), LocalObjects(folder / "ingest")
    index = ExactIndex(folder / "index.jsonl")
    roster = open_roster(database_url(folder, "roster"))
    relay = Relay(roster, bus, unobserved)
    plane = PlaneService(
        PlaneParts(
            name=folder.name,
            roster=roster,
            relay=relay,
            index=index,
            keys=KeyFiles(folder / "keys"),
            vault=vault,
            ingest=ingest,
            attestor=attestors[Service.VECTOR_SEARCH],
            verifier=verifier,
            tokens=audit.tokens,
            ledger_key=audit.signer.verifier,
            ledger=audit.service,
            clock=clock,
            random_bytes=os.urandom,
            max_records=1000,
        )
    )
    unused = MemoryLedger(NoteSigner.generate("unused.example"))
    return World(
        folder=folder,
        clock=clock,
        ledger=unused,
        proofs=FakeProofs(unused),
        index=index,
        vault=vault,
        plane=plane,
        attestors=attestors,
        verifier=verifier,
        roster=roster,
        relay=relay,
        seals=TransportSeals(plane, clock),
        publisher=MemoryPublisher(),
        issuer=audit.issuer,
        ingest=ingest,
        consumer=PlaneConsumer(plane, Unthrottled()),
    )
