"""A plane with Utah's gallery and five people in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.plane import World, build_world

PEOPLE = range(5)


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder where syncing costs nothing: a killed process loses no more there than on a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder with a random name, made below
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as made:
        yield made


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    built = build_world(folder)
    built.open_gallery()
    for number in PEOPLE:
        built.enrol(number)
    yield built
    built.plane.close()


Refused = Callable[[ErrorCode, Callable[[], object]], OnRecordError]


@pytest.fixture
def refused() -> Refused:
    """Calls, and expects a refusal with this code."""

    def check(code: ErrorCode, act: Callable[[], object]) -> OnRecordError:
        with pytest.raises(OnRecordError) as raised:
            act()
        assert raised.value.code is code, repr(raised.value)
        return raised.value

    return check
