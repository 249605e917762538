"""The ledger, as an auditor and the public read it over the API, in a form that can be asked."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.story import story_checks
from onrecord.proof.verify import base_checks, verify_ledger
from tests.kills.installation import Installation

_ENDS = (
    EntryKind.SEARCH_EXECUTED,
    EntryKind.SEARCH_REFUSED_QUALITY,
    EntryKind.SEARCH_FAILED,
    EntryKind.SEARCH_EXPIRED,
)
_CHANGES = (EntryKind.GALLERY_ENROLLED, EntryKind.RECORD_DELETED)


@dataclass(frozen=True, slots=True)
class Entry:
    index: int
    raw: bytes
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.body["kind"])


class ReadLedger:
    """Every entry, after the whole ledger has been verified from what it publishes."""

    def __init__(self, here: Installation) -> None:
        read = [(one.index, one.nonce, one.body) for one in here.auditor().bodies()]
        self.entries = [Entry(index, body, json.loads(body)) for index, _, body in read]
        public = here.client(None)

        def fetch(path: str) -> bytes:
            return public.checkpoint().encode() if path == "checkpoint" else public.tile(path)

        # leaves, tree, tiles, checkpoint; and each law between entries.
        report = verify_ledger(
            fetch,
            here.audit.signer.verifier,
            bodies=read,
            body_checks=[*base_checks(), *story_checks(here.verifier)],
        )
        assert report.bodies == len(read)

    def of(self, kind: EntryKind) -> list[Entry]:
        return [one for one in self.entries if one.kind == kind.value]

    def about(self, search_id: str) -> list[Entry]:
        return [one for one in self.entries if one.body.get("search_id") == search_id]

    @cached_property
    def ends(self) -> dict[tuple[str, str], list[str]]:
        """The kinds of the ends of each granted gallery, by search and gallery."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for kind in _ENDS:
            for one in self.of(kind):
                for gallery in one.body.get("galleries") or [one.body["gallery"]]:
                    found[one.body["search_id"], gallery].append(one.kind)
        return found

    def granted(self) -> Iterator[tuple[str, str]]:
        """Search and gallery, for every gallery that was granted."""
        for one in self.of(EntryKind.REQUEST_GRANTED):
            for gallery, decided in one.body["galleries"].items():
                if decided["decision"] == "granted":
                    yield one.body["search_id"], gallery

    def receipts(self, gallery: str) -> list[dict[str, Any]]:
        executed = self.of(EntryKind.SEARCH_EXECUTED)
        return [one.body["receipt"] for one in executed if one.body["gallery"] == gallery]

    def changes(self) -> list[dict[str, Any]]:
        """The statements of planes about their galleries."""
        return [one.body["change"] for kind in _CHANGES for one in self.of(kind)]

    def numbered(self, gallery: str) -> list[dict[str, Any]]:
        """The entries of a gallery's changes, by their numbers."""
        found = [one.body for kind in _CHANGES for one in self.of(kind)]
        ours = [one for one in found if one["gallery"] == gallery]
        return sorted(ours, key=lambda one: int(one["change"]["sequence"]))
