"""What the custodians know of the records they have brought, kept outside the installation."""

import random
import threading
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Record:
    """One record and its picture. `enrolment`: the enrolment's id, once it was accepted."""

    gallery: str
    record_id: str
    picture: bytes = field(repr=False)
    enrolment: str = ""


class Records:
    """Shared by those who search, enrol and delete. Each record is in one place at a time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._waiting: list[Record] = []
        self._live: list[Record] = []
        self._deleted: list[Record] = []

    def accepted(self, record: Record) -> None:
        with self._lock:
            self._waiting.append(record)

    def waiting(self) -> list[Record]:
        """Accepted, and neither live nor rejected, as far as anybody asked."""
        with self._lock:
            return list(self._waiting)

    def ended(self, record: Record, live: bool) -> None:
        """It is live, or was rejected; or is being deleted meanwhile."""
        with self._lock:
            if record in self._waiting:
                self._waiting.remove(record)
                if live:
                    self._live.append(record)

    def to_delete(self, keep: int) -> Record | None:
        """One that is live or on its way there, taken out; None where only `keep` are left."""
        with self._lock:
            if len(self._live) <= keep:
                return None
            among = self._waiting if self._waiting and self._chance.random() < 0.3 else self._live
            return among.pop(self._chance.randrange(len(among)))

    def deleted(self, record: Record) -> None:
        """Its deletion was acknowledged."""
        with self._lock:
            self._deleted.append(record)

    def to_search(self) -> tuple[Record, bool] | None:
        """One that is live, or (True) whose deletion was acknowledged."""
        with self._lock:
            among = self._deleted if self._deleted and self._chance.random() < 0.3 else self._live
            if not among:
                return None
            return self._chance.choice(among), among is self._deleted

    def is_live(self, record: Record) -> bool:
        """Whether nobody has begun to delete it."""
        with self._lock:
            return record in self._live

    def counts(self) -> dict[str, int]:
        with self._lock:
            return {"live": len(self._live), "deleted": len(self._deleted)}
