"""R-9: one person whose requests of a day span unusually many galleries or cases is told of.

Nobody is refused by it: quotas refuse. It is an alarm that auditors and supervisors read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from onrecord.audit.core.draft import Books, Draft, Existing, Remember
from onrecord.audit.core.people import service
from onrecord.kernel.vocabulary import EntryKind, Service


@dataclass(frozen=True, slots=True)
class FanOutLimits:
    """How many galleries and cases of one person's requests in a UTC day are nothing unusual."""

    galleries: int = 30
    cases: int = 20


@dataclass(frozen=True, slots=True)
class Asking:
    """What one request, granted or refused, tells of who asked."""

    person: str
    agency: str
    case_number: str
    galleries: tuple[str, ...]


@dataclass(slots=True)
class _Span:
    galleries: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    told: bool = False


class Spans:
    """How far each person's requests of one day have spread."""

    def __init__(self, day: date, limits: FanOutLimits) -> None:
        self.day = day
        self._limits = limits
        self._people: dict[tuple[str, str], _Span] = {}

    def see(self, one: Asking) -> None:
        span = self._people.setdefault((one.agency, one.person), _Span())
        span.galleries.update(one.galleries)
        span.cases.add(one.case_number)

    def unusual(self) -> Iterable[tuple[str, str]]:
        """Agency and person of everybody beyond the limits whom `told` was not said of."""
        for who, span in self._people.items():
            beyond = (
                len(span.galleries) > self._limits.galleries or len(span.cases) > self._limits.cases
            )
            if beyond and not span.told:
                yield who

    def told(self, who: tuple[str, str]) -> None:
        self._people[who].told = True

    def alarm(self, books: Books, who: tuple[str, str]) -> Draft | Existing:
        """`alarm.raised`, once a person and day, whichever replica sees it first."""
        agency, person = who
        marker = f"fan-out:{self.day.isoformat()}:{agency}:{person}"
        before = books.remembered(marker)
        if before is not None:
            return Existing(before)
        span = self._people[who]
        body = {
            "what": "fan_out",
            "why": "one person's requests of a day span unusually many galleries or cases",
            "person": person,
            "agency": agency,
            "day": self.day.isoformat(),
            "galleries": sorted(span.galleries),
            "cases": len(span.cases),
            "limits": {"galleries": self._limits.galleries, "cases": self._limits.cases},
            "by": service(Service.AUDIT),
        }
        return Draft(EntryKind.ALARM_RAISED, body, (Remember(marker),))
