"""Two ordered lists of keys, compared without holding either of them."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """`ours` where only the first list has the key, else only the second."""

    key: str
    ours: bool


def differences(ours: Iterator[str], theirs: Iterator[str]) -> Iterator[Difference]:
    """Keys that stand in one list and not in the other. Both rise strictly."""
    mine, other = next(ours, None), next(theirs, None)
    while True:
        if mine is not None and (other is None or mine < other):
            yield Difference(mine, ours=True)
            mine = next(ours, None)
        elif other is not None and (mine is None or other < mine):
            yield Difference(other, ours=False)
            other = next(theirs, None)
        elif mine is None:
            return
        else:
            mine, other = next(ours, None), next(theirs, None)
