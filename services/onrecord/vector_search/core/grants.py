"""What a grant allows in one gallery, once it is known to stand in the ledger (law 2)."""

from datetime import datetime, timedelta

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import MAX_LIST_SIZE
from onrecord.proof.grant import GalleryGrant, Grant
from onrecord.vector_search.core.values import Gallery

LAST_START = timedelta(seconds=5)
"""Nothing is begun in the last five seconds of a grant (law 3)."""


def check_grant(grant: Grant, gallery: Gallery, model_id: str, now: datetime) -> GalleryGrant:
    """What the grant says of this gallery, if a search by `model_id` may begin now.

    Raises GRANT_EXPIRED, GRANT_GALLERY, GRANT_LIST_SIZE or GRANT_MODEL, the first that applies.
    """
    if grant.expires_at - now < LAST_START:
        raise OnRecordError(
            ErrorCode.GRANT_EXPIRED, "the grant has expired, or has less than five seconds left"
        )
    allowed = grant.galleries.get(gallery.jurisdiction)
    if allowed is None:
        raise OnRecordError(
            ErrorCode.GRANT_GALLERY, f"the grant does not name {gallery.jurisdiction}"
        )
    if not 1 <= allowed.list_size <= min(grant.list_size, MAX_LIST_SIZE):
        raise OnRecordError(
            ErrorCode.GRANT_LIST_SIZE,
            f"a list of {allowed.list_size} is not one the request asked for",
        )
    if not allowed.model_id == gallery.model_id == model_id:
        raise OnRecordError(
            ErrorCode.GRANT_MODEL,
            f"grant, gallery and template of {gallery.jurisdiction} are not of one model",
        )
    return allowed


def check_still_running(grant: Grant, now: datetime) -> None:
    """No receipt is written after the grant's end. Raises GRANT_EXPIRED."""
    if now > grant.expires_at:
        raise OnRecordError(
            ErrorCode.GRANT_EXPIRED, "the grant expired while the gallery was being searched"
        )
