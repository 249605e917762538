"""R-9: who spreads over unusually much in a day, at the limits, and what the alarm says."""

from datetime import date

from onrecord.audit.core.draft import Draft, Existing, Remember
from onrecord.audit.core.fan_out import Asking, FanOutLimits, Spans
from onrecord.kernel.vocabulary import EntryKind
from tests.builders.books import WrittenBooks

DAY = date(2026, 11, 23)
OLSEN = ("us-ut-slcpd", "olsen")


def spans(galleries: int = 2, cases: int = 2) -> Spans:
    return Spans(DAY, FanOutLimits(galleries, cases))


def asking(
    *galleries: str, case: str = "c-1", person: str = "olsen", agency: str = "us-ut-slcpd"
) -> Asking:
    return Asking(person, agency, case, galleries)


def test_at_the_limit_nothing_is_unusual_and_beyond_it_is() -> None:
    some = spans()
    assert list(some.unusual()) == []
    some.see(asking("US-UT", "US-CA"))
    some.see(asking("US-UT", case="c-2"))
    assert list(some.unusual()) == []
    some.see(asking("US-MD"))
    assert list(some.unusual()) == [OLSEN]
    many = spans()
    for case in ("c-1", "c-2"):
        many.see(asking(case=case))
    assert list(many.unusual()) == []
    many.see(asking(case="c-3"))
    assert list(many.unusual()) == [OLSEN]


def test_people_of_two_agencies_are_two_people() -> None:
    some = spans()
    some.see(asking("US-UT", "US-CA"))
    some.see(asking("US-MD", agency="us-ut-dps"))
    some.see(asking("US-ME", person="diaz"))
    assert list(some.unusual()) == []


def test_who_was_told_of_is_not_again() -> None:
    some = spans()
    some.see(asking("US-UT", "US-CA", "US-MD"))
    some.see(asking("US-UT", "US-CA", "US-MD", person="diaz"))
    some.told(OLSEN)
    assert list(some.unusual()) == [("us-ut-slcpd", "diaz")]
    some.see(asking("US-ME"))
    assert list(some.unusual()) == [("us-ut-slcpd", "diaz")]


def test_the_alarm_says_how_far_and_once() -> None:
    some = spans(galleries=2, cases=3)
    some.see(asking("US-UT", "US-CA"))
    some.see(asking("US-MD", case="c-2"))
    marker = "fan-out:2026-11-23:us-ut-slcpd:olsen"
    draft = some.alarm(WrittenBooks(), OLSEN)
    assert isinstance(draft, Draft)
    why = draft.body["why"]
    assert why.startswith("one person's requests of a day")
    assert draft == Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "fan_out",
            "why": why,
            "person": "olsen",
            "agency": "us-ut-slcpd",
            "day": "2026-11-23",
            "galleries": ["US-CA", "US-MD", "US-UT"],
            "cases": 2,
            "limits": {"galleries": 2, "cases": 3},
            "by": {"service": "audit"},
        },
        (Remember(marker),),
    )
    assert some.alarm(WrittenBooks(markers={marker: 9}), OLSEN) == Existing(9)


def test_what_is_usual_unless_it_is_set_otherwise() -> None:
    assert FanOutLimits() == FanOutLimits(galleries=30, cases=20)
