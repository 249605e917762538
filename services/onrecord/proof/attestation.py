"""Statements that one service signs and another checks, offline if need be.

A statement is canonical JSON with a `type`; the signature is ECDSA P-256 with SHA-256 over a
domain line and the statement, by the key of the service's own certificate. The certificate chain
travels with it and is kept with the evidence (law 2).
"""

import base64
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical
from onrecord.proof.verified import Verified, digest_of

_DOMAIN = b"onrecord-attestation-v1\n"
_MAX_CHAIN = 3
_CHAINS_KEPT = 64
_SIGNATURES_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Attestation:
    """A signed statement: canonical JSON, DER signature, DER certificates from leaf to issuer."""

    statement: bytes
    signature: bytes
    chain: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "statement": base64.b64encode(self.statement).decode(),
            "signature": base64.b64encode(self.signature).decode(),
            "chain": [base64.b64encode(der).decode() for der in self.chain],
        }

    @classmethod
    def from_json(cls, value: Any) -> "Attestation":
        """Raises ATTESTATION_INVALID when a field is missing or is not base64."""
        try:
            return cls(
                statement=base64.b64decode(value["statement"], validate=True),
                signature=base64.b64decode(value["signature"], validate=True),
                chain=tuple(base64.b64decode(der, validate=True) for der in value["chain"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _invalid("it is not an attestation") from error


class Attestor:
    """Signs statements with one service's certificate key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        self._key = key
        self._chain = tuple(certificate.public_bytes(Encoding.DER) for certificate in chain)

    def attest(self, statement: dict[str, Any]) -> Attestation:
        """Sign a statement. It needs a `type` and a `time` (RFC 3339, hundredths, UTC)."""
        encoded = canonical.encode(statement)
        signature = self._key.sign(_DOMAIN + encoded, ec.ECDSA(hashes.SHA256()))
        return Attestation(encoded, signature, self._chain)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a chain that leads to a root says of its first certificate, and when all of it holds."""

    key: ec.EllipticCurvePublicKey
    uris: frozenset[str]
    not_before: datetime
    not_after: datetime


class AttestationVerifier:
    """Checks attestations against pinned roots. May be used from many threads."""

    def __init__(
        self, roots: Sequence[x509.Certificate] | Callable[[], Sequence[x509.Certificate]]
    ) -> None:
        """`roots`: what chains must lead to; or whoever knows it, where roots come and go."""
        self._ask = roots if callable(roots) else None
        self._roots = tuple(roots()) if callable(roots) else tuple(roots)
        self._leaves: dict[tuple[bytes, ...], _Leaf] = {}
        self._verified = Verified(_SIGNATURES_KEPT)

    def verify(self, attestation: Attestation, service: Service, kind: str) -> dict[str, Any]:
        """The statement, if `service` signed it and its `type` is `kind`.

        Certificates are checked for the time the statement was made, not for now, so that
        evidence stays checkable after a certificate has run out.
        Raises ATTESTATION_INVALID.
        """
        try:
            statement = canonical.decode(attestation.statement)
        except OnRecordError as error:
            raise _invalid("its statement is not canonical JSON") from error
        if not isinstance(statement, dict) or statement.get("type") != kind:
            raise _invalid(f"it is not a statement of type {kind}")
        try:
            when = parse_time(str(statement.get("time")))
        except OnRecordError as error:
            raise _invalid("it does not say when it was made") from error
        leaf = self._leaf(attestation.chain)
        if not leaf.not_before <= when <= leaf.not_after:
            raise _invalid("a certificate was not valid when the statement was made")
        if service.spiffe_id not in leaf.uris:
            raise _invalid(f"its certificate does not belong to {service.value}")
        self._check_signature(attestation, leaf.key)
        return statement

    def _check_signature(self, attestation: Attestation, key: ec.EllipticCurvePublicKey) -> None:
        # The key is that of the chain's first certificate, so the chain stands for it.
        content = digest_of(attestation.statement, attestation.signature, *attestation.chain)
        if self._verified.knows(content):
            return
        try:
            key.verify(
                attestation.signature,
                _DOMAIN + attestation.statement,
                ec.ECDSA(hashes.SHA256()),
            )
        except InvalidSignature as error:
            raise _invalid("its signature does not verify") from error
        self._verified.add(content)

    def _leaf(self, chain: tuple[bytes, ...]) -> _Leaf:
        """The chain, verified; the few chains of the services are not verified again and again."""
        self._look_at_roots()
        held = self._leaves.get(chain)
        if held is None:
            try:
                held = self._verified_leaf(chain)
            except OnRecordError:
                raise
            except Exception as error:  # a certificate that fools the parser is no certificate
                raise _invalid("a certificate of its chain cannot be read") from error
            if len(self._leaves) >= _CHAINS_KEPT:  # certificates are renewed now and then
                self._leaves.clear()
            self._leaves[chain] = held
        return held

    def _look_at_roots(self) -> None:
        roots = self._roots if self._ask is None else tuple(self._ask())
        if roots != self._roots:
            self._roots = roots
            self._leaves.clear()  # what led to a root that is believed no more

    def _verified_leaf(self, chain: tuple[bytes, ...]) -> _Leaf:
        if not 1 <= len(chain) <= _MAX_CHAIN:
            raise _invalid("its certificate chain has the wrong length")
        try:
            certificates = [x509.load_der_x509_certificate(der) for der in chain]
        except ValueError as error:
            raise _invalid("a certificate of its chain cannot be read") from error
        for child, parent in itertools.pairwise(certificates):
            _check_issued(child, parent)
        self._check_root(certificates[-1])
        key = certificates[0].public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise _invalid("its certificate has no ECDSA key")
        return _Leaf(
            key,
            frozenset(_uris(certificates[0])),
            max(certificate.not_valid_before_utc for certificate in certificates),
            min(certificate.not_valid_after_utc for certificate in certificates),
        )

    def _check_root(self, last: x509.Certificate) -> None:
        refused = _invalid("its certificate chain ends at no root we know")
        for root in self._roots:
            if last == root:
                return
            if last.issuer == root.subject:
                try:
                    return _check_issued(last, root)
                except OnRecordError as error:  # an authority's next root may bear its old name
                    refused = error
        raise refused


def _check_issued(child: x509.Certificate, parent: x509.Certificate) -> None:
    try:
        constraints = parent.extensions.get_extension_for_class(x509.BasicConstraints).value
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise _invalid("a certificate of its chain was not issued by the next") from error
    if not constraints.ca:
        raise _invalid("a certificate of its chain was issued by one that may not issue")


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.ATTESTATION_INVALID, f"the attestation is refused: {why}")
