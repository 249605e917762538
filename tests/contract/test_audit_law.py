"""Emergencies and quotas, in process and over gRPC: what is counted is counted once (R-9, R-10)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from onrecord.contracts.audit import Authorization
from onrecord.contracts.emergencies import FollowUpCall, LiftCall
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import parse_body
from tests.builders.audit import START, AuditForTest, SetClock, soon
from tests.builders.laws import (
    EMERGENCY,
    WARRANT,
    permit_emergencies,
    put_in_force,
    supervisor,
    utah,
)
from tests.contract.conftest import AT_ONCE, Refused
from tests.contract.test_audit import size


class TestEmergencies:
    """R-10, R-21."""

    def test_searched_first_and_followed_up(self, audit: AuditForTest, refused: Refused) -> None:
        permit_emergencies(audit)
        assert not audit.authorize().granted
        search_id = audit.authorize(emergency=EMERGENCY).search_id
        (before,) = audit.service.emergencies(search_id, soon())
        assert (before.gallery, before.due) == ("US-UT", START + timedelta(hours=48))
        call = FollowUpCall(search_id, WARRANT, audit.token("olsen", Role.REQUESTER), "r")
        entry = audit.service.follow_up(call, soon())
        body, _, kind = parse_body(entry.body)
        assert (kind, body["instrument"]) == ("emergency.followed_up", WARRANT)
        assert audit.service.follow_up(call, soon()).index == entry.index
        after = audit.service.emergencies(search_id, soon())
        assert after == (replace(before, followed=entry.index),)
        elsewhere = replace(call, user_token=supervisor(audit, agency="us-ut-dps"))
        refused(ErrorCode.NOT_FOUND, lambda: audit.service.follow_up(elsewhere, soon()))
        none = replace(call, instrument={"type": "none"})
        error = refused(ErrorCode.FIELD_INVALID, lambda: audit.service.follow_up(none, soon()))
        assert error.field == "instrument.type"

    def test_an_overdue_one_suspends_until_it_is_lifted(
        self, audit: AuditForTest, refused: Refused
    ) -> None:
        permit_emergencies(audit)
        search_id = audit.authorize(emergency=EMERGENCY).search_id
        auditor = audit.token("auditor-1", Role.AUDITOR)
        call = LiftCall(search_id, "US-UT", "a storm", auditor, "r")
        refused(ErrorCode.SEARCH_STATE, lambda: audit.service.lift_suspension(call, soon()))
        assert isinstance(audit.clock, SetClock)
        audit.clock.pass_(hours=48)
        audit.running.reconciliation.step()
        late = audit.authorize(emergency=EMERGENCY, case_number="b").galleries[0]
        assert [code for code, _ in late.reasons] == ["emergency_suspended"]
        call = replace(call, user_token=audit.token("auditor-1", Role.AUDITOR))
        entry = audit.service.lift_suspension(call, soon())
        (now,) = audit.service.emergencies(search_id, soon())
        assert (now.lifted, now.followed) == (entry.index, None)
        assert now.alarmed is not None
        assert audit.authorize(emergency=EMERGENCY, case_number="c").granted

    def test_a_search_that_was_none_has_none(self, audit: AuditForTest) -> None:
        assert audit.service.emergencies(audit.authorize().search_id, soon()) == ()
        assert audit.service.emergencies("no-such-search", soon()) == ()


class TestQuotas:
    """R-9: 32 at once for the last unit, counted inside the authorising transaction."""

    def test_the_last_unit_is_given_once(self, audit: AuditForTest) -> None:
        put_in_force(audit, utah(("per_agency_per_day: 200", "per_agency_per_day: 1")))
        found = at_once(
            lambda number: audit.authorize(
                f"person-{number}",
                key=f"key-{number}",
                case_number=f"case-{number}",
                probe=f"{number:064x}",
            )
        )
        assert sum(one.granted for one in found) == 1
        codes = [code for one in found for said in one.galleries for code, _ in said.reasons]
        assert codes == ["quota_exhausted"] * (AT_ONCE - 1)
        assert len({one.entry.index for one in found}) == AT_ONCE

    def test_with_one_key_all_get_the_same_grant(self, audit: AuditForTest) -> None:
        put_in_force(audit, utah(("per_agency_per_day: 200", "per_agency_per_day: 1")))
        token = audit.token("olsen", Role.REQUESTER)
        before = size(audit)
        found = at_once(lambda _: audit.authorize(token=token, key="one"))
        assert all(one.granted for one in found)
        assert len({(one.search_id, one.entry.index, one.entry.body) for one in found}) == 1
        assert sum(not one.replayed for one in found) == 1
        assert size(audit) == before + 1


def at_once(ask: Callable[[int], Authorization]) -> list[Authorization]:
    """What `ask` answers to 32 who ask at the same moment."""
    start = threading.Barrier(AT_ONCE)

    def one(number: int) -> Authorization:
        start.wait()
        return ask(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))
