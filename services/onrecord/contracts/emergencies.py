"""What follows a search that was let go in an emergency (R-10).

Entry bodies:

request.granted     each gallery granted as an emergency has `emergency` {due, instruments [..],
                    waived [code..]}
emergency.followed_up  search_id, grant_index, galleries [..], instrument {type, issuer, number,
                    date}
emergency.lifted    search_id, grant_index, galleries [one], reason
alarm.raised        what (emergency_overdue), why, search_id, grant_index, galleries [..], person
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from onrecord.kernel.deadlines import Deadline
from onrecord.proof.entry import LoggedEntry


@dataclass(frozen=True, slots=True)
class FollowUpCall:
    """The instrument obtained after an emergency search, as the client's JSON object."""

    search_id: str
    instrument: dict[str, Any] = field(hash=False)
    user_token: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class LiftCall:
    """Somebody entitled to it ends the suspension that one gallery's emergency has brought."""

    search_id: str
    gallery: str
    reason: str
    user_token: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class EmergencyState:
    """One gallery's emergency: when its follow-up is due, and the entries that settle it."""

    gallery: str
    due: datetime
    followed: int | None
    alarmed: int | None
    lifted: int | None


class EmergencyRecords(Protocol):
    """A part of `Audit`. The same MUSTs hold."""

    def follow_up(self, call: FollowUpCall, deadline: Deadline) -> LoggedEntry:
        """Append `emergency.followed_up`, by the agency that searched. Repeatable.

        For every gallery of the search that still wants it and accepts the kind of instrument.
        Raises FIELD_*, ROLE_MISSING, NOT_FOUND (to another agency too), SEARCH_STATE,
        INSTRUMENT_REQUIRED.
        """
        ...

    def lift_suspension(self, call: LiftCall, deadline: Deadline) -> LoggedEntry:
        """Append `emergency.lifted`; the gallery's custodian's act, or an auditor's. Repeatable.

        Raises FIELD_*, ROLE_MISSING, CALLER_NOT_ALLOWED, NOT_FOUND, SEARCH_STATE.
        """
        ...

    def emergencies(self, search_id: str, deadline: Deadline) -> tuple[EmergencyState, ...]:
        """By gallery; none where the search was not granted as an emergency, or is unknown."""
        ...
