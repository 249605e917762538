"""Which plane holds which gallery."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType

from onrecord.contracts.vector_search import GalleryInfo, Plane
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_LISTING_SECONDS = 3.0
"""How long one plane may take to say what it holds: the next must be asked as well."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A plane that could not be asked, by the name its operator gave it, and why."""

    plane: str
    error: OnRecordError


@dataclass(frozen=True, slots=True)
class Survey:
    """Every gallery of the planes that answered, by name, and the planes that did not (law 8)."""

    galleries: tuple[GalleryInfo, ...]
    unreachable: tuple[Unreachable, ...]


class PlaneDirectory:
    """Asks the planes once for their galleries, and again for one it does not know.

    A plane that cannot be asked hides nothing: a gallery that no reachable plane holds is
    PLANE_UNAVAILABLE while some plane is out of reach, and GALLERY_UNKNOWN only when all answered.
    `planes` by name, the first of them for new galleries; `homes`: which go to another.
    """

    def __init__(
        self, planes: Mapping[str, Plane], homes: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        if not planes:
            raise ValueError("a gateway needs at least one plane")
        unknown = set(homes.values()) - set(planes)
        if unknown:
            raise ValueError(f"there is no plane {', '.join(sorted(unknown))}")
        self._planes = dict(planes)
        self._homes = dict(homes)
        self._known: dict[str, Plane] = {}
        self._lock = Lock()

    def home(self, gallery: str, named: str | None = None) -> tuple[str, Plane]:
        """Where a new gallery goes: to the plane that is named, its state's own, or the first.

        Raises FIELD_INVALID for a name that no plane has.
        """
        name = named or self._homes.get(gallery) or next(iter(self._planes))
        plane = self._planes.get(name)
        if plane is None:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, f"there is no plane {name[:80]!r}", field="plane"
            )
        return name, plane

    def of(self, gallery: str, deadline: Deadline) -> Plane:
        """Raises GALLERY_UNKNOWN or PLANE_UNAVAILABLE."""
        held = self.known((gallery,))
        if not held:
            held, missing = self.find((gallery,), deadline)
            for error in missing.values():
                raise error
        return held[gallery]

    def known(self, galleries: Iterable[str]) -> dict[str, Plane]:
        """Those of these galleries whose plane is known, each with its plane. Asks nobody."""
        return {name: self._known[name] for name in galleries if name in self._known}

    def find(
        self, galleries: Sequence[str], deadline: Deadline
    ) -> tuple[dict[str, Plane], dict[str, OnRecordError]]:
        """Ask the planes once for all of these: each with its plane, or with why it has none."""
        unreachable = self.survey(deadline).unreachable
        held = self.known(galleries)
        missing = {
            name: unreachable[0].error if unreachable else _unknown(name)
            for name in galleries
            if name not in held
        }
        return held, missing

    def info(self, gallery: str, deadline: Deadline) -> GalleryInfo:
        """What its plane says of it. Raises GALLERY_UNKNOWN or PLANE_UNAVAILABLE."""
        for one in self.of(gallery, deadline).galleries(deadline):
            if one.jurisdiction == gallery:
                return one
        raise _unknown(gallery)

    def survey(self, deadline: Deadline) -> Survey:
        """Ask every plane what it holds. Never raises: a plane that fails is in the answer."""
        found: list[tuple[str, GalleryInfo]] = []
        unreachable = []
        for name, plane in self._planes.items():
            seconds = min(_LISTING_SECONDS, deadline.remaining())
            try:
                found += ((name, one) for one in plane.galleries(Deadline.after(seconds)))
            except OnRecordError as error:
                unreachable.append(Unreachable(name, error))
        with self._lock:
            for name, one in found:
                self._known.setdefault(one.jurisdiction, self._planes[name])
        galleries = sorted((one for _, one in found), key=lambda one: one.jurisdiction)
        return Survey(tuple(galleries), tuple(unreachable))

    def holder(self, gallery: str, deadline: Deadline) -> tuple[str, GalleryInfo] | None:
        """The plane that holds it, by name, and what it says of it; None where no plane does.

        Raises PLANE_UNAVAILABLE rather than leave one out: a gallery is never made twice.
        """
        for name, plane in self._planes.items():
            for one in plane.galleries(deadline):
                if one.jurisdiction == gallery:
                    return name, one
        return None


def _unknown(gallery: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.GALLERY_UNKNOWN, f"there is no gallery {gallery}", field="gallery"
    )
