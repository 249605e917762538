"""Statements signed, and believed, by certificates that are renewed while a process runs."""

from collections.abc import Sequence
from typing import Any

from cryptography import x509

from onrecord.chassis.certificates import IdentitySource, ServiceIdentity
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor


class RenewedAttestor(Attestor):
    """Signs statements with whatever key the service has when it signs."""

    def __init__(self, identity: IdentitySource) -> None:
        self._source = identity
        self._signer = self._signing(identity.current())

    def attest(self, statement: dict[str, Any]) -> Attestation:
        identity = self._source.current()
        signer = self._signer
        if signer[0] is not identity:
            signer = self._signer = self._signing(identity)
        return signer[1].attest(statement)

    @staticmethod
    def _signing(identity: ServiceIdentity) -> tuple[ServiceIdentity, Attestor]:
        return identity, Attestor(identity.key, identity.chain)


def believing(identity: IdentitySource) -> AttestationVerifier:
    """A verifier that believes the roots this service has now, and no root it had before."""

    def roots() -> Sequence[x509.Certificate]:
        now = identity.current()
        return now.roots or now.chain[-1:]

    return AttestationVerifier(roots)
