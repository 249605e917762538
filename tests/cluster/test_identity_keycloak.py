"""Law 10: tokens of a real provider, verified as any of ours; its keys found, and rotated."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.identity import KeycloakIssuer
from deploy.local.cluster.parts import Parts
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.keycloak_realm import ROLES, Account
from deploy.local.running import Running
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.key_sets import open_key_set
from onrecord.chassis.tokens import JwtVerifier
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Role
from tests.cluster.conftest import ACCOUNTS


def verifier(keycloak: Running, audience: str = "onrecord") -> JwtVerifier:
    issuer = part(keycloak).issuer(keycloak.place)
    keys = open_key_set("discover", issuer)
    return JwtVerifier(issuer, audience, keys, SystemClock(), newer=keys.newer)


def part(keycloak: Running) -> Keycloak:
    assert isinstance(keycloak.part, Keycloak)
    return keycloak.part


def test_a_cluster_that_has_one_believes_it_and_nobody_else(
    keycloak: Running, tmp_path: Path
) -> None:
    """What `make cluster` tells its processes: people whom nobody had enlisted get their tokens
    there, and the development issuer's are strangers'.
    """
    folder = ClusterFolder(tmp_path)
    folder.prepare()
    told = Parts((keycloak,)).places(folder, ["main"]).tokens
    keys = open_key_set(str(told["token_keys"]), str(told["token_issuer"]))
    believing = JwtVerifier(
        str(told["token_issuer"]), str(told["token_audience"]), keys, SystemClock()
    )
    asked: dict[str, Any] = {
        "person": "p-new",
        "agency": "us-ut-dps",
        "roles": (Role.CUSTODIAN,),
        "gallery": "US-UT",
        "now": SystemClock().now(),
    }
    for _ in range(2):
        claims = believing.verify(KeycloakIssuer(part(keycloak), keycloak.place).issue(**asked))
        assert (claims.person, claims.gallery, claims.roles) == (
            "p-new",
            "US-UT",
            frozenset({Role.CUSTODIAN}),
        )
    with pytest.raises(OnRecordError):
        believing.verify(DevelopmentIssuer.open(folder.services.identity).issue(**asked))


@pytest.mark.parametrize("who", ACCOUNTS, ids=lambda who: who.person)
def test_a_token_says_who_somebody_is(keycloak: Running, who: Account) -> None:
    claims = verifier(keycloak).verify(part(keycloak).token(keycloak.place, who))
    assert (claims.person, claims.agency) == (who.person, who.agency)
    assert claims.roles == {Role(one) for one in who.roles}
    assert claims.gallery == (who.gallery or None)
    told = claims.training_completed
    assert (told.isoformat() if told else "") == who.training_completed


def test_there_is_somebody_of_every_role() -> None:
    assert {role for who in ACCOUNTS for role in who.roles} == set(ROLES)
    assert {Role(one) for one in ROLES} == set(Role)


def test_a_token_for_another_use_is_refused(keycloak: Running) -> None:
    token = part(keycloak).token(keycloak.place, ACCOUNTS[0])
    with pytest.raises(OnRecordError) as refused:
        verifier(keycloak, "another").verify(token)
    assert refused.value.code is ErrorCode.TOKEN_AUDIENCE


def test_a_token_holds_nothing_else_of_a_person(keycloak: Running) -> None:
    token = part(keycloak).token(keycloak.place, ACCOUNTS[0])
    said = jwt.decode(token, options={"verify_signature": False})
    assert not {"name", "email", "preferred_username", "given_name"} & said.keys()
    assert said["exp"] - said["iat"] <= 15 * 60


def test_a_key_that_is_new_is_believed_at_once(keycloak: Running) -> None:
    """The verifier has read the keys; the provider rotates; the next token is good all the same."""
    believing = verifier(keycloak)
    before = part(keycloak).token(keycloak.place, ACCOUNTS[0])
    believing.verify(before)
    part(keycloak).rotate(keycloak.place)
    after = part(keycloak).token(keycloak.place, ACCOUNTS[0])
    assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
    with pytest.raises(OnRecordError):
        believing.verify(after)  # it was asked a moment ago, and is not asked for every stranger
    fresh = verifier(keycloak)
    assert fresh.verify(after).person == ACCOUNTS[0].person
    assert fresh.verify(before).person == ACCOUNTS[0].person, "published still"
