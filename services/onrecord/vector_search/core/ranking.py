"""From what the index found to what a search returns (the roster is truth)."""

from collections.abc import Iterable, Mapping, Sequence

from onrecord.vector_search.core.values import IndexHit, RankedRecord

MILLION = 1_000_000
FETCH_CEILING = 16_384
"""The most that Milvus gives for one query."""
_SPARE = 6
_GROWTH = 4


def to_millionths(similarity: float) -> int:
    """Similarity in [-1, 1] as the ledger writes it; the nearest millionth, halves to even."""
    return round(max(-1.0, min(1.0, similarity)) * MILLION)


def first_fetch(list_size: int) -> int:
    """How many hits to ask for at first: a few may be duplicates or no longer live.

    Each costs some 30 µs, and asking again is rare: what is gone is soon deleted from the index.
    """
    return min(FETCH_CEILING, list_size + _SPARE)


def next_fetch(asked: int) -> int | None:
    """How many to ask for after `asked` were not enough; None at the ceiling."""
    return None if asked >= FETCH_CEILING else min(FETCH_CEILING, asked * _GROWTH)


def distinct(hits: Iterable[IndexHit]) -> list[IndexHit]:
    """Each key once, at its best, best first; ties by key, so that order is not chance."""
    best: dict[str, IndexHit] = {}
    for hit in hits:
        held = best.get(hit.key)
        if held is None or hit.similarity > held.similarity:
            best[hit.key] = hit
    return sorted(best.values(), key=lambda hit: (-hit.similarity, hit.key))


def rank_live(
    hits: Sequence[IndexHit], live: Mapping[str, str], list_size: int
) -> tuple[RankedRecord, ...]:
    """The `list_size` best of `hits` (distinct, best first) that are live.

    `live` maps an index key to the enrolment whose roster row is live; every other key is a ghost
    of a deleted or unfinished generation, and is dropped.
    """
    found = [
        RankedRecord(live[hit.key], hit.key, to_millionths(hit.similarity))
        for hit in hits
        if hit.key in live
    ]
    return tuple(found[:list_size])
