"""R-10 from the bodies alone: a follow-up for each emergency, or an alarm and a suspension."""

from typing import Any

import pytest

from onrecord.proof.checks import LedgerFault
from onrecord.proof.story_emergencies import EmergenciesFollowedUp
from tests.builders import bodies, telling

DUE = "2026-11-25T06:30:01.00Z"
BEFORE, AFTER = "2026-11-25T06:30:00.99Z", "2026-11-25T06:30:02.00Z"
AN_HOUR_AFTER = "2026-11-25T07:30:01.00Z"
Body = dict[str, Any]


def tell(*story: Body) -> int:
    """The story after an emergency at entry 1; how often the law was found true."""
    return telling.tell(
        EmergenciesFollowedUp(), [bodies.policy_activated(), bodies.emergency(), *story]
    )


def ordinary(at_time: str) -> Body:
    return {**bodies.granted(search_id="s-9"), "time": at_time}


def again(at_time: str, **changes: Any) -> Body:
    """Another emergency of the same person."""
    said = bodies.emergency(search_id="s-2", due="2026-11-28T06:30:00.00Z")
    return {**said, "time": at_time, **changes}


@pytest.mark.parametrize(
    ("story", "passed"),
    [
        ([], 0),
        ([ordinary(BEFORE)], 0),
        ([bodies.followed_up(BEFORE)], 1),
        ([bodies.followed_up(BEFORE, by="captain")], 1),
        ([ordinary("2026-11-25T07:30:00.99Z")], 0),
        ([bodies.overdue(AFTER)], 1),
        ([bodies.overdue(DUE), bodies.followed_up(AFTER), again(AFTER)], 2),
        ([bodies.overdue(AFTER), bodies.lifted(AFTER), again(AFTER)], 1),
        ([bodies.overdue(AFTER), bodies.lifted(AFTER), bodies.followed_up(AFTER)], 2),
        ([again(BEFORE)], 0),
        ([bodies.overdue(AFTER), again(AFTER, by=bodies.person("other"))], 1),
        ([bodies.overdue(AFTER), ordinary(AFTER)], 1),
    ],
)
def test_what_the_law_allows(story: list[Body], passed: int) -> None:
    assert tell(*story) == passed


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ([ordinary(AN_HOUR_AFTER)], "no alarm says so"),
        ([again(DUE)], "owes a follow-up"),
        ([bodies.overdue(AFTER), again(AFTER)], "owes a follow-up"),
        ([bodies.followed_up(BEFORE, by="x") | {"by": bodies.person("x", "us-ut-dps")}], "agency"),
        (
            [bodies.followed_up(BEFORE, instrument={"type": "administrative_subpoena"})],
            "does not accept",
        ),
        ([bodies.followed_up(BEFORE), bodies.followed_up(BEFORE)], "waits for this"),
        ([bodies.followed_up(BEFORE, search_id="s-7")], "waits for this"),
        ([bodies.followed_up(BEFORE, grant_index=0)], "waits for this"),
        ([bodies.followed_up(BEFORE, galleries=["US-VT"])], "waits for this"),
        ([bodies.overdue(BEFORE)], "newly overdue"),
        ([bodies.overdue(AFTER), bodies.overdue(AFTER)], "newly overdue"),
        ([bodies.followed_up(BEFORE), bodies.overdue(AFTER)], "waits for this"),
        ([bodies.lifted(AFTER)], "nobody told of"),
        ([bodies.overdue(AFTER), bodies.lifted(AFTER, grant_index=0)], "waits for this"),
        ([bodies.overdue(AFTER), bodies.lifted(AFTER, by="asker")], "of their own"),
        ([bodies.emergency(search_id="s-3", due=bodies.at(1))], "no follow-up"),
        ([again(BEFORE, request={"emergency": None})], "nobody declared"),
    ],
)
def test_each_way_to_break_it_is_found(story: list[Body], told: str) -> None:
    """R-24."""
    with pytest.raises(LedgerFault) as fault:
        tell(*story)
    assert told in fault.value.reason
    assert fault.value.check == EmergenciesFollowedUp.name
    at_its_grant = told == "no alarm says so"  # which is known at the end of the ledger alone
    assert fault.value.index == (1 if at_its_grant else len(story) + 1)


def test_each_gallery_is_followed_up_by_itself() -> None:
    """One may be filed while another is overdue; each counts."""
    both = bodies.emergency(search_id="s-4")
    both["galleries"]["US-MD"] = {**both["galleries"]["US-UT"]}
    two = ["US-UT", "US-MD"]
    filed = bodies.followed_up(BEFORE, search_id="s-4", grant_index=2, galleries=two)
    assert tell(both, filed) == 2
    late = bodies.overdue(AFTER, search_id="s-4", grant_index=2, galleries=two)
    assert tell(both, late, bodies.overdue(AFTER)) == 3
    half = bodies.followed_up(BEFORE, search_id="s-4", grant_index=2)
    with pytest.raises(LedgerFault) as fault:
        tell(both, bodies.overdue(AFTER), half, ordinary(AN_HOUR_AFTER))
    assert fault.value.index == 2
    assert "US-MD" in fault.value.reason
