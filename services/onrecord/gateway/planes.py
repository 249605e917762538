"""Which plane holds which gallery."""

from collections.abc import Mapping, Sequence
from threading import Lock
from types import MappingProxyType

from onrecord.contracts.vector_search import GalleryInfo, Plane
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class PlaneDirectory:
    """Asks the planes once for their galleries, and again for one it does not know.

    A plane that cannot be asked hides nothing: a gallery that no reachable plane holds is
    PLANE_UNAVAILABLE while some plane is out of reach, and GALLERY_UNKNOWN only when all answered.
    """

    def __init__(
        self, planes: Sequence[Plane], homes: Mapping[str, Plane] = MappingProxyType({})
    ) -> None:
        if not planes:
            raise ValueError("a gateway needs at least one plane")
        self._planes = tuple(planes)
        self._homes = dict(homes)
        self._known: dict[str, Plane] = {}
        self._lock = Lock()

    def home(self, gallery: str) -> Plane:
        """Where a new gallery goes: the plane its state runs itself, or the first."""
        return self._homes.get(gallery, self._planes[0])

    def of(self, gallery: str, deadline: Deadline) -> Plane:
        """Raises GALLERY_UNKNOWN or PLANE_UNAVAILABLE."""
        with self._lock:
            known = self._known.get(gallery)
        if known is not None:
            return known
        unreachable = self._learn(deadline)
        with self._lock:
            known = self._known.get(gallery)
        if known is not None:
            return known
        if unreachable is not None:
            raise unreachable
        raise OnRecordError(
            ErrorCode.GALLERY_UNKNOWN, f"there is no gallery {gallery}", field="gallery"
        )

    def info(self, gallery: str, deadline: Deadline) -> GalleryInfo:
        """What its plane says of it. Raises GALLERY_UNKNOWN or PLANE_UNAVAILABLE."""
        for one in self.of(gallery, deadline).galleries(deadline):
            if one.jurisdiction == gallery:
                return one
        raise OnRecordError(
            ErrorCode.GALLERY_UNKNOWN, f"there is no gallery {gallery}", field="gallery"
        )

    def all(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        """Every gallery, by name. Raises PLANE_UNAVAILABLE rather than leave one out."""
        found = [one for plane in self._planes for one in plane.galleries(deadline)]
        return tuple(sorted(found, key=lambda one: one.jurisdiction))

    def _learn(self, deadline: Deadline) -> OnRecordError | None:
        unreachable: OnRecordError | None = None
        for plane in self._planes:
            try:
                held = plane.galleries(deadline)
            except OnRecordError as error:
                unreachable = error
                continue
            with self._lock:
                self._known.update({one.jurisdiction: plane for one in held})
        return unreachable
