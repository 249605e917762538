"""Verifying a person's own bearer token (OIDC, `CONTRACTS.md`, "Token claims").

Who asks is proved, not asserted (law 10): what a token says is believed only after its signature,
issuer, audience and times have been checked here.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import jwt
from jwt.types import Options

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Role

SKEW = timedelta(seconds=60)
MAX_LIFETIME = timedelta(minutes=15)
MAX_TOKEN_CHARACTERS = 8192
_MAX_CLAIM_CHARACTERS = 200
_MOST_REMEMBERED = 4096
# A key is used with the one algorithm of its kind: nothing in the token chooses between kinds.
_ALGORITHM_OF_KEY = {"EC": "ES256", "RSA": "RS256", "OKP": "EdDSA"}
# Times, issuer and audience are checked by us, against the injected clock.
_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def is_usable(described: object) -> bool:
    """Whether a key of a key set verifies tokens: a public one, of a kind that we take."""
    if not isinstance(described, dict) or "d" in described:
        return False
    algorithm = _ALGORITHM_OF_KEY.get(str(described.get("kty")))
    try:
        return algorithm is not None and bool(jwt.PyJWK.from_dict(dict(described), algorithm).key)
    except (jwt.PyJWTError, TypeError, ValueError):
        return False


class TokenVerifier(Protocol):
    """Whatever turns a bearer token into claims."""

    def verify(self, token: str) -> Claims:
        """Raises TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_AUDIENCE or TOKEN_INVALID."""
        ...


class JwtVerifier:
    """Verifies signed JWTs against the provider's published keys.

    `jwks` returns the provider's key set (RFC 7517) as it stands; it may be asked for every token.
    `newer` asks for it again, for a token whose key is not in it: providers rotate their keys.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks: Callable[[], Mapping[str, Any]],
        clock: Clock,
        newer: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks = jwks
        self._newer = newer
        self._clock = clock
        self._parsed: dict[str, jwt.PyJWK] = {}
        self._signed: dict[tuple[bytes, str], dict[str, Any]] = {}

    def verify(self, token: str) -> Claims:
        """The claims of a token that is signed, for us, and live; unknown roles are left out."""
        if not token:
            raise OnRecordError(ErrorCode.TOKEN_MISSING, "there is no token with this call")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise _invalid("it is too long")
        payload = self._signed_payload(token)
        if payload.get("iss") != self._issuer:
            raise _invalid("it was issued by somebody else")
        audience = payload.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise OnRecordError(ErrorCode.TOKEN_AUDIENCE, "the token was issued for another use")
        expires_at = self._live_until(payload)
        return Claims(
            subject=_text(payload, "sub"),
            person=_text(payload, "person"),
            agency=_text(payload, "agency"),
            roles=_roles(payload.get("roles")),
            expires_at=expires_at,
            token_id=_text(payload, "jti"),
            training_completed=_date(payload.get("training_completed")),
            gallery=_text(payload, "gallery") if "gallery" in payload else None,
        )

    def _signed_payload(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            described = self._described(header.get("kid"))
            # The same bytes under the same key, which the provider must still publish, have the
            # same signature; everything else a token says is checked each time.
            seen = hashlib.sha256(token.encode()).digest(), json.dumps(described, sort_keys=True)
            known = self._signed.get(seen)
            if known is not None:
                return known
            key = self._parse(described, seen[1])
            payload: dict[str, Any] = jwt.decode(
                token, key, algorithms=[key.algorithm_name], options=_SIGNATURE_ONLY
            )
        except (jwt.PyJWTError, UnicodeEncodeError) as error:
            raise _invalid("its signature does not verify") from error
        if len(self._signed) > _MOST_REMEMBERED:
            self._signed.clear()
        self._signed[seen] = payload
        return payload

    def _described(self, key_id: object) -> dict[str, Any]:
        if isinstance(key_id, str):
            for ask in (self._jwks, self._newer):
                for described in ask().get("keys", ()) if ask else ():
                    if isinstance(described, dict) and described.get("kid") == key_id:
                        return dict(described)
        raise _invalid("it is signed by a key we do not know")

    def _parse(self, described: dict[str, Any], text: str) -> jwt.PyJWK:
        found = self._parsed.get(text)
        if found is None:
            algorithm = _ALGORITHM_OF_KEY.get(str(described.get("kty")))
            if algorithm is None:
                raise _invalid("its key is of a kind we do not take")
            found = jwt.PyJWK.from_dict(described, algorithm)
            if len(self._parsed) > 100:  # a provider that rotates keys must not fill our memory
                self._parsed.clear()
            self._parsed[text] = found
        return found

    def _live_until(self, payload: Mapping[str, Any]) -> datetime:
        now = self._clock.now()
        expires_at = _instant(payload, "exp")
        if expires_at is None:
            raise _invalid("it does not say when it expires")
        if expires_at + SKEW <= now:
            raise OnRecordError(ErrorCode.TOKEN_EXPIRED, "the token has expired; ask for a new one")
        if expires_at > now + MAX_LIFETIME + SKEW:
            raise _invalid("it lives longer than 15 minutes")
        for name in ("nbf", "iat"):
            start = _instant(payload, name)
            if start is not None and start > now + SKEW:
                raise _invalid("it is not valid yet")
        return expires_at


def _instant(payload: Mapping[str, Any], name: str) -> datetime | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"its {name} is not a time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _invalid(f"its {name} is not a time") from error


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM_CHARACTERS:
        raise _invalid(f"it has no usable claim {name!r}")
    if not value.isprintable() or value != value.strip():
        raise _invalid(f"its claim {name!r} has characters that have no place there")
    return value


def _roles(value: object) -> frozenset[Role]:
    if not isinstance(value, list):
        raise _invalid("its roles are not a list")
    known = {role.value for role in Role}
    return frozenset(Role(role) for role in value if isinstance(role, str) and role in known)


def _date(value: object) -> date | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass  # refused below, as any other form
    raise _invalid("its training_completed is not a date such as 2026-03-01")


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.TOKEN_INVALID, f"the token is refused: {why}")
