"""An investigator's search, from the upload to sealed candidates.

Nothing of a search in progress is kept but that it was granted. A client that repeats its call,
with the same key and the same probe, gets the same grant and takes the search up where it stopped;
every step of it gives the same answer twice.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from onrecord.chassis.throttle import Foreground
from onrecord.contracts.audit import Audit, Authorization, AuthorizeCall
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.images import DetectedFace, DetectionRefusal, QualityMeasure, Template
from onrecord.contracts.request_parsing import parse_request
from onrecord.contracts.requests import SearchRequest
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.documents import read_object
from onrecord.gateway.core.states import GalleryState
from onrecord.gateway.custody import Custody
from onrecord.gateway.drawing import ExaminerDraw
from onrecord.gateway.endings import Endings
from onrecord.gateway.fan_out import FanOut, Searched
from onrecord.gateway.limits import Limits
from onrecord.gateway.passing import is_passing
from onrecord.gateway.store import CaseworkStore, Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, parse_time
from onrecord.kernel.vocabulary import EntryKind, Role, SearchStatus
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import canonical
from onrecord.proof.casework import merge_candidates
from onrecord.proof.entry import LoggedEntry, parse_body


@dataclass(frozen=True, slots=True)
class SearchCall:
    """What `POST /v1/searches` carries: `request` as JSON bytes, `probe` as encoded image."""

    caller: Caller
    idempotency_key: str
    request: bytes = field(repr=False)
    probe: bytes = field(repr=False)


class Searches:
    """The use-case. Everything it touches is injected."""

    def __init__(
        self,
        *,
        audit: Audit,
        detection: FaceDetection,
        embedding: FaceEmbedding,
        fan_out: FanOut,
        store: CaseworkStore,
        custody: Custody,
        draw: ExaminerDraw,
        endings: Endings,
        opener: Executor,
        foreground: Foreground,
        clock: Clock,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._opener = opener
        self._foreground = foreground
        self._audit = audit
        self._detection = detection
        self._embedding = embedding
        self._fan_out = fan_out
        self._store = store
        self._custody = custody
        self._draw = draw
        self._endings = endings
        self._clock = clock
        self._limits = limits
        self._reached = reached

    def start(self, call: SearchCall) -> Search:
        """Authorise, look, seal, draw; or take up a search begun before under the same key.

        Raises REQUEST_MALFORMED, FIELD_*, IMAGE_EMPTY, IDEMPOTENCY_CONFLICT, TOKEN_*,
        ROLE_MISSING before anything is written, and *_UNAVAILABLE at any time.
        """
        with self._foreground.call():
            return self._start(call)

    def _start(self, call: SearchCall) -> Search:
        call.caller.require(Role.REQUESTER)
        document = read_object(call.request, "request")
        request = parse_request(document)
        if not call.probe:
            raise OnRecordError(ErrorCode.IMAGE_EMPTY, "the probe is empty", field="probe")
        probe_sha256 = hashlib.sha256(call.probe).hexdigest()
        digest = canonical.digest({"request": document, "probe_sha256": probe_sha256}).hex()
        deadline = Deadline.after(self._limits.search_seconds)
        authorization = self._authorize(call, document, probe_sha256, deadline)
        self._reached(write_points.SEARCH_AUTHORIZED)
        new = self._new_search(call, request, authorization, probe_sha256, digest)
        if new.status is SearchStatus.PROCESSING and not authorization.replayed:
            # Kept before a plane is asked, and while the face is being found: neither waits.
            opening = self._opener.submit(self._open, new)
            search = self._look(new, authorization.entry, call.probe, deadline, opening.result)
        else:
            search = self._open(new)
            if search.status is SearchStatus.PROCESSING:
                kept = search
                search = self._look(kept, authorization.entry, call.probe, deadline, lambda: kept)
        return self._draw.draw(search)

    def own(self, caller: Caller, search_id: str) -> Search:
        """A search for the person who asked for it; to anyone else it does not exist."""
        search = self._store.searches.get(search_id)
        # A person who asks for another agency is another party: leads were released to the first.
        if (search.person, search.agency) != (caller.person, caller.claims.agency):
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such search")
        return self._endings.with_entries(self._endings.settle(search))

    def list_own(self, caller: Caller, after: str, limit: int) -> tuple[Search, ...]:
        """A person's own searches, by rising id above `after`."""
        caller.require(Role.REQUESTER)
        agency = caller.claims.agency
        return self._store.searches.of_person(caller.person, agency, after, limit)

    def _open(self, new: Search) -> Search:
        search = self._store.searches.open(new)
        if search.request_digest != new.request_digest:
            raise _key_conflict()
        return search

    def _authorize(
        self, call: SearchCall, document: dict[str, Any], probe_sha256: str, deadline: Deadline
    ) -> Authorization:
        asked = AuthorizeCall(
            request=document,
            probe_sha256=probe_sha256,
            user_token=call.caller.token,
            idempotency_key=call.idempotency_key,
            source=call.caller.request_id,
        )
        try:
            return self._audit.authorize(asked, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.IDEMPOTENCY_CONFLICT:
                raise _key_conflict() from error
            raise

    def _new_search(
        self,
        call: SearchCall,
        request: SearchRequest,
        authorization: Authorization,
        probe_sha256: str,
        digest: str,
    ) -> Search:
        body, _, kind = parse_body(authorization.entry.body)
        allowed = kind == EntryKind.REQUEST_GRANTED
        return Search(
            search_id=authorization.search_id,
            person=call.caller.claims.person,
            agency=call.caller.claims.agency,
            client=call.caller.claims.subject,
            case_number=request.case_number,
            idempotency_key=call.idempotency_key,
            request_digest=digest,
            probe_sha256=probe_sha256,
            list_size=int(body["list_size"]),
            status=SearchStatus.PROCESSING if allowed else SearchStatus.REFUSED,
            created_at=self._clock.now(),
            expires_at=parse_time(str(body["expires_at"])) if allowed else None,
            entry=authorization.entry,
            galleries=tuple(
                states.granted(one.gallery, one.policy, one.model_id, one.list_size)
                if one.granted
                else states.refused(one.gallery, one.policy, one.reasons)
                for one in authorization.galleries
            ),
        )

    def _look(
        self,
        search: Search,
        grant: LoggedEntry,
        probe: bytes,
        deadline: Deadline,
        kept: Callable[[], Search],
    ) -> Search:
        """Everything that follows from a grant. `kept` waits until the search is kept."""
        if self._endings.is_past(search):
            return self._endings.expire(self._kept(kept))
        pending = [state for state in search.galleries if state.granted and not state.ended]
        if not pending:
            # All were given up before a crash; only the last step was missing.
            return self._end_unsearched(self._kept(kept), search.galleries, deadline)
        try:
            models = sorted({state.model_id or "" for state in pending})
            found = self._detection.detect(probe, grant, models, deadline)
            if isinstance(found, DetectionRefusal):
                return self._endings.refuse_quality(self._kept(kept), found, deadline)
            templates = self._embed(found, grant, deadline)
        except OnRecordError as error:
            search = self._kept(kept)  # what may be taken up again must be there
            if is_passing(error):
                raise
            return self._endings.fail(search, error, deadline)
        search = self._kept(kept)
        if search.status is not SearchStatus.PROCESSING:
            return search
        outcomes = self._fan_out.search(pending, grant, templates, deadline)
        return self._keep(search, outcomes, probe, found.quality, deadline)

    def _kept(self, kept: Callable[[], Search]) -> Search:
        search = kept()
        self._reached(write_points.SEARCH_OPENED)
        return search

    def _embed(
        self, found: DetectedFace, grant: LoggedEntry, deadline: Deadline
    ) -> dict[str, Template]:
        wanted = [EmbedRequest(crop, grant) for crop in found.crops]
        made = self._embedding.embed(wanted, deadline)
        return {template.model_id: template for template in made}

    def _keep(
        self,
        search: Search,
        outcomes: Sequence[Searched],
        probe: bytes,
        quality: tuple[QualityMeasure, ...],
        deadline: Deadline,
    ) -> Search:
        """Seal what was found, or say why nothing was."""
        receipts = [one.receipt for one in outcomes if one.receipt is not None]
        now = {one.state.gallery: one.state for one in outcomes}
        galleries = tuple(now.get(state.gallery, state) for state in search.galleries)
        if not receipts and not all(state.ended for state in galleries):
            # Nobody was reached and the grant lives: a repeat tries again.
            return self._store.searches.note_galleries(search, galleries)
        if not receipts:
            return self._end_unsearched(search, galleries, deadline)
        galleries = self._endings.give_up_unreached(search, galleries, deadline)
        candidates = merge_candidates(receipts, search.list_size)
        sealed = self._custody.seal_search(search.search_id, probe, candidates)
        tasks = self._draw.tasks(search, sealed, candidates)
        search = self._store.searches.seal(
            search, sealed, galleries=galleries, quality=quality, tasks=tasks
        )
        self._reached(write_points.SEARCH_SEALED)
        if tasks:
            self._reached(write_points.SEARCH_DRAWN)
        return search

    def _end_unsearched(
        self, search: Search, galleries: tuple[GalleryState, ...], deadline: Deadline
    ) -> Search:
        galleries = self._endings.give_up_unreached(search, galleries, deadline)
        return self._store.searches.end(
            search, states.status_when_unsealed(galleries), galleries=galleries
        )


def _key_conflict() -> OnRecordError:
    return OnRecordError(
        ErrorCode.IDEMPOTENCY_CONFLICT,
        "this idempotency key was used for another request or probe",
        field="Idempotency-Key",
    )
