"""Where the builders' databases are: SQLite files in a test's folder, unless told otherwise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Place = Callable[[Path, str], str]
"""The URL of a database by the folder it belongs to and its name (`ledger`, `casework`, `roster`).

The same for the same folder; of a copied folder, a copy of the database.
"""


def _file(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


_places: list[Place] = [_file]


def database_url(folder: Path, name: str) -> str:
    """Where this database of a builder's is."""
    return _places[-1](folder, name)


@contextmanager
def databases_at(place: Place) -> Iterator[None]:
    """Within it, builders open theirs there: a suite runs unchanged on another database."""
    _places.append(place)
    try:
        yield
    finally:
        _places.remove(place)
