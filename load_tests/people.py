"""Who acts in a measurement, what they declare, and their tokens."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.kernel.vocabulary import Role

STATE = "US-UT"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a token."""

    person: str
    agency: str
    role: Role
    gallery: str | None = None

    def tokens(self, issuer: DevelopmentIssuer) -> Callable[[], str]:
        """Gives a fresh token for every call."""

        def fresh() -> str:
            now = datetime.now(UTC)
            return issuer.issue(
                person=self.person,
                agency=self.agency,
                roles=[self.role],
                training_completed=(now - timedelta(days=90)).date(),
                gallery=self.gallery,
                now=now,
            )

        return fresh


INVESTIGATOR = Person("p-investigator", "us-ut-slcpd", Role.REQUESTER)
OPERATOR = Person("p-operator", "onrecord-operations", Role.OPERATOR)
AUDITOR = Person("p-auditor", "us-ut-auditor", Role.AUDITOR)
CUSTODIAN = Person("p-custodian", "us-ut-licensing", Role.CUSTODIAN, STATE)
EXAMINERS = tuple(Person(f"p-examiner-{n}", "us-ut-dps", Role.EXAMINER) for n in range(1, 5))


def custodian(state: str) -> Person:
    """Whoever answers for a state's gallery."""
    return Person(f"p-custodian-{state.lower()}", "us-ut-licensing", Role.CUSTODIAN, state)


def request(list_size: int, galleries: Sequence[str] = (STATE,)) -> dict[str, Any]:
    """A request that Utah's policy allows, in a case of its own."""
    captured = datetime.now(UTC) - timedelta(days=2)
    return {
        "case_number": f"LOAD-{uuid.uuid4().hex[:16]}",
        "purpose": "criminal_investigation",
        "role_sought": "suspect",
        "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
        "suspicion": "reasonable_suspicion",
        "federal_ground": "b1",
        "beneficiary_agency": "us-ut-slcpd",
        "narrative": "A measurement on photographs of test data.",
        "instrument": {"type": "none"},
        "emergency": None,
        "probe": {
            "kind": "photograph",
            "source": "other",
            "authority": "test data, research use",
            "captured_at": captured.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "edits": [],
        },
        "galleries": list(galleries),
        "list_size": list_size,
    }
