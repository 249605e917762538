"""The law that nobody decides on a face they have not looked at (law 6, R-14)."""

from collections.abc import Mapping
from typing import Any

from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.checks import LedgerFault

_Face = tuple[str, str]
_PROBE: _Face = ("", "")
"""A gallery and a reference in it; the probe is in none."""


class DecisionsFollowLooks:
    """Whoever decides has looked before: at the probe, and at each candidate decided on."""

    name = "every decision follows a look at the probe and at each candidate"

    def __init__(self) -> None:
        self.passed = 0
        self._galleries: dict[tuple[str, str], set[str]] = {}
        self._seen: dict[tuple[str, str], set[_Face]] = {}

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        kind = body["kind"]
        if kind == EntryKind.SEARCH_EXECUTED:
            for one in body["receipt"]["candidates"]:
                at = (body["search_id"], one["ref"])
                self._galleries.setdefault(at, set()).add(body["gallery"])
        elif kind == EntryKind.LOOK_GRANTED:
            at = (body["search_id"], body["by"]["person"])
            self._seen.setdefault(at, set()).add(_face(body["target"]))
        elif kind == EntryKind.EXAMINATION_DECIDED:
            self._check(index, body)

    def _check(self, index: int, body: Mapping[str, Any]) -> None:
        search_id = body["search_id"]
        seen = self._seen.get((search_id, body["by"]["person"]), set())
        if _PROBE not in seen:
            raise LedgerFault(self.name, index, "decided without a look at the probe")
        for one in body["decisions"]:
            ref = one["candidate_ref"]
            faces = {(gallery, ref) for gallery in self._galleries.get((search_id, ref), ())}
            if not faces or not faces <= seen:
                raise LedgerFault(self.name, index, f"decided without a look at candidate {ref}")
        self.passed += 1

    def finish(self) -> None:
        """Looks without a decision are no fault: an examiner may never come to one."""


def _face(target: Mapping[str, Any]) -> _Face:
    if target["what"] == "probe":
        return _PROBE
    return target["gallery"], target["candidate_ref"]
