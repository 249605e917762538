"""What each examiner has looked at: remembered, so that a decision can be held to it (R-14)."""

from collections.abc import Mapping, Sequence
from typing import Final

from onrecord.audit.core.draft import Books, Mark, Remember
from onrecord.contracts.audit import CandidateDecision
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.casework import MergedCandidate

PROBE: Final[Mapping[str, str]] = {"what": "probe"}


def candidate_target(one: MergedCandidate) -> dict[str, str]:
    """A candidate as `look.granted` names it."""
    return {"what": "candidate", "gallery": one.gallery, "candidate_ref": one.candidate_ref}


def remember_look(
    search_id: str, person: str, target: Mapping[str, str], books: Books
) -> tuple[Mark, ...]:
    """A mark where this is the person's first look at the target: later ones add nothing."""
    marker = _marker(search_id, person, target)
    return () if books.remembered(marker) is not None else (Remember(marker),)


def require_looks(
    search_id: str,
    person: str,
    decisions: Sequence[CandidateDecision],
    listed: Sequence[MergedCandidate],
    books: Books,
) -> None:
    """Raises DECISION_INCOMPLETE unless the person looked at the probe and at every candidate.

    `decisions` are about exactly the candidates that are `listed`.
    """

    def looked(target: Mapping[str, str]) -> bool:
        return books.remembered(_marker(search_id, person, target)) is not None

    if not looked(PROBE):
        raise _unseen("the probe", "probe")
    numbers = {one.candidate_ref: number for number, one in enumerate(decisions)}
    for one in sorted(listed, key=lambda one: numbers[one.candidate_ref]):
        if not looked(candidate_target(one)):
            field = f"decisions[{numbers[one.candidate_ref]}].candidate_ref"
            raise _unseen(f"candidate {one.candidate_ref}", field)


def _marker(search_id: str, person: str, target: Mapping[str, str]) -> str:
    # A digest: as long whatever the names are, and the table names no person.
    return "look:" + canonical.digest([search_id, person, dict(target)]).hex()


def _unseen(what: str, field: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.DECISION_INCOMPLETE,
        f"you have not looked at {what}: nobody decides on what they have not seen",
        field=field,
    )
