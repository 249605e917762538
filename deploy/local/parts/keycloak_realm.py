"""OnRecord's realm: the claims that its tokens carry, and people with them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

REALM: Final = "onrecord"
CLIENT: Final = "onrecord"
ROLES: Final = ("requester", "examiner", "supervisor", "custodian", "auditor", "operator")
ATTRIBUTES: Final = ("person", "agency", "gallery", "training_completed")
LIFETIME_SECONDS: Final = 14 * 60


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with an account: what their tokens say of them."""

    person: str
    agency: str
    roles: tuple[str, ...]
    gallery: str = ""
    training_completed: str = ""

    @property
    def user(self) -> str:
        """The name they log in with: one for each agency they act for."""
        return f"{self.person}@{self.agency}".lower()


def realm() -> Mapping[str, Any]:
    """As Keycloak takes it. Nobody but an administrator changes what a token says of a person."""
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "external",
        "accessTokenLifespan": LIFETIME_SECONDS,
        "roles": {"client": {CLIENT: [{"name": one} for one in ROLES]}},
        "clients": [
            {
                "clientId": CLIENT,
                "publicClient": True,
                "directAccessGrantsEnabled": True,
                "standardFlowEnabled": False,
                "fullScopeAllowed": True,
                "attributes": {"access.token.signed.response.alg": "ES256"},
                # Not the scopes that Keycloak gives by itself: names and addresses are not ours.
                "defaultClientScopes": [],
                "optionalClientScopes": [],
                "protocolMappers": _mappers(),
            }
        ],
        "components": {
            "org.keycloak.userprofile.UserProfileProvider": [
                {
                    "providerId": "declarative-user-profile",
                    "config": {"kc.user.profile.config": [json.dumps(_profile())]},
                }
            ]
        },
    }


def representation(account: Account, password: str) -> Mapping[str, Any]:
    """An account as Keycloak takes it, without its roles."""
    attributes = {
        name: [value] for name in ATTRIBUTES if (value := str(getattr(account, name, "")))
    }
    return {
        "username": account.user,
        "enabled": True,
        "attributes": attributes,
        "credentials": [{"type": "password", "value": password, "temporary": False}],
    }


def _mappers() -> Sequence[Mapping[str, Any]]:
    told = {
        "access.token.claim": "true",
        "id.token.claim": "false",
        "userinfo.token.claim": "false",
    }
    found: list[Mapping[str, Any]] = [
        _mapper("subject", "oidc-sub-mapper", {"access.token.claim": "true"}),
        _mapper(
            "audience",
            "oidc-audience-mapper",
            {"included.custom.audience": "onrecord", "access.token.claim": "true"},
        ),
        _mapper(
            "roles",
            "oidc-usermodel-client-role-mapper",
            {
                **told,
                "claim.name": "roles",
                "jsonType.label": "String",
                "multivalued": "true",
                "usermodel.clientRoleMapping.clientId": CLIENT,
            },
        ),
    ]
    for name in ATTRIBUTES:
        config = {**told, "user.attribute": name, "claim.name": name, "jsonType.label": "String"}
        found.append(_mapper(name, "oidc-usermodel-attribute-mapper", config))
    return found


def _mapper(name: str, kind: str, config: Mapping[str, str]) -> Mapping[str, Any]:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def _profile() -> Mapping[str, Any]:
    rights = {"view": ["admin"], "edit": ["admin"]}
    names = ("username", "email", *ATTRIBUTES)
    return {"attributes": [{"name": name, "permissions": rights} for name in names]}
