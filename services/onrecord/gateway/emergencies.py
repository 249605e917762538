"""What follows an emergency search (R-10): its follow-up, and a suspension that is lifted.

Audit decides who may; the gateway reads what was sent and carries it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from onrecord.contracts.audit import Audit
from onrecord.contracts.emergencies import EmergencyState, FollowUpCall, LiftCall
from onrecord.contracts.field_reading import Fields
from onrecord.contracts.request_parsing import parse_instrument, parse_jurisdiction
from onrecord.gateway.callers import Caller
from onrecord.gateway.limits import Limits
from onrecord.gateway.passing import is_passing
from onrecord.gateway.store import Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import Clock, parse_time
from onrecord.proof.entry import LoggedEntry, parse_body

MAX_REASON = 1000


class EmergencyStatus(StrEnum):
    """Where an emergency stands. `unknown`: the ledger did not answer."""

    DUE = "due"
    OVERDUE = "overdue"
    FOLLOWED_UP = "followed_up"
    LIFTED = "lifted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Emergency:
    """One gallery's emergency; `entry_index` is the ledger's entry that made it so, if any."""

    gallery: str
    due: datetime
    status: EmergencyStatus
    entry_index: int | None


class Emergencies:
    """The use-case."""

    def __init__(self, *, audit: Audit, clock: Clock, limits: Limits) -> None:
        self._audit = audit
        self._clock = clock
        self._limits = limits

    def follow_up(self, caller: Caller, search_id: str, sent: dict[str, Any]) -> LoggedEntry:
        """Name the instrument obtained. Raises FIELD_*, ROLE_MISSING, NOT_FOUND, SEARCH_STATE,
        INSTRUMENT_REQUIRED.
        """
        fields = Fields(sent)
        instrument = fields.take("instrument")
        parse_instrument(instrument)
        fields.finish()
        call = FollowUpCall(search_id, instrument, caller.token, caller.request_id)
        return self._audit.follow_up(call, self._deadline())

    def lift(self, caller: Caller, search_id: str, sent: dict[str, Any]) -> LoggedEntry:
        """Lift the suspension. Raises FIELD_*, ROLE_MISSING, CALLER_NOT_ALLOWED, NOT_FOUND,
        SEARCH_STATE.
        """
        fields = Fields(sent)
        gallery = parse_jurisdiction(fields.take("gallery"), "gallery")
        reason = fields.text("reason", MAX_REASON, lines=True)
        fields.finish()
        call = LiftCall(search_id, gallery, reason, caller.token, caller.request_id)
        return self._audit.lift_suspension(call, self._deadline())

    def of(self, search: Search) -> tuple[Emergency, ...]:
        """A search's emergencies by gallery, as the ledger knows them now."""
        granted = granted_as_emergency(search)
        if not granted:
            return ()
        try:
            known = self._audit.emergencies(search.search_id, self._deadline())
        except OnRecordError as error:
            if not is_passing(error):
                raise
            return granted
        return tuple(self._told(one) for one in known)

    def _told(self, one: EmergencyState) -> Emergency:
        if one.followed is not None:
            return Emergency(one.gallery, one.due, EmergencyStatus.FOLLOWED_UP, one.followed)
        if one.lifted is not None:
            return Emergency(one.gallery, one.due, EmergencyStatus.LIFTED, one.lifted)
        late = one.alarmed is not None or one.due <= self._clock.now()
        status = EmergencyStatus.OVERDUE if late else EmergencyStatus.DUE
        return Emergency(one.gallery, one.due, status, one.alarmed)

    def _deadline(self) -> Deadline:
        return Deadline.after(self._limits.call_seconds)


def granted_as_emergency(search: Search) -> tuple[Emergency, ...]:
    """What the grant itself says; most searches are none, and are not read for it."""
    if b'"emergency":{"due":' not in search.entry.body:
        return ()
    galleries = parse_body(search.entry.body)[0]["galleries"]
    return tuple(
        Emergency(
            name, parse_time(galleries[name]["emergency"]["due"]), EmergencyStatus.UNKNOWN, None
        )
        for name in sorted(galleries)
        if "emergency" in galleries[name]
    )
