"""Who this process is, whom it believes and whom it calls, from its settings."""

from typing import TYPE_CHECKING

from onrecord.chassis.identity_files import KeySetFile, read_line
from onrecord.chassis.key_sets import open_key_set
from onrecord.chassis.renewal import IdentityFiles
from onrecord.chassis.settings import (
    ProcessSettings,
    TokenSettings,
    VerifyingSettings,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Service
from onrecord.proof.notes import NoteVerifier

if TYPE_CHECKING:
    from onrecord.chassis.tokens import JwtVerifier


def identity_of(service: Service, settings: ProcessSettings) -> IdentityFiles:
    """Raises SETTINGS_INVALID."""
    return IdentityFiles(service, settings.certificate, settings.certificate_key, settings.roots)


def ledger_verifier(settings: VerifyingSettings) -> NoteVerifier:
    """Raises SETTINGS_INVALID."""
    try:
        return NoteVerifier.parse(read_line(settings.ledger_key, "ledger_key"))
    except OnRecordError as error:
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID, error.message, field="ledger_key"
        ) from error


def token_verifier(settings: TokenSettings, clock: Clock) -> "JwtVerifier":
    """Raises SETTINGS_INVALID where the key set cannot be read."""
    # Detection and embedding verify nobody's token, and have nothing to do it with.
    from onrecord.chassis.tokens import JwtVerifier

    keys = open_key_set(settings.token_keys, settings.token_issuer, settings.token_keys_roots)
    if isinstance(keys, KeySetFile):
        keys()  # a file is there or is not; a provider may come up after us
    return JwtVerifier(
        settings.token_issuer, settings.token_audience, keys, clock, newer=keys.newer
    )
