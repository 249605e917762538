"""A token issuer for one machine, where there is no identity provider.

It vouches for whoever holds its folder, so it is for development, the demo and the tests.
"""

import hashlib
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from onrecord.chassis.certificates import write_secret
from onrecord.kernel.vocabulary import Role

DEVELOPMENT_ISSUER = "onrecord-development"
AUDIENCE = "onrecord"
DEFAULT_LIFETIME = timedelta(minutes=14)
_KEY_FILE = "token-issuer.key.pem"


class DevelopmentIssuer:
    """Signs tokens (ES256) with a key that is minted once and kept in a folder."""

    name = DEVELOPMENT_ISSUER

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        thumbprint = json.dumps(public, sort_keys=True).encode()
        self._key_id = hashlib.sha256(thumbprint).hexdigest()[:16]
        self._public = {**public, "kid": self._key_id, "alg": "ES256", "use": "sig"}

    @classmethod
    def open(cls, folder: Path) -> "DevelopmentIssuer":
        """The issuer kept in `folder`; its key is minted there when there is none."""
        path = folder / _KEY_FILE
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = ec.generate_private_key(ec.SECP256R1())
            pem = fresh.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_secret(path, pem)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{path} does not hold an ECDSA key")
        return cls(key)

    def jwks(self) -> dict[str, Any]:
        """The public key set (RFC 7517)."""
        return {"keys": [self._public]}

    def issue(
        self,
        *,
        person: str,
        agency: str,
        roles: list[Role] | tuple[Role, ...] | frozenset[Role],
        now: datetime,
        training_completed: date | None = None,
        gallery: str | None = None,
        lifetime: timedelta = DEFAULT_LIFETIME,
        audience: str = AUDIENCE,
    ) -> str:
        """A token for `person`, whose account is named after them."""
        claims: dict[str, Any] = {
            "iss": self.name,
            "aud": audience,
            "sub": f"{agency}/{person}",
            "person": person,
            "agency": agency,
            "roles": sorted(role.value for role in roles),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        if training_completed is not None:
            claims["training_completed"] = training_completed.isoformat()
        if gallery is not None:
            claims["gallery"] = gallery
        # Derived, not random: the same person at the same second is the same token.
        encoded = json.dumps(claims, sort_keys=True).encode()
        claims["jti"] = hashlib.sha256(encoded).hexdigest()[:32]
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
