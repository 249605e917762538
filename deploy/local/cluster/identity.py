"""Whoever gives people their tokens on a cluster that runs."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.standing import Standing
from deploy.local.part import Place
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.keycloak_realm import Account
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.cli.demo.house import TokenIssuer
from onrecord.kernel.vocabulary import Role


@dataclass(frozen=True, slots=True)
class KeycloakIssuer:
    """Gives whoever asks an account first, once, as its administrator."""

    part: Keycloak
    place: Place
    known: set[Account] = field(default_factory=set)

    def issue(
        self,
        *,
        person: str,
        agency: str,
        roles: tuple[Role, ...],
        now: datetime,  # noqa: ARG002 - Keycloak has a clock
        training_completed: date | None = None,
        gallery: str | None = None,
    ) -> str:
        """An access token. Raises OSError where Keycloak refuses or does not answer."""
        who = Account(
            person,
            agency,
            tuple(role.value for role in roles),
            gallery or "",
            training_completed.isoformat() if training_completed else "",
        )
        if who not in self.known:
            self.part.enlist(self.place, who)
            self.known.add(who)
        return self.part.token(self.place, who)


def issuer_of(folder: ClusterFolder, standing: Standing) -> TokenIssuer:
    """Keycloak where it runs, or else the development issuer."""
    part = Keycloak()
    at = [row.called_at for row in standing.rows if row.name == part.name]
    if not at:
        return DevelopmentIssuer.open(folder.services.identity)
    port = int(at[0].rpartition(":")[2])
    return KeycloakIssuer(part, Place(Path(), folder.parts / part.name, {"http": port}))
