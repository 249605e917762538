"""Transport keys where there are several planes: asked of the plane that holds the gallery."""

from collections.abc import Sequence
from threading import Lock

from onrecord.contracts.enrolment import TransportKey
from onrecord.contracts.vector_search import TransportKeys
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class PlanesKeys:
    """A `TransportKeys` over those of every plane; remembers who holds which gallery."""

    def __init__(self, planes: Sequence[TransportKeys]) -> None:
        self._planes = tuple(planes)
        self._holder: dict[str, TransportKeys] = {}
        self._lock = Lock()

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        """Raises GALLERY_UNKNOWN only when every plane has said so; PLANE_UNAVAILABLE while one
        that might hold it is out of reach.
        """
        with self._lock:
            holder = self._holder.get(gallery)
        if holder is not None:
            return holder.transport_key(gallery, key_id, deadline)
        unreachable: OnRecordError | None = None
        for plane in self._planes:
            try:
                key = plane.transport_key(gallery, key_id, deadline)
            except OnRecordError as error:
                if error.code is ErrorCode.GALLERY_UNKNOWN:
                    continue
                if error.code is not ErrorCode.PLANE_UNAVAILABLE:
                    raise
                unreachable = error
                continue
            with self._lock:
                self._holder[gallery] = plane
            return key
        raise unreachable or OnRecordError(
            ErrorCode.GALLERY_UNKNOWN, f"no plane holds the gallery {gallery}", field="gallery"
        )
