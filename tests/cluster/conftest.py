"""Real parts, each started when a test first asks for it and stopped at the end of the session.

A part's fixture is three lines: `yield from started(KafkaPart(), parts_folder)`.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.part import Part
from deploy.local.parts.kafka import Kafka
from deploy.local.running import Running, place_for

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"


@pytest.fixture(scope="session")
def parts_folder() -> Iterator[Path]:
    """Where the parts of this session keep their data: not under pytest's own folders, which no
    account but ours may enter, while a part may run under one of its own.
    """
    with tempfile.TemporaryDirectory(prefix="onrecord-parts-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def started(part: Part, folder: Path) -> Iterator[Running]:
    """Install the part where it lacks, start it on a new data folder, stop it in the end."""
    part.install(TOOLS, lambda line: print(line, file=sys.stderr))  # noqa: T201 - progress
    running = Running(part, place_for(part, TOOLS, folder / part.name))
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def kafka(parts_folder: Path) -> Iterator[Running]:
    """One broker; who needs topics makes them (`kafka_topics.emptied`)."""
    yield from started(Kafka(), parts_folder)
