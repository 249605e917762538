"""Law 10: who asks is proved. What a token says counts only after all of it was checked."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.tokens import JwtVerifier
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


class At:
    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def issuer(tmp_path: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer.open(tmp_path)


def verifier(issuer: DevelopmentIssuer, at: datetime = NOW) -> JwtVerifier:
    return JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, At(at))


def issue(issuer: DevelopmentIssuer, **changes: Any) -> str:
    settings: dict[str, Any] = {
        "person": "olsen",
        "agency": "us-ut-slcpd",
        "roles": [Role.REQUESTER],
        "now": NOW,
        **changes,
    }
    return issuer.issue(**settings)


def code_of(verify: JwtVerifier, token: str) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        verify.verify(token)
    return caught.value.code


def test_the_claims_are_those_that_were_issued(issuer: DevelopmentIssuer) -> None:
    token = issue(issuer, training_completed=date(2026, 3, 1), gallery="US-UT")
    claims = verifier(issuer).verify(token)
    assert (claims.person, claims.agency, claims.gallery) == ("olsen", "us-ut-slcpd", "US-UT")
    assert claims.roles == {Role.REQUESTER}
    assert claims.training_completed == date(2026, 3, 1)
    assert claims.expires_at == NOW + timedelta(minutes=14)


def test_the_issuer_keeps_its_key(issuer: DevelopmentIssuer, tmp_path: Path) -> None:
    again = DevelopmentIssuer.open(tmp_path)
    assert verifier(again).verify(issue(issuer)).person == "olsen"
    assert oct((tmp_path / "token-issuer.key.pem").stat().st_mode)[-3:] == "600"


def test_no_token_is_missing(issuer: DevelopmentIssuer) -> None:
    assert code_of(verifier(issuer), "") is ErrorCode.TOKEN_MISSING


@pytest.mark.parametrize(("after", "code"), [(59, None), (60, ErrorCode.TOKEN_EXPIRED)])
def test_expiry_allows_a_minute_of_skew(
    issuer: DevelopmentIssuer, after: int, code: ErrorCode | None
) -> None:
    token = issue(issuer, lifetime=timedelta(minutes=5))
    late = verifier(issuer, NOW + timedelta(minutes=5, seconds=after))
    if code is None:
        late.verify(token)
    else:
        assert code_of(late, token) is code


def test_a_token_for_longer_than_15_minutes_is_refused(issuer: DevelopmentIssuer) -> None:
    verifier(issuer).verify(issue(issuer, lifetime=timedelta(minutes=15)))
    token = issue(issuer, lifetime=timedelta(minutes=17))
    assert code_of(verifier(issuer), token) is ErrorCode.TOKEN_INVALID


def test_a_token_from_the_future_is_refused(issuer: DevelopmentIssuer) -> None:
    token = issue(issuer, now=NOW + timedelta(minutes=2), lifetime=timedelta(minutes=1))
    assert code_of(verifier(issuer), token) is ErrorCode.TOKEN_INVALID


def test_another_audience_has_its_own_code(issuer: DevelopmentIssuer) -> None:
    token = issue(issuer, audience="another-system")
    assert code_of(verifier(issuer), token) is ErrorCode.TOKEN_AUDIENCE


def test_another_key_is_refused(issuer: DevelopmentIssuer, tmp_path: Path) -> None:
    other = DevelopmentIssuer.open(tmp_path / "other")
    assert code_of(verifier(issuer), issue(other)) is ErrorCode.TOKEN_INVALID
    # Also under the id of the right key.
    known = issuer.jwks()["keys"][0]["kid"]
    claims = jwt.decode(issue(other), options={"verify_signature": False})
    forged = jwt.encode(claims, other._key, algorithm="ES256", headers={"kid": known})
    assert code_of(verifier(issuer), forged) is ErrorCode.TOKEN_INVALID


def test_no_algorithm_and_the_public_key_as_a_secret_are_refused(
    issuer: DevelopmentIssuer,
) -> None:
    known = issuer.jwks()["keys"][0]["kid"]
    claims = jwt.decode(issue(issuer), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": known})
    assert code_of(verifier(issuer), unsigned) is ErrorCode.TOKEN_INVALID
    public = json.dumps(issuer.jwks()["keys"][0]).encode()
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT", "kid": known}, claims)
    ]
    signed = b".".join(parts)
    mac = hmac.new(public, signed, hashlib.sha256).digest()
    confused = signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")
    assert code_of(verifier(issuer), confused.decode()) is ErrorCode.TOKEN_INVALID


def test_one_changed_character_is_refused(issuer: DevelopmentIssuer) -> None:
    token = issue(issuer)
    header, payload, signature = token.split(".")
    swapped = "A" if payload[20] != "A" else "B"
    changed = f"{header}.{payload[:20]}{swapped}{payload[21:]}.{signature}"
    assert code_of(verifier(issuer), changed) is ErrorCode.TOKEN_INVALID
    for nonsense in ("x", "a.b.c", "." * 5, token + "." + token, "é" * 50, "a" * 10_000):
        assert code_of(verifier(issuer), nonsense) is ErrorCode.TOKEN_INVALID


def _key_set(kind: str) -> tuple[Any, dict[str, Any], str]:
    if kind == "EC":
        key: Any = ec.generate_private_key(ec.SECP256R1())
        return key, json.loads(ECAlgorithm.to_jwk(key.public_key())), "ES256"
    if kind == "RSA":
        key = rsa.generate_private_key(65537, 2048)
        return key, json.loads(RSAAlgorithm.to_jwk(key.public_key())), "RS256"
    key = ed25519.Ed25519PrivateKey.generate()
    return key, json.loads(OKPAlgorithm.to_jwk(key.public_key())), "EdDSA"


@pytest.mark.parametrize("kind", ["EC", "RSA", "OKP"])
def test_three_algorithms_are_taken_each_with_its_own_kind_of_key(kind: str) -> None:
    key, public, algorithm = _key_set(kind)
    verify = JwtVerifier("idp", "onrecord", lambda: {"keys": [{**public, "kid": "1"}]}, At())
    claims = good_claims()
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "1"})
    assert verify.verify(token).person == "olsen"


def good_claims() -> dict[str, Any]:
    return {
        "iss": "idp",
        "aud": ["onrecord", "other"],
        "exp": int(NOW.timestamp()) + 300,
        "sub": "account-1",
        "person": "olsen",
        "agency": "us-ut-slcpd",
        "roles": ["requester", "emperor"],
        "jti": "t-1",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "somebody"),
        ("exp", None),
        ("exp", "soon"),
        ("exp", True),
        ("exp", 10**40),
        ("sub", None),
        ("person", ""),
        ("person", "a\nb"),
        ("person", "x" * 201),
        ("person", 7),
        ("agency", None),
        ("roles", "requester"),
        ("roles", None),
        ("jti", None),
        ("training_completed", "last spring"),
        ("training_completed", 20260301),
        ("gallery", 5),
    ],
)
def test_a_claim_that_is_missing_or_misshapen_is_refused(name: str, value: Any) -> None:
    key, public, algorithm = _key_set("EC")
    verify = JwtVerifier("idp", "onrecord", lambda: {"keys": [{**public, "kid": "1"}]}, At())
    claims = {**good_claims(), name: value}
    if value is None:
        del claims[name]
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "1"})
    assert code_of(verify, token) is ErrorCode.TOKEN_INVALID


def test_roles_we_do_not_know_are_left_out() -> None:
    key, public, algorithm = _key_set("EC")
    verify = JwtVerifier("idp", "onrecord", lambda: {"keys": [{**public, "kid": "1"}]}, At())
    token = jwt.encode(good_claims(), key, algorithm=algorithm, headers={"kid": "1"})
    assert verify.verify(token).roles == {Role.REQUESTER}


def test_a_token_seen_before_is_checked_again_in_all_but_its_signature(
    issuer: DevelopmentIssuer,
) -> None:
    """Law 10: it expires, and its key may be withdrawn, however often it was accepted."""
    clock, published = At(), dict(issuer.jwks())
    verify = JwtVerifier(issuer.name, AUDIENCE, lambda: published, clock)
    token = issue(issuer)
    assert verify.verify(token) == verify.verify(token)
    tampered = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    assert code_of(verify, tampered) is ErrorCode.TOKEN_INVALID
    published = {"keys": []}
    assert code_of(verify, token) is ErrorCode.TOKEN_INVALID
    published = dict(issuer.jwks())
    clock.at += timedelta(minutes=20)
    assert code_of(verify, token) is ErrorCode.TOKEN_EXPIRED


def test_another_key_under_the_same_name_accepts_no_token_seen_before(
    issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    """Law 10: what counts is the key that is published now."""
    other = DevelopmentIssuer.open(tmp_path / "other")
    published = dict(issuer.jwks())
    verify = JwtVerifier(issuer.name, AUDIENCE, lambda: published, At())
    token = issue(issuer)
    verify.verify(token)
    (named,), (key,) = issuer.jwks()["keys"], other.jwks()["keys"]
    published = {"keys": [{**key, "kid": named["kid"]}]}
    assert code_of(verify, token) is ErrorCode.TOKEN_INVALID


def test_a_key_that_is_new_is_asked_for_once_more() -> None:
    """Law 10: a provider's next key is found; a key that nobody published stays refused."""
    (old, old_public, _), (new, new_public, _) = _key_set("EC"), _key_set("EC")
    sets: Iterator[dict[str, Any]] = iter(
        [{"keys": [{**old_public, "kid": "1"}, {**new_public, "kid": "2"}]}, {"keys": []}]
    )
    verify = JwtVerifier(
        "idp",
        "onrecord",
        lambda: {"keys": [{**old_public, "kid": "1"}]},
        At(),
        newer=lambda: next(sets),
    )

    def token(key: Any, name: str) -> str:
        return jwt.encode(good_claims(), key, algorithm="ES256", headers={"kid": name})

    assert verify.verify(token(old, "1")).person == "olsen"
    assert verify.verify(token(new, "2")).person == "olsen"
    assert code_of(verify, token(new, "3")) is ErrorCode.TOKEN_INVALID
