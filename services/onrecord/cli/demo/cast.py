"""The people of the demo and the states they serve. Nobody here exists."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from onrecord.cli.demo.house import TokenIssuer
from onrecord.kernel.vocabulary import Role

STATES = {"US-UT": "Utah", "US-VT": "Vermont", "US-MD": "Maryland"}


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a token. `name` is for the story; the system knows `person` alone."""

    name: str
    person: str
    agency: str
    roles: tuple[Role, ...]
    gallery: str | None = None


INVESTIGATOR = Person("Detective Reyes", "p-reyes", "us-ut-slcpd", (Role.REQUESTER,))
OPERATOR = Person("the platform's operator", "p-operator", "onrecord-operations", (Role.OPERATOR,))
AUDITOR = Person("an auditor", "p-auditor", "us-ut-auditor", (Role.AUDITOR,))
EXAMINERS = (
    Person("Examiner Okafor", "p-okafor", "us-ut-dps", (Role.EXAMINER,)),
    Person("Examiner Lindqvist", "p-lindqvist", "us-ut-dps", (Role.EXAMINER,)),
    Person("Examiner Tanaka", "p-tanaka", "us-ut-dps", (Role.EXAMINER,)),
    Person("Examiner Moreau", "p-moreau", "us-ut-dps", (Role.EXAMINER,)),
)


def custodian(gallery: str) -> Person:
    agency = f"{gallery.lower()}-licensing"
    return Person(
        f"{STATES[gallery]}'s custodian",
        f"p-custodian-{gallery}",
        agency,
        (Role.CUSTODIAN,),
        gallery,
    )


def token_source(issuer: TokenIssuer, who: Person) -> Callable[[], str]:
    """Gives a fresh token for every call, as a signed-in browser would."""

    def fresh() -> str:
        now = datetime.now(UTC)
        trained: date = (now - timedelta(days=90)).date()
        return issuer.issue(
            person=who.person,
            agency=who.agency,
            roles=who.roles,
            training_completed=trained,
            gallery=who.gallery,
            now=now,
        )

    return fresh


def request(galleries: tuple[str, ...], list_size: int) -> dict[str, Any]:
    """What Detective Reyes declares."""
    captured = datetime.now(UTC) - timedelta(days=2)
    return {
        "case_number": "SLC-2026-004182",
        "purpose": "criminal_investigation",
        "role_sought": "suspect",
        "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
        "suspicion": "reasonable_suspicion",
        "federal_ground": "b1",
        "beneficiary_agency": "us-ut-slcpd",
        "narrative": "Armed robbery of a shop. The still is from the shop's own camera.",
        "instrument": {"type": "none"},
        "emergency": None,
        "probe": {
            "kind": "photograph",
            "source": "surveillance_still",
            "authority": "owner's consent",
            "captured_at": captured.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "edits": [],
        },
        "galleries": list(galleries),
        "list_size": list_size,
    }
