"""An investigator's search, from the upload to sealed candidates.

Nothing of a search in progress is kept but that it was granted. A client that repeats its call,
with the same key and the same probe, gets the same grant and takes the search up where it stopped;
every step of it gives the same answer twice.
"""

from collections.abc import Sequence
from enum import Enum, auto

from onrecord.chassis.throttle import Foreground
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.images import DetectedFace, DetectionRefusal, QualityMeasure, Template
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.states import GalleryState
from onrecord.gateway.custody import Custody
from onrecord.gateway.drawing import ExaminerDraw
from onrecord.gateway.endings import Endings
from onrecord.gateway.fan_out import FanOut, Searched
from onrecord.gateway.foretelling import Foretelling
from onrecord.gateway.limits import Limits
from onrecord.gateway.opening import Opening, SearchCall, SearchOpener
from onrecord.gateway.passing import is_passing
from onrecord.gateway.settling import Settling
from onrecord.gateway.store import CaseworkStore, Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import GalleryStatus, Role, SearchStatus
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.casework import named_candidates
from onrecord.proof.entry import LoggedEntry


class Standing(Enum):
    """How a search stands, of which only the key is known yet."""

    NEW = auto()
    GRANTED = auto()
    """It was granted and has no end: work is left."""
    ENDED = auto()
    """Its answer is there."""


class Searches:
    """The use-case. Everything it touches is injected."""

    def __init__(
        self,
        *,
        opener: SearchOpener,
        detection: FaceDetection,
        embedding: FaceEmbedding,
        foretelling: Foretelling,
        fan_out: FanOut,
        store: CaseworkStore,
        custody: Custody,
        draw: ExaminerDraw,
        endings: Endings,
        settling: Settling,
        foreground: Foreground,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._opener = opener
        self._foreground = foreground
        self._detection = detection
        self._embedding = embedding
        self._foretelling = foretelling
        self._fan_out = fan_out
        self._store = store
        self._custody = custody
        self._draw = draw
        self._endings = endings
        self._settling = settling
        self._limits = limits
        self._reached = reached

    def start(self, call: SearchCall) -> Search:
        """Authorise, look, seal, draw; or take up a search begun before under the same key.

        Raises REQUEST_MALFORMED, FIELD_*, IMAGE_EMPTY, IDEMPOTENCY_CONFLICT, TOKEN_*,
        ROLE_MISSING before anything is written, and *_UNAVAILABLE at any time.
        """
        with self._foreground.call():
            deadline = Deadline.after(self._limits.search_seconds)
            opening = self._opener.open(call, deadline)
            search = opening.search
            if search.status is SearchStatus.PROCESSING:
                search = self._look(opening, call.probe, deadline)
            return self._draw.draw(search)

    def standing(self, caller: Caller, key: str) -> Standing:
        """What the caller's own search under this key is, before anything else of it is read.

        Raises ROLE_MISSING.
        """
        caller.require(Role.REQUESTER)
        agency = caller.claims.agency
        status = self._store.searches.status_of_key(caller.person, agency, key)
        if status is None:
            return Standing.NEW
        return Standing.GRANTED if status is SearchStatus.PROCESSING else Standing.ENDED

    def own(self, caller: Caller, search_id: str) -> Search:
        """A search for the person who asked for it; to anyone else it does not exist."""
        search = self._store.searches.get(search_id)
        # A person who asks for another agency is another party: leads were released to the first.
        if (search.person, search.agency) != (caller.person, caller.claims.agency):
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such search")
        return self._settling.with_entries(self._settling.settle(search))

    def list_own(self, caller: Caller, after: str, limit: int) -> tuple[Search, ...]:
        """A person's own searches, by rising id above `after`."""
        caller.require(Role.REQUESTER)
        agency = caller.claims.agency
        return self._store.searches.of_person(caller.person, agency, after, limit)

    def _look(self, opening: Opening, probe: bytes, deadline: Deadline) -> Search:
        """Everything that follows from a grant. Nothing is told or written before it is kept."""
        search, grant = opening.search, opening.grant
        if self._endings.is_past(search):
            return self._endings.expire(opening.kept())
        pending = [state for state in search.galleries if state.granted and not state.ended]
        if not pending:
            # All were given up before a crash; only the last step was missing.
            return self._end_unsearched(opening.kept(), search.galleries, deadline)
        names = [state.gallery for state in pending]
        foretold = self._foretelling.begin(names, grant, deadline)
        try:
            models = sorted({state.model_id or "" for state in pending})
            found = self._detection.detect(probe, grant, models, deadline)
            if isinstance(found, DetectionRefusal):
                return self._endings.refuse_quality(opening.kept(), found, deadline)
            templates = self._embed(found, grant, deadline)
        except OnRecordError as error:
            search = opening.kept()  # what may be taken up again must be there
            if is_passing(error):
                raise
            return self._endings.fail(search, error, deadline)
        finally:
            foretold.leave()
        search = opening.kept()
        if search.status is not SearchStatus.PROCESSING:
            return search
        outcomes = self._fan_out.search(pending, grant, templates, deadline)
        return self._keep(search, outcomes, probe, found.quality, deadline)

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
        if any(states.in_doubt(state) for state in galleries):
            # Its receipt may come, and then the ledger's list has what this one would lack. A
            # repeat asks all of them again, and each gives its first answer.
            return self._store.searches.note_galleries(search, _unless_searched(search, galleries))
        if not receipts and not all(state.ended for state in galleries):
            # Nobody was reached and the grant lives: a repeat tries again.
            return self._store.searches.note_galleries(search, galleries)
        if not receipts:
            return self._end_unsearched(search, galleries, deadline)
        galleries = self._endings.give_up_unreached(search, galleries, deadline)
        named = named_candidates(receipts)
        sealed = self._custody.seal_search(search.search_id, probe, named)
        tasks = self._draw.tasks(search, sealed, named)
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


def _unless_searched(search: Search, galleries: Sequence[GalleryState]) -> tuple[GalleryState, ...]:
    """As they are now, but for those whose answer is not kept: these are to be asked again."""
    known = {state.gallery: state for state in search.galleries}
    return tuple(
        states.answer_dropped(known[state.gallery])
        if state.status is GalleryStatus.SEARCHED
        else state
        for state in galleries
    )
