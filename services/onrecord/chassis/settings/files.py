"""Whether the files and folders that settings name are there, and may be used.

Files are opened; of folders it is asked whether a file could be made in them. Nothing is made, and
nothing that a file holds is repeated.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from onrecord.chassis.key_sets import is_key_file
from onrecord.chassis.settings.fields import Names, named_by
from onrecord.chassis.settings.loading import Problem

_SQLITE: Final = "sqlite:///"


def examine_files(settings: BaseSettings) -> list[Problem]:
    """What cannot be read or written of what the settings name, by setting."""
    problems = []
    for name, field in type(settings).model_fields.items():
        names = named_by(field)
        value = getattr(settings, name)
        if names is not None and value is not None:
            says = _CHECKS[names](_text(value))
            problems += [Problem(name, says)] if says else []
    return problems


def _readable(text: str) -> str:
    if not is_key_file(text):
        return ""
    try:
        with Path(text).open("rb") as file:
            return "" if file.read(1) else f"{text} is empty"
    except OSError as error:
        return f"{text} cannot be read: {error.strerror}"


def _listed(text: str) -> str:
    try:
        next(Path(text).iterdir(), None)
    except OSError as error:
        return f"{text} cannot be read: {error.strerror}"
    return ""


def _store(text: str) -> str:
    """A folder that is written, and made where it is missing; of a server nobody is asked here."""
    if "://" in text:
        return ""
    folder = Path(text).absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{text} cannot be written: {folder} is not a folder"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return f"{text} cannot be written: {folder} is closed to this account, or read-only"
    return ""


def _place(text: str) -> str:
    """A file that is written, and made, with its folder, where it is missing."""
    path = Path(text).absolute()
    if path.is_file() and not os.access(path, os.R_OK | os.W_OK):
        return f"{text} cannot be written: it is closed to this account, or read-only"
    return _store(str(path.parent))


def _database(text: str) -> str:
    """SQLite's folder, which SQLite does not make. Any other is a server: nobody is called here.

    Only the path is told: a URL may hold a password.
    """
    if not text.startswith(_SQLITE):
        return ""
    folder = Path(text.removeprefix(_SQLITE).partition("?")[0]).absolute().parent
    if not folder.is_dir():
        return f"the folder of the database, {folder}, is missing"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder of the database, {folder}, cannot be written"
    return ""


def _index(text: str) -> str:
    return "" if "://" in text else _place(text)


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


_CHECKS: Final[Mapping[Names, Callable[[str], str]]] = {
    Names.FILE: _readable,
    Names.FOLDER: _listed,
    Names.STORE: _store,
    Names.DATABASE: _database,
    Names.INDEX: _index,
}
