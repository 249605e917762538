"""Many single cases as few boxes: sets of words whose every combination is meant."""

from collections.abc import Iterable, Sequence

Box = tuple[frozenset[str], ...]
"""One set of words for each axis; the box holds every combination of them."""


def boxes(cases: Iterable[Sequence[str]], order: Sequence[int]) -> tuple[Box, ...]:
    """Boxes that together hold exactly the cases, each case once. `order`: the axes that are
    merged first come first.

    Two boxes that differ on one axis alone are one box; that is repeated until none are left. It
    is not always the fewest possible, and always exact.
    """
    found: set[Box] = {tuple(frozenset((word,)) for word in case) for case in cases}
    while True:
        before = len(found)
        for axis in order:
            found = _merged(found, axis)
        if len(found) == before:
            return tuple(sorted(found, key=_in_order))


def _merged(found: set[Box], axis: int) -> set[Box]:
    together: dict[tuple[frozenset[str], ...], set[str]] = {}
    for box in found:
        together.setdefault(box[:axis] + box[axis + 1 :], set()).update(box[axis])
    return {(*rest[:axis], frozenset(words), *rest[axis:]) for rest, words in together.items()}


def _in_order(box: Box) -> tuple[list[str], ...]:
    return tuple(sorted(words) for words in box)
