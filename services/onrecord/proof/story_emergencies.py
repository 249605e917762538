"""The law that an emergency is followed up, or its person gets no other (R-10)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.checks import LedgerFault

OVERDUE = "emergency_overdue"
ALARM_GRACE = timedelta(hours=1)
"""How long after a follow-up was due the ledger may go on without an alarm that says so."""


@dataclass(slots=True)
class _Emergency:
    """One gallery's emergency, as far as the ledger has told of it."""

    index: int
    person: str
    agency: str
    due: str
    instruments: frozenset[str]
    alarmed: bool = False
    lifted: bool = False


class EmergenciesFollowedUp:
    """Each emergency is followed up by its agency with an instrument the state accepts, in time, or
    an alarm says that it was not; and meanwhile its person is granted none.
    """

    name = "every emergency is followed up in time, or an alarm says so and suspends its person"

    def __init__(self) -> None:
        self.passed = 0
        self._open: dict[tuple[str, str], _Emergency] = {}
        # One fixed-width form in UTC: the order of the texts is the order of the instants.
        self._now = ""

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        kind = body["kind"]
        self._now = str(body["time"])
        if kind == EntryKind.REQUEST_GRANTED:
            self._granted(index, body)
        elif kind == EntryKind.EMERGENCY_FOLLOWED_UP:
            self._followed(index, body)
        elif kind == EntryKind.EMERGENCY_LIFTED:
            self._lifted(index, body)
        elif kind == EntryKind.ALARM_RAISED and body.get("what") == OVERDUE:
            self._alarmed(index, body)

    def _granted(self, index: int, body: Mapping[str, Any]) -> None:
        terms = {
            gallery: one["emergency"]
            for gallery, one in body["galleries"].items()
            if one["decision"] == "granted" and "emergency" in one
        }
        if not terms:
            return
        if not body["request"].get("emergency"):
            raise LedgerFault(self.name, index, "an emergency was granted that nobody declared")
        person, agency = body["by"]["person"], body["by"]["agency"]
        for search, gallery in self._suspending(person):
            raise LedgerFault(
                self.name, index, f"{person} owes a follow-up for {gallery} (search {search})"
            )
        for gallery, said in terms.items():
            due = format_time(parse_time(str(said["due"])))
            if due <= self._now or not said["instruments"]:
                raise LedgerFault(self.name, index, f"{gallery} asks for no follow-up")
            self._open[body["search_id"], gallery] = _Emergency(
                index, person, agency, due, frozenset(said["instruments"])
            )

    def _suspending(self, person: str) -> Iterator[tuple[str, str]]:
        for at, one in self._open.items():
            if one.person == person and one.due <= self._now and not one.lifted:
                yield at

    def _followed(self, index: int, body: Mapping[str, Any]) -> None:
        for gallery in body["galleries"]:
            one = self._known(index, body, gallery)
            if body["by"]["agency"] != one.agency:
                raise LedgerFault(self.name, index, "another agency followed it up")
            if body["instrument"]["type"] not in one.instruments:
                raise LedgerFault(self.name, index, f"{gallery} does not accept that instrument")
            del self._open[body["search_id"], gallery]
            self.passed += 1

    def _lifted(self, index: int, body: Mapping[str, Any]) -> None:
        for gallery in body["galleries"]:
            one = self._known(index, body, gallery)
            if not one.alarmed:
                raise LedgerFault(self.name, index, "a suspension was lifted that nobody told of")
            if body["by"]["person"] == one.person:
                raise LedgerFault(self.name, index, "a person lifted a suspension of their own")
            one.lifted = True  # the instrument is still owed, and may still be filed

    def _alarmed(self, index: int, body: Mapping[str, Any]) -> None:
        for gallery in body["galleries"]:
            one = self._known(index, body, gallery)
            if one.alarmed or one.due > self._now:
                raise LedgerFault(self.name, index, f"no follow-up for {gallery} is newly overdue")
            one.alarmed = True
            self.passed += 1

    def _known(self, index: int, body: Mapping[str, Any], gallery: str) -> _Emergency:
        one = self._open.get((body["search_id"], gallery))
        if one is None or one.index != body["grant_index"]:
            raise LedgerFault(self.name, index, f"no emergency of {gallery} waits for this")
        return one

    def finish(self) -> None:
        """What is not due yet may come. What is overdue has an alarm, or is a fault."""
        for (search, gallery), one in self._open.items():
            if one.alarmed or self._now < format_time(parse_time(one.due) + ALARM_GRACE):
                continue
            raise LedgerFault(
                self.name,
                one.index,
                f"search {search} of {gallery} was not followed up and no alarm says so",
            )
