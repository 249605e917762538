"""The ledger as far as it has been read, in a form that can be asked."""

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onrecord.proof import statements
from tests.builders.e2e_ledger import Entry

ENDS = ("search.executed", "search.refused_quality", "search.failed", "search.expired")
_CHANGES = ("gallery.enrolled", "record.deleted")
SearchIn = tuple[str, str]
"""A search and one of its galleries."""


@dataclass(frozen=True)
class Book:
    """`raw`: the bytes of each body, by index."""

    entries: Sequence[Entry]
    raw: Sequence[bytes]

    def of(self, *kinds: str) -> list[Entry]:
        return [one for one in self.entries if one.kind in kinds]

    @cached_property
    def granted(self) -> Mapping[SearchIn, str]:
        """When each grant of a gallery expires."""
        return {
            (one.body["search_id"], gallery): one.body["expires_at"]
            for one in self.of("request.granted")
            for gallery, decided in one.body["galleries"].items()
            if decided["decision"] == "granted"
        }

    @cached_property
    def ends(self) -> Mapping[SearchIn, Sequence[str]]:
        """The kinds of the ends of each search in each gallery."""
        found: dict[SearchIn, list[str]] = defaultdict(list)
        for one in self.of(*ENDS):
            for gallery in one.body.get("galleries") or [one.body["gallery"]]:
                found[one.body["search_id"], gallery].append(one.kind)
        return found

    def receipts(self, gallery: str) -> list[dict[str, Any]]:
        """In the order in which they came into the ledger: as ends, or too late, in alarms."""
        found = [one.body for one in self.of("search.executed", "alarm.raised")]
        return [
            one["receipt"] for one in found if one.get("gallery") == gallery and "receipt" in one
        ]

    def statements(self, gallery: str) -> list[dict[str, Any]]:
        """The entries of what a plane says of its gallery, by their numbers."""
        found = [one.body for one in self.of(*_CHANGES) if one.body["gallery"] == gallery]
        return sorted(found, key=lambda body: int(body["change"]["sequence"]))

    def deletions(self) -> list[dict[str, Any]]:
        found = [one.body["change"] for one in self.of(*_CHANGES)]
        return [one for one in found if one["type"] == statements.RECORD_DELETED]

    def enrolled(self) -> set[str]:
        """The enrolments that the ledger was told of."""
        return set(self.enrolments())

    def enrolments(self) -> list[str]:
        found = [one.body["change"] for one in self.of(*_CHANGES)]
        return [one["enrolment_id"] for one in found if one.get("enrolment_id")]


def statement(attestation: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(base64.b64decode(attestation["statement"]))
    return said
