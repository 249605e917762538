"""What is released to the person who asked: at most two leads, with everything R-16 demands."""

import logging
from collections.abc import Mapping
from typing import Any

from onrecord.contracts.audit import Audit, ReleaseOutcome
from onrecord.contracts.vector_search import Lead
from onrecord.gateway.callers import Caller
from onrecord.gateway.core.views import GalleryView, LeadReport, LeadView
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.presentation import gallery_view, quality_view
from onrecord.gateway.searches import Searches
from onrecord.gateway.store import Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import (
    LEAD_STAMP,
    MAX_LEADS,
    UNCALIBRATED,
    UNWITNESSED_STAMP,
    SearchStatus,
)
from onrecord.proof.checkpoint import parse_checkpoint
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import parse_note
from onrecord.proof.release import ReleaseProof

_log = logging.getLogger(__name__)


class Leads:
    """Unsealed afresh each time against the proof; the gateway keeps no `record_id`."""

    def __init__(
        self, *, audit: Audit, planes: PlaneDirectory, searches: Searches, limits: Limits
    ) -> None:
        self._audit = audit
        self._planes = planes
        self._searches = searches
        self._limits = limits

    def of(self, caller: Caller, search_id: str) -> LeadReport:
        """Raises NOT_FOUND for anyone but the requester, SEARCH_STATE unless it is released."""
        search = self._searches.own(caller, search_id)
        if search.status is not SearchStatus.RELEASED:
            raise OnRecordError(
                ErrorCode.SEARCH_STATE, f"there are no leads: this search is {search.status}"
            )
        deadline = Deadline.after(self._limits.call_seconds)
        outcome = self._audit.release(search_id, deadline)
        if outcome.proof is None:
            raise OnRecordError(
                ErrorCode.RELEASE_NOT_SUPPORTED, "the ledger shows no release of this search"
            )
        leads = self._unseal(outcome.proof, caller.token, deadline)
        witnessed = self._is_witnessed(outcome.entry.index, deadline)
        return _report(search, outcome, leads, witnessed)

    def _is_witnessed(self, index: int, deadline: Deadline) -> bool:
        """Whether a quorum has cosigned a checkpoint that covers this entry, by now."""
        try:
            note = self._audit.witnessed_checkpoint(deadline)
            return index < parse_checkpoint(parse_note(note)[0]).size
        except OnRecordError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                _log.warning("whether a lead is witnessed is not known: %s", error.message)
            return False

    def _unseal(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        released, _, _ = parse_body(proof.release.body)
        galleries = sorted({str(one["gallery"]) for one in released["leads"]})
        # One plane may hold several of them and answers for all of its own at once.
        planes = {
            id(plane): plane for plane in (self._planes.of(name, deadline) for name in galleries)
        }
        leads = [
            lead for plane in planes.values() for lead in plane.unseal(proof, user_token, deadline)
        ]
        if not 1 <= len(leads) <= MAX_LEADS:
            raise OnRecordError(
                ErrorCode.RELEASE_NOT_SUPPORTED, f"a release has 1 to {MAX_LEADS} leads"
            )
        return tuple(sorted(leads, key=lambda lead: (-lead.similarity, lead.candidate_ref)))


def _report(
    search: Search, outcome: ReleaseOutcome, leads: tuple[Lead, ...], witnessed: bool
) -> LeadReport:
    body, _, _ = parse_body(outcome.entry.body)
    galleries = [gallery_view(state) for state in search.galleries]
    return LeadReport(
        search_id=search.search_id,
        case_number=search.case_number,
        stamps=_stamps(body, witnessed),
        leads=[
            LeadView(lead.gallery, lead.record_id, lead.candidate_ref, lead.similarity)
            for lead in leads
        ],
        reason=outcome.reason,
        probe_sha256=search.probe_sha256,
        probe_quality=[quality_view(measure) for measure in search.quality],
        models=_models(galleries),
        galleries=galleries,
        threshold=UNCALIBRATED,
        entry_index=outcome.entry.index,
    )


def _stamps(release: Mapping[str, Any], witnessed: bool) -> list[str]:
    """The stamps of the release's entry. The first is never left off, whatever stands there.

    Nobody can have witnessed an entry while it is written, so that every one says UNWITNESSED.
    """
    ours = (LEAD_STAMP, UNWITNESSED_STAMP)
    others = [str(one) for one in release.get("stamps", ()) if one not in ours]
    return [LEAD_STAMP, *([] if witnessed else [UNWITNESSED_STAMP]), *others]


def _models(galleries: list[GalleryView]) -> list[str]:
    return sorted({one.model_id for one in galleries if one.model_id is not None})
