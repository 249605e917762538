"""What the books hold of emergencies (R-10), beside the entries that say it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Settled(StrEnum):
    """What an entry does about an emergency. The value is the column that names the entry."""

    FOLLOWED = "followed"
    ALARMED = "alarmed"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class OpenEmergency:
    """A mark: this grant was an emergency in these galleries, and when each follow-up is due."""

    search_id: str
    person: str
    dues: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class SettleEmergency:
    """A mark: this entry does `how` about the emergencies of these galleries."""

    search_id: str
    galleries: tuple[str, ...]
    how: Settled


@dataclass(frozen=True, slots=True)
class OpenedEmergency:
    """One gallery's emergency. Entries by index: the grant, and what came of it so far."""

    search_id: str
    gallery: str
    person: str
    due: datetime
    grant_index: int
    followed: int | None
    alarmed: int | None
    lifted: int | None

    def overdue(self, now: datetime) -> bool:
        """Whether it suspends the person: due, not followed up, and not lifted."""
        return self.followed is None and self.lifted is None and self.due <= now
