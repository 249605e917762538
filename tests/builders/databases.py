"""Where the builders' databases are: SQLite files in a test's folder, unless told otherwise."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine


class Place(Protocol):
    """Where databases are, by the folder they belong to and their name (`ledger`, `casework`,
    `roster`).
    """

    def __call__(self, folder: Path, name: str) -> str:
        """Its URL: the same for the same folder; of a copied folder, a copy of the database."""
        ...

    def held(self, folder: Path, name: str) -> bytes:
        """All that stands on the disk of it, as who has every right on the machine reads it."""
        ...

    def dump(self, folder: Path, name: str, to: Path) -> None:
        """A backup of it as it stands, whoever has it open, to a new file."""
        ...

    def restore(self, folder: Path, name: str, dump: Path) -> None:
        """A backup in the place of what is there, which nobody has open."""
        ...


class _Files:
    """`Place`: `<folder>/<name>.db`."""

    def __call__(self, folder: Path, name: str) -> str:
        return f"sqlite:///{folder / name}.db"

    def held(self, folder: Path, name: str) -> bytes:
        return b"".join(path.read_bytes() for path in folder.glob(f"{name}.db*"))

    def dump(self, folder: Path, name: str, to: Path) -> None:
        engine = create_engine(self(folder, name))
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(to),))
        engine.dispose()

    def restore(self, folder: Path, name: str, dump: Path) -> None:
        for left in folder.glob(f"{name}.db*"):
            left.unlink()
        shutil.copy(dump, folder / f"{name}.db")


_places: list[Place] = [_Files()]


def database_url(folder: Path, name: str) -> str:
    """Where this database of a builder's is."""
    return _places[-1](folder, name)


def database_held(folder: Path, name: str) -> bytes:
    """All that stands on the disk of it."""
    return _places[-1].held(folder, name)


def dump_database(folder: Path, name: str, to: Path) -> None:
    """A backup of it as it stands, to a new file."""
    _places[-1].dump(folder, name, to)


def restore_database(folder: Path, name: str, dump: Path) -> None:
    """A backup in the place of what is there, which nobody has open."""
    _places[-1].restore(folder, name, dump)


@contextmanager
def databases_at(place: Place) -> Iterator[None]:
    """Within it, builders open theirs there: a suite runs unchanged on another database."""
    _places.append(place)
    try:
        yield
    finally:
        _places.remove(place)
