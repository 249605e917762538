"""Delete means gone (law 9). The record's id passes through and is not kept."""

from onrecord.contracts.enrolment import Deletion, GalleryCheck
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Role
from onrecord.kernel.writepoints import WritePoint


class Deletions:
    """Custodians delete; custodians and operators have the gallery compared with its roster."""

    def __init__(self, *, planes: PlaneDirectory, limits: Limits, reached: WritePoint) -> None:
        self._planes = planes
        self._limits = limits
        self._reached = reached

    def delete(self, caller: Caller, gallery: str, record_id: str) -> Deletion:
        """The receipt; a repeat gives the same. Raises NOT_FOUND for what never was."""
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        deadline = Deadline.after(self._limits.search_seconds)
        plane = self._planes.of(gallery, deadline)
        receipt = plane.delete_record(gallery, record_id, caller.token, deadline)
        self._reached(write_points.RECORD_DELETED)
        return receipt

    def receipt(self, caller: Caller, gallery: str, record_id: str) -> Deletion:
        """As it stands, with what has come true since. Raises NOT_FOUND."""
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        deadline = Deadline.after(self._limits.call_seconds)
        return self._planes.of(gallery, deadline).deletion(
            gallery, record_id, caller.token, deadline
        )

    def check(
        self, caller: Caller, gallery: str, *, repair: bool, remove_unknown: int | None = None
    ) -> GalleryCheck:
        """Whether roster, index and vault agree (R-48); made to agree where that is asked.

        `remove_unknown`: destroy the sealed portraits of no known enrolment, of which there must be
        so many; a custodian's act, which is an entry. Raises ROLE_MISSING, FIELD_INVALID.
        """
        parse_jurisdiction(gallery, "gallery")
        if Role.OPERATOR not in caller.claims.roles or remove_unknown is not None:
            caller.require_custodian(gallery)
        deadline = Deadline.after(self._limits.check_seconds)
        return self._planes.of(gallery, deadline).check_gallery(
            gallery, repair, caller.token, remove_unknown, deadline
        )
