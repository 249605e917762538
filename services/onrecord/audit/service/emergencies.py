"""What follows a search that was let go in an emergency (R-10)."""

from onrecord.audit.core import emergencies
from onrecord.audit.core.draft import Books, Draft, Existing
from onrecord.audit.service.ports import Emergencies, Ledger
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.emergencies import EmergencyState, FollowUpCall, LiftCall
from onrecord.contracts.field_reading import invalid, read_text
from onrecord.contracts.request_parsing import parse_instrument, parse_jurisdiction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import InstrumentType
from onrecord.proof.entry import LoggedEntry

_MAX_ID = 64
_MAX_SOURCE = 128


class FollowingUp:
    """Writes follow-ups, and suspensions that somebody lifts."""

    def __init__(self, ledger: Ledger, known: Emergencies, tokens: TokenVerifier) -> None:
        self._ledger = ledger
        self._known = known
        self._tokens = tokens

    def follow_up(self, call: FollowUpCall, deadline: Deadline) -> LoggedEntry:
        claims = self._tokens.verify(call.user_token)
        search_id = read_text(call.search_id, "search_id", _MAX_ID)
        instrument = parse_instrument(call.instrument)
        if instrument.type is InstrumentType.NONE:
            raise invalid("instrument.type", "must be an instrument that was obtained")
        source = read_text(call.source, "source", _MAX_SOURCE, empty=True)

        def proposal(books: Books) -> Draft | Existing:
            return emergencies.follow_up(books, search_id, instrument, claims, source)

        return self._ledger.logged(self._ledger.append(proposal, deadline))

    def lift(self, call: LiftCall, deadline: Deadline) -> LoggedEntry:
        claims = self._tokens.verify(call.user_token)
        search_id = read_text(call.search_id, "search_id", _MAX_ID)
        gallery = parse_jurisdiction(call.gallery, "gallery")
        reason = read_text(call.reason, "reason", emergencies.MAX_REASON, lines=True)
        source = read_text(call.source, "source", _MAX_SOURCE, empty=True)

        def proposal(books: Books) -> Draft | Existing:
            return emergencies.lift(books, search_id, gallery, reason, claims, source)

        return self._ledger.logged(self._ledger.append(proposal, deadline))

    def of(self, search_id: str) -> tuple[EmergencyState, ...]:
        return tuple(
            EmergencyState(one.gallery, one.due, one.followed, one.alarmed, one.lifted)
            for one in self._known.of(search_id)
        )
