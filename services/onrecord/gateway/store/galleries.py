"""What the gateway keeps of galleries: how far enrolments are, and what nobody could work on."""

from dataclasses import dataclass

from sqlalchemy import Engine

from onrecord.gateway.store.changes import ChangeStore
from onrecord.gateway.store.dead_letters import DeadLetterStore
from onrecord.gateway.store.enrolments import EnrolmentStore
from onrecord.gateway.store.events import EventStore
from onrecord.kernel.times import Clock


@dataclass(frozen=True, slots=True)
class GalleryStore:
    enrolments: EnrolmentStore
    changes: ChangeStore
    dead_letters: DeadLetterStore


def open_gallery_store(engine: Engine, events: EventStore, clock: Clock) -> GalleryStore:
    """The store on `engine`, on which `open_casework` has been called."""
    return GalleryStore(
        EnrolmentStore(engine, events, clock),
        ChangeStore(engine, events, clock),
        DeadLetterStore(engine),
    )
