"""The topics of an installation on the SQLite bus: which file, how many partitions, how long.

Receipts are small and somebody waits for them; crops are large and nobody does: two files. Changed
in step for every process of a machine, since all open the same files.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.contracts.events import ENROLMENT_TOPICS, LEDGER_TOPICS, RETENTION_HOURS
from onrecord.kernel.times import Clock

PARTITIONS: Final = 4
"""As many members of a group find work at once; more wait for one of them to go."""


def topic_files() -> tuple[TopicFile, ...]:
    """Enrolments are kept as long as their keys; what the ledger is told, for good."""
    return (
        TopicFile(
            "enrolment",
            dict.fromkeys(ENROLMENT_TOPICS, PARTITIONS),
            timedelta(hours=RETENTION_HOURS),
        ),
        # One consumer, audit; and the order of every gallery in one place.
        TopicFile("receipts", dict.fromkeys(LEDGER_TOPICS, 1)),
    )


def open_bus(folder: Path, clock: Clock) -> SqliteBus:
    """The bus in `folder`; its files are made where there are none. Raises BUS_UNAVAILABLE."""
    return SqliteBus(folder, topic_files(), clock)
