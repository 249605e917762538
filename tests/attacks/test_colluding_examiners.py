"""Attacker: examiners, with their own tokens and nobody else's. R-15."""

import pytest

from onrecord.contracts.vector_search import GalleryResult
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Conclusion
from tests.attacks.conftest import Refused, entries
from tests.builders.joined import Joined
from tests.builders.plane import record_name


def test_not_stopped_two_who_agree_on_a_wrong_face(joined: Joined) -> None:
    """The attack succeeds: the lead names somebody else. Who said so stands in the ledger."""
    granted, found = joined.searched(1)
    wrong = found.candidates[-1].candidate_ref
    joined.examine(granted.search_id, found, wrong, "berg", "cole")
    outcome = joined.release(granted.search_id)
    (lead,) = joined.unseal(outcome)
    assert lead.record_id != record_name(1)
    released = entries(joined.audit)[outcome.entry.index]
    assert released["stamps"][0] == "INVESTIGATIVE LEAD ONLY"
    decided = [one for one in entries(joined.audit) if one["kind"] == "examination.decided"]
    assert {one["by"]["person"] for one in decided} == {"berg", "cole"}


def test_one_alone_releases_nothing(joined: Joined, refused: Refused) -> None:
    """Not once, not under a second task, and not with the requester's help."""
    granted, found = joined.searched(1)
    best = found.candidates[0].candidate_ref
    joined.examine(granted.search_id, found, best, "berg")
    with pytest.raises(OnRecordError):
        joined.audit.decide("berg", granted.search_id, _all(found, best), task_id="task-2")
    refused(
        ErrorCode.EXAMINER_CONFLICT,
        lambda: joined.audit.decide("olsen", granted.search_id, _all(found, best)),
    )
    refused(ErrorCode.SEARCH_STATE, lambda: joined.release(granted.search_id))


def test_one_against_the_other_ends_without_a_lead(joined: Joined) -> None:
    """One honest examiner is enough to stop a false lead."""
    granted, found = joined.searched(1)
    wrong, best = found.candidates[-1].candidate_ref, found.candidates[0].candidate_ref
    joined.examine(granted.search_id, found, wrong, "berg")
    joined.examine(granted.search_id, found, best, "cole")
    assert joined.release(granted.search_id).proof is None


def _all(found: GalleryResult, same: str) -> dict[str, Conclusion]:
    return {
        one.candidate_ref: Conclusion.SUPPORTS_SAME
        if one.candidate_ref == same
        else Conclusion.SUPPORTS_DIFFERENT
        for one in found.candidates
    }
