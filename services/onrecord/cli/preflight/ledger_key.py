"""The ledger's key: it signed what is published, and all believe the one that audit signs with."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from onrecord.chassis.identity_files import read_line
from onrecord.chassis.settings import VerifyingSettings
from onrecord.cli.preflight.results import Result, missing, not_checked, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.notes import NoteSigner, NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH

if TYPE_CHECKING:  # other services' images have not what it imports
    from onrecord.audit.settings import AuditSettings

_MINT = (
    "python -c 'from onrecord.proof.notes import NoteSigner; "
    'print(NoteSigner.generate("HOST/onrecord").text)\' > {path}'
)


def examine(target: Target, installation: Installation) -> Iterator[Result]:
    if target.service is Service.AUDIT:
        yield _signing(target.settings)
    elif isinstance(target.settings, VerifyingSettings):
        yield _believed(target.settings, installation)


def _signing(settings: "AuditSettings") -> Result:
    try:
        key = _verifier_of(settings)
    except OnRecordError as error:
        return missing(error.message, _MINT.format(path=settings.ledger_signing_key))
    try:
        size = _published(settings, key)
    except OnRecordError as error:
        if error.code is ErrorCode.OBJECTS_UNAVAILABLE:
            return not_checked(f"whether {key.name} signed what is published: {error.message}")
        return missing(
            f"what is published was not signed by this key of {key.name}: {error.message}",
            f"onrecord config check audit  # ledger_signing_key, {settings.ledger_signing_key}",
        )
    if size is None:
        return ok(f"signs for {key.name}; nothing is published yet")
    return ok(f"signs for {key.name}, and signed the {size} entries that are published")


def _published(settings: "AuditSettings", key: NoteVerifier) -> int | None:
    """How many entries; None where there are none. Raises what is wrong with the checkpoint."""
    place = settings.ledger_objects
    if "://" not in place and not Path(place).is_dir():
        return None
    try:
        note = settings.store(place).get(CHECKPOINT_PATH).decode("utf-8", "replace")
    except OnRecordError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
    return open_checkpoint(note, key).checkpoint.size


def _believed(settings: VerifyingSettings, installation: Installation) -> Result:
    try:
        believed = NoteVerifier.parse(read_line(settings.ledger_key, "ledger_key"))
    except OnRecordError as error:
        return missing(error.message, _copying(installation, settings))
    signing = list(_signing_keys(installation))
    if not signing:
        return not_checked(
            f"whether audit signs with the key of {believed.name}: audit's settings are not here"
        )
    if any(one.text != believed.text for one in signing):
        names = ", ".join(sorted({one.name for one in signing}))
        return missing(
            f"believes a key of {believed.name} with which audit ({names}) does not sign",
            _copying(installation, settings),
        )
    return ok(f"believes the key of {believed.name} that audit signs with")


def _copying(installation: Installation, settings: VerifyingSettings) -> str:
    text = next((one.text for one in _signing_keys(installation)), "ORIGIN+ID+KEY")
    return f"echo '{text}' > {settings.ledger_key}"


def _signing_keys(installation: Installation) -> Iterator[NoteVerifier]:
    for one in installation.targets:
        if one.service is Service.AUDIT:
            try:
                yield _verifier_of(one.settings)
            except OnRecordError:
                continue  # told where audit itself is looked at


def _verifier_of(settings: "AuditSettings") -> NoteVerifier:
    """Raises SETTINGS_INVALID, SIGNATURE_INVALID."""
    return NoteSigner.parse(read_line(settings.ledger_signing_key, "ledger_signing_key")).verifier
