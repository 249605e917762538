"""The receipts of one transaction: drawn up one after the other, stored at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onrecord.chassis.bus.ports import TRACE, Message
from onrecord.chassis.database import take_turn
from onrecord.contracts.events import SearchExecuted
from onrecord.contracts.vector_search import Candidate, GalleryResult
from onrecord.events.messages import message_of
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.grant import GalleryGrant, Grant
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.grants import check_still_running
from onrecord.vector_search.core.statements import made_at, not_before, receipt_body
from onrecord.vector_search.core.values import CandidateRow, Gallery
from onrecord.vector_search.roster import answers, galleries, outbox
from onrecord.vector_search.roster.answers import StoredAnswer
from onrecord.vector_search.service.parts import PlaneParts


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found in one gallery. `trace`: of the call that asks, where it has one."""

    gallery: Gallery
    grant: Grant
    allowed: GalleryGrant
    template_sha256: str
    candidates: tuple[CandidateRow, ...]
    trace: str | None


@dataclass(frozen=True, slots=True)
class _End:
    """The last receipt of a gallery, by its digest, and when it was made."""

    digest: str
    made: datetime


class Receipts:
    """Draws up receipts. Not for several threads at once."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._ends: dict[str, _End] = {}

    def page(self, tx: Connection, found: Sequence[Found]) -> "Page":
        """Every gallery and every grant of these is held until `tx` ends, in one order for all."""
        held = galleries.lock_chains(tx, sorted({one.gallery.jurisdiction for one in found}))
        mandates = sorted({one.grant.mandate for one in found})
        for mandate in mandates:
            # Galleries of one grant are under locks of their own, and must see one template.
            take_turn(tx, mandate)
        given = answers.find_of_mandates(tx, mandates)
        return Page(self._parts, tx, held, given, self._ends)

    def keep(self, page: "Page") -> None:
        """`page` is committed: the next need not read when its receipts were made."""
        self._ends |= page.ends


class Page:
    """What one transaction adds. An answer that is refused adds nothing."""

    def __init__(
        self,
        parts: PlaneParts,
        tx: Connection,
        chains: dict[str, galleries.Chain],
        given: dict[str, dict[str, StoredAnswer]],
        known: dict[str, _End],
    ) -> None:
        self._parts = parts
        self._tx = tx
        self._chains = chains
        self._given = given
        self._known = known
        self.ends: dict[str, _End] = {}
        self._added: list[tuple[Found, StoredAnswer]] = []
        self._messages: list[Message] = []

    def answer(self, found: Found) -> GalleryResult:
        """Raises GRANT_OTHER_PROBE, GRANT_MODEL, GRANT_EXPIRED."""
        name, grant = found.gallery.jurisdiction, found.grant
        given = self._given[grant.mandate]
        answered = same_again(given, name, found.allowed.model_id, found.template_sha256)
        if answered is not None:
            return answered
        chain = self._chains[name]
        # A clock that was set back makes no receipt of a grant that had ended (ADR 31).
        now = not_before(self._last_made(name, chain), self._parts.clock.now())
        check_still_running(grant, now)
        listed = tuple(Candidate(row.candidate_ref, row.similarity) for row in found.candidates)
        held = replace(
            found.gallery,
            live_records=chain.live_records,
            last_sequence=chain.last_sequence,
            last_receipt=chain.last_receipt,
        )
        receipt = self._parts.attestor.attest(
            receipt_body(
                grant, found.allowed, held, listed, template_sha256=found.template_sha256, now=now
            )
        )
        answer = StoredAnswer(
            found.allowed.model_id, found.template_sha256, chain.last_sequence + 1, receipt
        )
        digest = hashlib.sha256(receipt.statement).hexdigest()
        self._chains[name] = replace(chain, last_sequence=answer.sequence, last_receipt=digest)
        self.ends[name] = _End(digest, now)
        given[name] = answer
        self._added.append((found, answer))
        # Of whoever asked, not of whoever writes for all.
        traced = {} if found.trace is None else {TRACE: found.trace}
        self._messages.append(message_of(SearchExecuted(receipt), traced))
        return GalleryResult(name, listed, receipt)

    def store(self) -> None:
        """Receipts, candidates, answers and outbox: no receipt, no result."""
        if not self._added:
            return
        tx, reached = self._tx, self._parts.reached
        answers.add_candidates(tx, [row for found, _ in self._added for row in found.candidates])
        reached(write_points.REFS_STORED)
        answers.add(tx, [_row(found, answer) for found, answer in self._added])
        reached(write_points.ANSWER_STORED)
        galleries.advance(tx, {name: self._chains[name] for name in self.ends})
        reached(write_points.SEQUENCE_ADVANCED)
        outbox.queue(tx, self._messages)
        reached(write_points.RECEIPT_QUEUED)

    def _last_made(self, gallery: str, chain: galleries.Chain) -> datetime | None:
        """When the chain's last receipt was made; read only where another process made it."""
        for end in (self.ends.get(gallery), self._known.get(gallery)):
            if end is not None and end.digest == chain.last_receipt:
                return end.made
        last = galleries.last_receipt(self._tx, gallery, chain)
        return None if last is None else made_at(last)


def same_again(
    answered: dict[str, StoredAnswer], gallery: str, model_id: str, template_sha256: str
) -> GalleryResult | None:
    """What a grant was answered with before; None where this gallery has not been searched.

    `answered` is what every gallery here answered under it. Raises GRANT_OTHER_PROBE if any was
    searched with another template of the same model (R-9).
    """
    for held in answered.values():
        if held.model_id == model_id and held.template_sha256 != template_sha256:
            raise OnRecordError(
                ErrorCode.GRANT_OTHER_PROBE,
                "under this grant a gallery was searched with another template",
            )
    own = answered.get(gallery)
    if own is None:
        return None
    if own.model_id != model_id:
        raise OnRecordError(ErrorCode.GRANT_MODEL, f"under this grant {gallery} has another model")
    return GalleryResult(gallery, own.candidates, own.receipt)


def _row(found: Found, answer: StoredAnswer) -> answers.AnswerRow:
    grant = found.grant
    return answers.AnswerRow(
        found.gallery.jurisdiction, grant.mandate, grant.search_id, grant.index, answer
    )
