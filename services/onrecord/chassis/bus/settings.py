"""How a worker goes about its work."""

from dataclasses import dataclass
from typing import Final

from onrecord.kernel.errors import ErrorCode

WORLD: Final = frozenset(
    {
        ErrorCode.LEDGER_UNAVAILABLE,
        ErrorCode.PLANE_UNAVAILABLE,
        ErrorCode.DETECTION_UNAVAILABLE,
        ErrorCode.EMBEDDING_UNAVAILABLE,
        ErrorCode.INFERENCE_UNAVAILABLE,
        ErrorCode.OVERLOADED,
        ErrorCode.OBJECTS_UNAVAILABLE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.DATABASE_UNAVAILABLE,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.STORAGE_FULL,
        ErrorCode.DATA_FOLDER_IN_USE,
    }
)
"""Where a whole poll fails with one of these, nothing is wrong with the messages."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Counts, and seconds.

    `limit`: messages in a poll. `wait`: for the first of them. `backoff`: before each further try
    of a parked message; after the last it is a dead letter. `pauses`: between tries in place while
    the world is not sound, the last repeated; after `patience` in all, the poll is parked and
    others have their turn. `isolate_after`, `dead_after`: how many processes died of a poll before
    it is taken one by one, and before a message is a dead letter unopened. `held`: parked messages
    kept in memory.
    """

    limit: int = 64
    wait: float = 0.5
    backoff: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0)
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
    patience: float = 120.0
    isolate_after: int = 2
    dead_after: int = 5
    held: int = 256
    publish_seconds: float = 30.0

    def pause(self, tried: int) -> float:
        """Seconds before the next try in place, after `tried` of them."""
        return self.pauses[min(tried, len(self.pauses) - 1)]
