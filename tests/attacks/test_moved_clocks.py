"""Attacker: sets the clock of one machine, and has nothing else."""

from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Role
from tests.attacks.conftest import Refused, kinds
from tests.builders.audit import SetClock
from tests.builders.joined import Joined


def _audits(joined: Joined) -> SetClock:
    clock = joined.audit.clock
    assert isinstance(clock, SetClock)
    return clock


def test_a_grant_dated_in_the_future_is_searched_by_no_plane(
    joined: Joined, refused: Refused
) -> None:
    """Audit's clock ahead: what it grants would not end when it should (R-25)."""
    _audits(joined).pass_(minutes=10)
    granted = joined.audit.authorize()
    assert granted.granted
    refused(ErrorCode.GRANT_MALFORMED, lambda: joined.search(granted.entry))


def test_audits_clock_set_back_behind_the_ledger_stops_it(joined: Joined, refused: Refused) -> None:
    """Law 4: a token that has run out does not live again."""
    token = joined.audit.token("olsen", Role.REQUESTER)
    joined.pass_(minutes=20)
    joined.audit.authorize()
    _audits(joined).pass_(minutes=-16)
    refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: joined.audit.authorize(token=token))


def test_audits_clock_held_still_gives_grants_that_are_over(
    joined: Joined, refused: Refused
) -> None:
    """A token lives on where audit's clock stands; the plane's own clock goes on."""
    token = joined.audit.token("olsen", Role.REQUESTER)
    joined.world.clock.pass_by(minutes=20)
    granted = joined.audit.authorize(token=token)
    assert granted.granted, "the entry says a time that is long past"
    refused(ErrorCode.GRANT_EXPIRED, lambda: joined.search(granted.entry))


def test_possible_the_planes_clock_held_still_searches_after_the_end(joined: Joined) -> None:
    """The attack succeeds and is found: the receipt comes after the end, which is an alarm."""
    granted = joined.audit.authorize()
    _audits(joined).pass_(minutes=10)
    joined.audit.take_in()
    joined.audit.running.reconciliation.step()
    assert kinds(joined.audit)[-1] == "search.expired"
    assert joined.search(granted.entry).candidates
    joined.audit.take_in()
    assert kinds(joined.audit)[-1] == "alarm.raised"


def test_the_planes_clock_set_back_behind_its_receipts_searches_nothing_that_was_over(
    joined: Joined, refused: Refused
) -> None:
    """Law 3: receipts of a gallery never go back in time, so one made after a grant's end shows
    that none under it follows, and the ledger need not wait out the minute (ADR 31).
    """
    granted = joined.audit.authorize()
    joined.pass_(minutes=5, seconds=1)
    joined.searched(2, case_number="later", key="later")
    joined.audit.running.reconciliation.step()
    assert kinds(joined.audit)[-1] == "search.expired"
    joined.world.clock.pass_by(minutes=-4)
    refused(ErrorCode.GRANT_EXPIRED, lambda: joined.search(granted.entry))
    joined.audit.take_in()
    assert kinds(joined.audit)[-1] == "search.expired", "no receipt, no alarm"
