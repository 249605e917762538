"""Books of the ledger that a test writes itself: what a proposal reads, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from onrecord.audit.core.draft import Counter, Held, NumberedChange, Reach, SearchRecord
from onrecord.audit.core.emergency_books import OpenedEmergency
from tests.builders.audit import START

NOTHING_YET = (0, "0" * 64)


@dataclass(slots=True)
class WrittenBooks:
    """`Books` as they stand; what is not written down here is not there."""

    now: datetime = START
    epoch: int = 1
    markers: dict[str, int] = field(default_factory=dict)
    keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    counts: dict[Counter, int] = field(default_factory=dict)
    searches: dict[str, SearchRecord] = field(default_factory=dict)
    grants: dict[int, str] = field(default_factory=dict)
    opened: tuple[OpenedEmergency, ...] = ()
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[str, tuple[int, str]] = field(default_factory=dict)
    reaches: dict[str, Reach] = field(default_factory=dict)
    changes: dict[tuple[str, int], NumberedChange] = field(default_factory=dict)
    waiting: tuple[Held, ...] = ()

    def remembered(self, marker: str) -> int | None:
        return self.markers.get(marker)

    def idempotent(self, key: str) -> tuple[str, int] | None:
        return self.keys.get(key)

    def used(self, counters: Sequence[Counter]) -> tuple[int, ...]:
        return tuple(self.counts.get(one, 0) for one in counters)

    def search(self, search_id: str) -> SearchRecord | None:
        return self.searches.get(search_id)

    def search_of_grant(self, grant_index: int) -> str | None:
        return self.grants.get(grant_index)

    def emergencies(self, search_id: str) -> tuple[OpenedEmergency, ...]:
        return tuple(one for one in self.opened if one.search_id == search_id)

    def emergencies_of(self, person: str) -> tuple[OpenedEmergency, ...]:
        return tuple(
            one
            for one in self.opened
            if one.person == person and one.followed is None and one.lifted is None
        )

    def body(self, index: int) -> dict[str, Any]:
        return self.bodies[index]

    def last_receipt(self, gallery: str) -> tuple[int, str]:
        return self.receipts.get(gallery, NOTHING_YET)

    def reach(self, gallery: str) -> Reach | None:
        return self.reaches.get(gallery)

    def change(self, gallery: str, sequence: int) -> NumberedChange | None:
        return self.changes.get((gallery, sequence))

    def change_before(self, gallery: str, sequence: int) -> int:
        before = (number for name, number in self.changes if name == gallery and number < sequence)
        return max(before, default=0)

    def held(self) -> tuple[Held, ...]:
        return self.waiting

    def active_policy(self, jurisdiction: str) -> tuple[int, str] | None:
        return None

    def authority_key(self, jurisdiction: str) -> tuple[str, int] | None:
        return None

    def model(self, jurisdiction: str) -> tuple[str, int] | None:
        return None
