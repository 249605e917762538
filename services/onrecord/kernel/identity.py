"""Who asks: what a verified token says about a person."""

from dataclasses import dataclass
from datetime import date, datetime

from onrecord.kernel.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one verified OIDC token (`CONTRACTS.md`, "Token claims").

    `person` is issued by the agency and is the same for all of one person's accounts; two
    examiners are distinct when it differs. `gallery` is set for custodians.
    """

    subject: str
    person: str
    agency: str
    roles: frozenset[Role]
    expires_at: datetime
    token_id: str
    training_completed: date | None = None
    gallery: str | None = None
