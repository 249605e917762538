"""Why an image may be looked at, checked by whoever is about to look.

A probe needs a grant in the ledger, a portrait an enrolment ticket signed by the plane. Detection
and embedding check it themselves: nobody's word is enough (law 2).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.grant import read_grant
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.statements import ENROLMENT_TICKET, Mandate, mandate_id

CLOCK_SKEW = timedelta(seconds=60)


class ImageUse(StrEnum):
    """What an image is processed for; the quality gates differ."""

    PROBE = "probe"
    PORTRAIT = "portrait"


@dataclass(frozen=True, slots=True)
class VerifiedMandate:
    """A mandate that holds: for which image, for what, and with which embedders."""

    id: str
    use: ImageUse
    image_sha256: str
    model_ids: frozenset[str]


class MandateVerifier:
    """Checks mandates against the ledger's key and the roots of the services' certificates."""

    def __init__(self, ledger_key: NoteVerifier, attestations: AttestationVerifier) -> None:
        self._ledger_key = ledger_key
        self._attestations = attestations

    def verify(self, mandate: Mandate, now: datetime) -> VerifiedMandate:
        """Raises GRANT_MALFORMED, GRANT_NOT_IN_LEDGER, GRANT_CHECKPOINT_INVALID, GRANT_EXPIRED
        for a grant, ATTESTATION_INVALID or GRANT_EXPIRED for a ticket.
        """
        if isinstance(mandate, LoggedEntry):
            grant = read_grant(mandate, self._ledger_key)
            _check_alive(grant.expires_at, now)
            return VerifiedMandate(
                id=grant.mandate,
                use=ImageUse.PROBE,
                image_sha256=grant.probe_sha256,
                model_ids=frozenset(grant.model_ids),
            )
        said = self._attestations.verify(mandate, Service.VECTOR_SEARCH, ENROLMENT_TICKET)
        _check_alive(_end_of_ticket(said.get("expires_at")), now)
        return VerifiedMandate(
            id=mandate_id(mandate),
            use=ImageUse.PORTRAIT,
            image_sha256=str(said.get("image_sha256")),
            model_ids=frozenset({str(said.get("model_id"))}),
        )


def _end_of_ticket(value: object) -> datetime:
    try:
        return parse_time(str(value))
    except OnRecordError as error:
        raise OnRecordError(
            ErrorCode.ATTESTATION_INVALID, "the ticket does not say when it expires"
        ) from error


def _check_alive(expires_at: datetime, now: datetime) -> None:
    # A neighbour's clock may be ahead; the plane, where the data is, allows no skew.
    if now > expires_at + CLOCK_SKEW:
        raise OnRecordError(ErrorCode.GRANT_EXPIRED, "the grant or ticket has expired")
