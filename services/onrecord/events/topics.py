"""The topics of an installation: how many partitions, how long, and on SQLite in which file.

Receipts are small and somebody waits for them; crops are large and nobody does: two files. Changed
in step for every process of a machine, since all open the same files; topics of Kafka are made by
`onrecord bus make`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.bus.sqlite import LOOK_AGAIN, SqliteBus, TopicFile
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


def open_bus(at: Path | KafkaAccess, clock: Clock, *, look_again: float = LOOK_AGAIN) -> Bus:
    """The bus in a folder, whose files are made where there are none; or on Kafka, where nobody is
    called yet. Raises BUS_UNAVAILABLE, SETTINGS_INVALID.

    `look_again`: seconds until what another process has put into the folder is seen.
    """
    if isinstance(at, Path):
        return SqliteBus(at, topic_files(), clock, look_again=look_again)
    # confluent-kafka is imported where it is used: the laptop need not have it.
    from onrecord.chassis.bus.kafka.bus import KafkaBus

    return KafkaBus(at)
