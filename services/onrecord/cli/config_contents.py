"""Whether the files that settings name hold what they should, read as `onrecord serve` does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from onrecord.chassis.identity_files import KeySetFile, read_identity, read_line, read_secret
from onrecord.chassis.key_sets import is_key_file
from onrecord.chassis.sealing import KEY_SIZE
from onrecord.chassis.settings import Problem, ProcessSettings
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.notes import NoteSigner, NoteVerifier


def examine_contents(service: Service, settings: ProcessSettings) -> list[Problem]:
    """What is wrong with certificates, keys and models; every file can be read."""
    problems = []
    try:
        read_identity(service, settings.certificate, settings.certificate_key, settings.roots)
    except OnRecordError as error:
        problems.append(Problem(error.field or "certificate", error.message))
    for name, read in _READ.items():
        path = getattr(settings, name, None)
        if path is not None:
            try:
                read(path)
            except OnRecordError as error:
                problems.append(Problem(name, error.message))
    return problems


def _cards(path: Path) -> object:
    from onrecord.chassis.inference import ModelRepository

    return ModelRepository(path).cards()


def _casework_key(path: Path) -> None:
    size = len(read_secret(path, "casework_key"))
    if size != KEY_SIZE:
        message = f"{path} holds {size} bytes where the key has {KEY_SIZE}"
        raise OnRecordError(ErrorCode.SETTINGS_INVALID, message)


def _token_keys(place: str) -> None:
    if is_key_file(place):
        KeySetFile(Path(place))()


_READ: Final[dict[str, Callable[[Any], object]]] = {
    "ledger_key": lambda path: NoteVerifier.parse(read_line(path, "ledger_key")),
    "ledger_signing_key": lambda path: NoteSigner.parse(read_line(path, "ledger_signing_key")),
    "token_keys": _token_keys,
    "casework_key": _casework_key,
    "models": _cards,
}
