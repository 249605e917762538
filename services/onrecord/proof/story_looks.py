"""The law that nobody decides on a face they have not looked at (law 6, R-14)."""

from collections.abc import Mapping
from typing import Any

from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.checks import LedgerFault
from onrecord.proof.shelf import Shelf

_Face = tuple[str, str]
_PROBE: _Face = ("", "")
"""A gallery and a reference in it; the probe is in none."""
_OVER = (EntryKind.LEAD_RELEASED, EntryKind.SEARCH_CLOSED)


class DecisionsFollowLooks:
    """Whoever decides has looked before: at the probe, and at each candidate decided on."""

    name = "every decision follows a look at the probe and at each candidate"

    def __init__(self, shelf: Shelf) -> None:
        self.passed = 0
        # Of each search: the candidates that were found, and the faces that each person has seen.
        self._searches = shelf

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        kind = body["kind"]
        if kind == EntryKind.SEARCH_EXECUTED:
            memory = self._memory(body)
            gallery = body["gallery"]
            memory["found"] += [[gallery, one["ref"]] for one in body["receipt"]["candidates"]]
            self._searches.put(body["search_id"], memory)
        elif kind == EntryKind.LOOK_GRANTED:
            memory = self._memory(body)
            seen = memory["seen"].setdefault(body["by"]["person"], [])
            face = [*_face(body["target"])]
            if face not in seen:
                seen.append(face)
                self._searches.put(body["search_id"], memory)
        elif kind == EntryKind.EXAMINATION_DECIDED:
            self._check(index, body)
        elif kind in _OVER:
            self._searches.drop(body["search_id"])

    def _memory(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._searches.get(body["search_id"]) or {"found": [], "seen": {}}

    def _check(self, index: int, body: Mapping[str, Any]) -> None:
        memory = self._memory(body)
        seen = {(gallery, ref) for gallery, ref in memory["seen"].get(body["by"]["person"], ())}
        if _PROBE not in seen:
            raise LedgerFault(self.name, index, "decided without a look at the probe")
        found: dict[str, set[_Face]] = {}
        for gallery, ref in memory["found"]:
            found.setdefault(ref, set()).add((gallery, ref))
        for one in body["decisions"]:
            ref = one["candidate_ref"]
            if not found.get(ref) or not found[ref] <= seen:
                raise LedgerFault(self.name, index, f"decided without a look at candidate {ref}")
        self.passed += 1

    def finish(self) -> None:
        """Looks without a decision are no fault: an examiner may never come to one."""


def _face(target: Mapping[str, Any]) -> _Face:
    if target["what"] == "probe":
        return _PROBE
    return target["gallery"], target["candidate_ref"]
