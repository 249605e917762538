"""Who examines, and in what order they see the candidates (R-15). Chance is injected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EXAMINERS_PER_SEARCH


@dataclass(frozen=True, slots=True)
class Examiner:
    """Someone in the pool, by the agency-issued claim that is the same for all their accounts."""

    person: str
    agency: str
    training_completed: date


def check_training(completed: date | None, today: date) -> date:
    """The date, if it counts (R-12). Raises TRAINING_MISSING, or TRAINING_EXPIRED after a year."""
    if completed is None:
        raise OnRecordError(
            ErrorCode.TRAINING_MISSING, "examiners must have completed their training"
        )
    if not is_trained(completed, today):
        raise OnRecordError(
            ErrorCode.TRAINING_EXPIRED, "the training was completed more than 12 months ago"
        )
    return completed


def is_trained(completed: date, today: date) -> bool:
    """Whether twelve months have not passed. A leap day's year ends with February."""
    try:
        until = completed.replace(year=completed.year + 1)
    except ValueError:
        until = completed.replace(year=completed.year + 1, day=28)
    return today <= until


def qualified(pool: Iterable[Examiner], today: date, excluded: frozenset[str]) -> list[Examiner]:
    """Those who may examine: trained, and neither the requester nor known to the case."""
    return sorted(
        (
            examiner
            for examiner in pool
            if examiner.person not in excluded and is_trained(examiner.training_completed, today)
        ),
        key=lambda examiner: examiner.person,
    )


def draw_examiners(eligible: Sequence[Examiner], chance: Random) -> tuple[Examiner, ...] | None:
    """Two of them, each pair equally likely and in either order; None where there are not two."""
    if len(eligible) < EXAMINERS_PER_SEARCH:
        return None
    return tuple(chance.sample(list(eligible), EXAMINERS_PER_SEARCH))


def shuffled(candidate_refs: Sequence[str], chance: Random) -> tuple[str, ...]:
    """The candidates in an order that says nothing about their similarity."""
    order = list(candidate_refs)
    chance.shuffle(order)
    return tuple(order)
