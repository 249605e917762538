"""What follows from the entries of a search: the merged list, and whether a lead is released.

Pure arithmetic on entry bodies, so that audit, the plane, a court and the defence all derive the
same answer from the same ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EXAMINERS_PER_SEARCH, MAX_LEADS, Conclusion


@dataclass(frozen=True, slots=True)
class MergedCandidate:
    """One place in the merged list. `similarity` in millionths, from -1,000,000 to 1,000,000."""

    gallery: str
    candidate_ref: str
    model_id: str
    similarity: int


def merge_candidates(
    receipts: Sequence[Mapping[str, Any]], list_size: int
) -> tuple[MergedCandidate, ...]:
    """Merge what the galleries' receipts name into one list of at most `list_size` (R-13)."""
    return merge_named(named_candidates(receipts), list_size)


def named_candidates(receipts: Sequence[Mapping[str, Any]]) -> tuple[MergedCandidate, ...]:
    """Everybody whom the receipts name, as they stand there."""
    return tuple(
        MergedCandidate(
            str(receipt["gallery"]),
            str(one["ref"]),
            str(receipt["model_id"]),
            int(one["similarity"]),
        )
        for receipt in receipts
        for one in receipt["candidates"]
    )


def merge_named(named: Sequence[MergedCandidate], list_size: int) -> tuple[MergedCandidate, ...]:
    """One list of at most `list_size`.

    Templates of two models are never compared: within a model, candidates stand by similarity;
    across models the lists take turns, best first, and the result stays grouped by model.
    """
    by_model: dict[str, list[MergedCandidate]] = {}
    for one in named:
        by_model.setdefault(one.model_id, []).append(one)
    lists = [
        sorted(by_model[model], key=lambda c: (-c.similarity, c.candidate_ref))
        for model in sorted(by_model)
    ]
    taken = [0] * len(lists)
    while sum(taken) < list_size:
        before = sum(taken)
        for number, ranked in enumerate(lists):
            if taken[number] < len(ranked) and sum(taken) < list_size:
                taken[number] += 1
        if sum(taken) == before:
            break
    return tuple(
        candidate
        for ranked, count in zip(lists, taken, strict=True)
        for candidate in ranked[:count]
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the examinations amount to: no leads, or one or two; `reason` says why."""

    leads: tuple[MergedCandidate, ...]
    reason: str


NOTHING_FOUND = "no gallery returned a candidate"
AGREED = "both examiners support the same candidate"
NOT_SUPPORTED = "no candidate is supported by both examiners"
OPPOSED = "the examiners reached opposite conclusions on one candidate"
TOO_MANY = "more candidates were supported than can be one person"


def derive_outcome(
    candidates: Sequence[MergedCandidate],
    decisions: Sequence[Mapping[str, Any]],
    *,
    requester: str,
) -> Outcome:
    """Derive the release from the examination entries' bodies (R-15).

    Raises RELEASE_NOT_SUPPORTED when there are not two complete decisions by two people, neither
    of whom is the requester, or two candidates bear one name: then nothing may be released and
    nothing may be closed as examined.
    An empty list takes two examiners like any other: closed at once, it would tell the requester
    at once that nobody in those galleries is alike.
    """
    persons = [str(decision["by"]["person"]) for decision in decisions]
    if len(decisions) != EXAMINERS_PER_SEARCH or len(set(persons)) != EXAMINERS_PER_SEARCH:
        raise _unsupported("it takes two decisions by two different people")
    if requester in persons:
        raise _unsupported("the requester has examined their own search")
    wanted = {candidate.candidate_ref for candidate in candidates}
    if len(wanted) != len(candidates):  # a decision on it would say nothing of whom it is about
        raise _unsupported("two candidates bear one name")
    verdicts = [_conclusions(decision) for decision in decisions]
    if any(set(verdict) != wanted for verdict in verdicts):
        raise _unsupported("a decision does not cover exactly the candidates")
    if not candidates:
        return Outcome((), NOTHING_FOUND)
    return _weigh(candidates, verdicts[0], verdicts[1])


def _weigh(
    candidates: Sequence[MergedCandidate],
    first: Mapping[str, Conclusion],
    second: Mapping[str, Conclusion],
) -> Outcome:
    opposite = {Conclusion.SUPPORTS_SAME, Conclusion.SUPPORTS_DIFFERENT}
    both = []
    supported = 0
    for candidate in candidates:
        pair = {first[candidate.candidate_ref], second[candidate.candidate_ref]}
        if pair == opposite:
            return Outcome((), OPPOSED)
        if Conclusion.SUPPORTS_SAME in pair:
            supported += 1
        if pair == {Conclusion.SUPPORTS_SAME}:
            both.append(candidate)
    # Anyone's support counts here: three people cannot all be the one in the probe, so an
    # examiner who supports three is telling us that this probe does not separate people.
    if supported > MAX_LEADS:
        return Outcome((), TOO_MANY)
    if not both:
        return Outcome((), NOT_SUPPORTED)
    return Outcome(tuple(both), AGREED)


def _conclusions(decision: Mapping[str, Any]) -> dict[str, Conclusion]:
    try:
        rows = [
            (str(one["candidate_ref"]), Conclusion(one["conclusion"]))
            for one in decision["decisions"]
        ]
    except (KeyError, ValueError) as error:
        raise _unsupported("a decision cannot be read") from error
    by_candidate = dict(rows)
    if len(by_candidate) != len(rows):  # which of the two was meant is nobody's to choose
        raise _unsupported("a decision stands twice on one candidate")
    return by_candidate


def _unsupported(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.RELEASE_NOT_SUPPORTED, f"no release follows: {why}")
