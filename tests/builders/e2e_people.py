"""People with tokens, and their clients."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.client import OnRecordClient
from onrecord.kernel.vocabulary import Role
from tests.builders.e2e_server import Installation

TRAINED = datetime.now(UTC).date() - timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with an account at an agency."""

    person: str
    agency: str
    roles: tuple[Role, ...]
    gallery: str | None = None
    trained: date | None = TRAINED

    def also(self, *roles: Role) -> "Person":
        return replace(self, roles=(*self.roles, *roles))


OPERATOR = Person("e2e-operator", "onrecord-operations", (Role.OPERATOR,))
AUDITOR = Person("e2e-auditor", "us-ut-auditor", (Role.AUDITOR,))


def investigator() -> Person:
    """Somebody new of Salt Lake City's police, so that no test counts against another's quota."""
    return Person(f"inv-{_fresh()}", "us-ut-slcpd", (Role.REQUESTER,))


def examiner(name: str = "") -> Person:
    return Person(f"exa-{name or _fresh()}", "us-ut-dps", (Role.EXAMINER,))


def custodian(gallery: str) -> Person:
    agency = f"{gallery.lower()}-licensing"
    return Person(f"cus-{gallery}", agency, (Role.CUSTODIAN,), gallery=gallery)


def token(issuer: DevelopmentIssuer, who: Person, **differently: Any) -> str:
    """A token for `who`, valid now unless said differently."""
    settings: dict[str, Any] = {
        "person": who.person,
        "agency": who.agency,
        "roles": who.roles,
        "gallery": who.gallery,
        "training_completed": who.trained,
        "now": datetime.now(UTC),
        **differently,
    }
    return issuer.issue(**settings)


def tokens(issuer: DevelopmentIssuer, who: Person) -> Callable[[], str]:
    """Gives a fresh token for every call, as a signed-in client would have one."""
    return lambda: token(issuer, who)


def client(installation: Installation, who: Person) -> OnRecordClient:
    return OnRecordClient(installation.address, tokens(installation.issuer, who))


def request(**differently: Any) -> dict[str, Any]:
    """What an investigator declares: a case of its own, which Utah's policy allows."""
    captured = datetime.now(UTC) - timedelta(days=2)
    declared: dict[str, Any] = {
        "case_number": f"SLC-2026-{_fresh()}",
        "purpose": "criminal_investigation",
        "role_sought": "suspect",
        "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
        "suspicion": "reasonable_suspicion",
        "federal_ground": "b1",
        "beneficiary_agency": "us-ut-slcpd",
        "narrative": "Robbery of a shop; the still is from its own camera.",
        "instrument": {"type": "none"},
        "emergency": None,
        "probe": {
            "kind": "photograph",
            "source": "surveillance_still",
            "authority": "owner's consent",
            "captured_at": captured.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "edits": [],
        },
        "galleries": ["US-UT"],
        "list_size": 10,
    }
    return {**declared, **differently}


def fresh_key() -> str:
    """An idempotency key nobody has used."""
    return str(uuid.uuid4())


def _fresh() -> str:
    return uuid.uuid4().hex[:12]
