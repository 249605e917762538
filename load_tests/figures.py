"""Rank-1 and TAR at a FAR, from the lists that searches gave.

ISO/IEC 19795-1: a true accept is a probe whose own record scores above the threshold; the false
accept rate counts, over every probe and every record of somebody else, those above it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

FAR = 1e-3


@dataclass(frozen=True, slots=True)
class Listed:
    """What one probe was answered: (person, similarity), the best first.

    `person` is whose face the probe is. `below`: no record that is not listed is more alike than
    this; minus infinity where every record is listed.
    """

    probe: str
    person: str
    candidates: tuple[tuple[str, float], ...] = field(repr=False)
    below: float

    def among(self, people: frozenset[str]) -> "Listed":
        """The same list with the records of other people left out."""
        kept = tuple(one for one in self.candidates if one[0] in people)
        return Listed(self.probe, self.person, kept, self.below)


@dataclass(frozen=True, slots=True)
class Figures:
    """`threshold` is the highest similarity that is not accepted at FAR.

    `exact`: nothing that no list shows can lie above the threshold.
    """

    mated: int
    rank_1: float
    impostor_pairs: int
    threshold: float
    tar: float
    exact: bool


def figures(lists: Sequence[Listed], gallery: frozenset[str]) -> Figures:
    """Lists are of probes whose person is in `gallery` (one record a person) and of others."""
    lists = [one.among(gallery) for one in lists]
    mated = [one for one in lists if one.person in gallery]
    first = sum(1 for one in mated if one.candidates and one.candidates[0][0] == one.person)
    pairs = len(lists) * len(gallery) - len(mated)
    strangers = sorted(
        (alike for one in lists for person, alike in one.candidates if person != one.person),
        reverse=True,
    )
    threshold = strangers[math.floor(FAR * pairs)]
    own = [dict(one.candidates).get(one.person, -math.inf) for one in mated]
    return Figures(
        mated=len(mated),
        rank_1=first / len(mated),
        impostor_pairs=pairs,
        threshold=threshold,
        tar=sum(1 for alike in own if alike > threshold) / len(mated),
        exact=all(one.below <= threshold for one in lists),
    )


def misses(lists: Sequence[Listed], gallery: frozenset[str]) -> frozenset[str]:
    """Mated probes whose own record did not come first."""
    shown = [one.among(gallery) for one in lists if one.person in gallery]
    return frozenset(
        one.probe for one in shown if not one.candidates or one.candidates[0][0] != one.person
    )
