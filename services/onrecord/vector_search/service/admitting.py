"""What must be shown before a gallery is looked at (law 2). What galleries of one call have in
common is verified once; each is admitted or refused for itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from onrecord.chassis.database import read_transaction
from onrecord.contracts.images import Template, Vector
from onrecord.contracts.vector_search import GalleryResult, PlaneSearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import statements
from onrecord.proof.checkpoint import SignedCheckpoint
from onrecord.proof.grant import GalleryGrant, Grant, GrantReader
from onrecord.vector_search.core.grants import check_grant, check_made_under, check_still_running
from onrecord.vector_search.core.templates import check_template
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import answers, galleries, ledger
from onrecord.vector_search.roster.answers import StoredAnswer
from onrecord.vector_search.service.batch import same_again
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.trust import LedgerTrust

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A gallery that may be looked at, with what, and for how long a list."""

    gallery: Gallery
    allowed: GalleryGrant
    template_sha256: str
    vector: Vector


class Admissions:
    """Opens the calls of searches."""

    def __init__(self, parts: PlaneParts, ledger: LedgerTrust, grants: GrantReader) -> None:
        self._parts = parts
        self._ledger = ledger
        self._grants = grants

    def open(self, search: PlaneSearch, deadline: Deadline) -> "OpenedCall":
        """Raises GRANT_MALFORMED, GRANT_NOT_IN_LEDGER, GRANT_CHECKPOINT_INVALID and, for a gallery
        that is named twice, REQUEST_MALFORMED.
        """
        names = search.galleries
        if len(set(names)) != len(names):
            raise OnRecordError(ErrorCode.REQUEST_MALFORMED, "a gallery is named twice")
        grant = self._grants.read(search.grant)
        seen = SignedCheckpoint(search.grant.checkpoint, grant.entry.checkpoint)
        with read_transaction(self._parts.roster) as tx:
            known = galleries.find_named(tx, names)
            answered = answers.find_of_mandate(tx, grant.mandate)
            kept = ledger.highest(tx, seen.checkpoint.origin)
        follow = _Once(lambda: self._ledger.follow(seen, kept, deadline))
        return OpenedCall(self._parts, grant, known, answered, follow)


class OpenedCall:
    """One call with a grant that the ledger holds. Not for several threads."""

    def __init__(
        self,
        parts: PlaneParts,
        grant: Grant,
        known: Mapping[str, Gallery],
        answered: dict[str, StoredAnswer],
        follow: "_Once[None]",
    ) -> None:
        self.grant = grant
        self._parts = parts
        self._known = known
        self._answered = answered
        self._follow = follow
        self._chains: dict[int, _Once[None]] = {}

    def admit(self, name: str, template: Template) -> Admitted | GalleryResult:
        """Leave to look, or what the gallery answered under this grant before.

        Raises GALLERY_UNKNOWN, GRANT_*, LEDGER_*, ATTESTATION_INVALID, MODEL_MISMATCH and
        TEMPLATE_INVALID.
        """
        gallery = self._known.get(name)
        if gallery is None:
            raise OnRecordError(
                ErrorCode.GALLERY_UNKNOWN, "this plane holds no such gallery", field="gallery"
            )
        grant, now = self.grant, self._parts.clock.now()
        digest = template.sha256
        again = same_again(self._answered, name, template.model_id, digest)
        if again is not None:
            check_still_running(grant, now)
            return again
        allowed = check_grant(grant, gallery, template.model_id, now)
        self._follow()
        self._chain(template, digest)()
        vector = check_template(template, gallery.space)
        return Admitted(gallery, allowed, digest, vector)

    def _chain(self, template: Template, digest: str) -> "_Once[None]":
        """From the granted probe to this template, verified for all of its galleries at once."""
        once = self._chains.get(id(template))
        if once is None:
            once = self._chains[id(template)] = _Once(lambda: self._verify(template, digest))
        return once

    def _verify(self, template: Template, digest: str) -> None:
        statements.verify_template(
            self._parts.verifier,
            template.detected,
            template.embedded,
            mandate=self.grant.mandate,
            image=self.grant.probe_sha256,
            template=digest,
            model_id=template.model_id,
        )
        check_made_under(self.grant, template, self._parts.clock.now())


@dataclass(slots=True)
class _Once(Generic[_V]):
    """Done when it is first asked for; whoever asks again has the same answer, or the same error.

    What is down is asked once a call, and not by each of its galleries in turn.
    """

    act: Callable[[], _V]
    done: list[_V] = field(default_factory=list)
    error: OnRecordError | None = None

    def __call__(self) -> _V:
        if self.error is not None:
            raise self.error
        if not self.done:
            try:
                self.done.append(self.act())
            except OnRecordError as error:
                self.error = error
                raise
        return self.done[0]
