"""Statements signed, and believed, by certificates that are renewed while a process runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509

from onrecord.chassis.certificates import IdentitySource, ServiceIdentity
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor


class RenewedAttestor(Attestor):
    """Signs statements with whatever key the service has when it signs.

    With a certificate that has run out it signs nothing: nobody would believe the statement, ever,
    and who asks for it later, when there is a new certificate, gets one that is believed.
    """

    def __init__(self, identity: IdentitySource) -> None:
        self._source = identity
        self._signer = self._signing(identity.current())

    def attest(self, statement: dict[str, Any]) -> Attestation:
        """As `Attestor`. Raises IDENTITY_UNAVAILABLE where the certificate is not valid at the
        statement's `time`.
        """
        identity = self._source.current()
        _must_be_valid(identity, parse_time(str(statement["time"])))
        signer = self._signer
        if signer[0] is not identity:
            signer = self._signer = self._signing(identity)
        return signer[1].attest(statement)

    @staticmethod
    def _signing(identity: ServiceIdentity) -> tuple[ServiceIdentity, Attestor]:
        return identity, Attestor(identity.key, identity.chain)


def _must_be_valid(identity: ServiceIdentity, when: datetime) -> None:
    for one in identity.chain:
        if not one.not_valid_before_utc <= when <= one.not_valid_after_utc:
            raise OnRecordError(
                ErrorCode.IDENTITY_UNAVAILABLE,
                f"the certificate of {identity.service.value} is not valid now: it has to be "
                "renewed",
            )


def believing(identity: IdentitySource) -> AttestationVerifier:
    """A verifier that believes the roots this service has now, and no root it had before."""

    def roots() -> Sequence[x509.Certificate]:
        now = identity.current()
        return now.roots or now.chain[-1:]

    return AttestationVerifier(roots)
