"""The gateway's way into galleries, put together: what `app.py` builds beside casework."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import APIRouter

from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.vector_search import TransportKeys
from onrecord.events.handling import DeadLetterWriter
from onrecord.gateway.arrivals import Arrivals
from onrecord.gateway.consumer import GROUP, PROJECTED_TOPICS, Projection
from onrecord.gateway.dead_letters import DeadLetters
from onrecord.gateway.deletions import Deletions
from onrecord.gateway.enrolments import Enrolments
from onrecord.gateway.http import dead_letters as letter_routes
from onrecord.gateway.http import enrolments as enrolment_routes
from onrecord.gateway.http import manifests as manifest_routes
from onrecord.gateway.http.desk import Desk
from onrecord.gateway.intake import Intake
from onrecord.gateway.letters import LetterReader
from onrecord.gateway.limits import Limits
from onrecord.gateway.manifests import Manifests
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.store.galleries import GalleryStore
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint


@dataclass(frozen=True, slots=True)
class GalleryParts:
    """What it is made of. `executor`: on what portraits are sealed and stored side by side."""

    planes: PlaneDirectory
    keys: TransportKeys
    vault: ObjectStore
    ingest: ObjectStore
    bus: Bus
    store: GalleryStore
    executor: ThreadPoolExecutor
    foreground: Foreground
    clock: Clock
    limits: Limits
    reached: WritePoint


@dataclass(frozen=True, slots=True)
class GallerySide:
    """`worker` projects what the bus tells; `letters` reads the dead-letter topics.

    `seals` holds transport keys, and must be told now and then to let go of them.
    """

    enrolments: Enrolments
    manifests: Manifests
    deletions: Deletions
    dead_letters: DeadLetters
    worker: Worker
    letters: LetterReader
    seals: TransportSeals

    def routers(self, desk: Desk) -> tuple[APIRouter, ...]:
        return (
            enrolment_routes.router(desk, self.enrolments, self.deletions),
            manifest_routes.router(desk, self.manifests),
            letter_routes.router(desk, self.dead_letters),
        )


def build_gallery_side(parts: GalleryParts) -> GallerySide:
    """Nothing is at work until its worker and its reader are started."""
    planes, limits, reached, clock = parts.planes, parts.limits, parts.reached, parts.clock
    arrivals = Arrivals()
    seals = TransportSeals(parts.keys, clock)
    intake = Intake(
        vault=parts.vault,
        ingest=parts.ingest,
        seals=seals,
        executor=parts.executor,
        foreground=parts.foreground,
        reached=reached,
    )
    enrolments = Enrolments(
        planes=planes,
        intake=intake,
        store=parts.store.enrolments,
        arrivals=arrivals,
        limits=limits,
        reached=reached,
    )
    return GallerySide(
        enrolments=enrolments,
        manifests=Manifests(planes=planes, intake=intake, limits=limits, reached=reached),
        deletions=Deletions(planes=planes, limits=limits, reached=reached),
        dead_letters=DeadLetters(
            planes=planes,
            store=parts.store.dead_letters,
            enrolments=enrolments,
            clock=clock,
            limits=limits,
            reached=reached,
        ),
        worker=Worker(
            parts.bus,
            group=GROUP,
            topics=PROJECTED_TOPICS,
            handler=Projection(parts.store, arrivals, reached),
            dead_letter=DeadLetterWriter(clock),
            clock=clock,
            reached=reached,
        ),
        letters=LetterReader(parts.bus, parts.store.dead_letters, reached),
        seals=seals,
    )
