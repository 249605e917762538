"""What a grant allows in one gallery, once it is known to stand in the ledger (law 2)."""

from datetime import datetime, timedelta

from onrecord.contracts.images import Template
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import MAX_LIST_SIZE
from onrecord.proof import statements
from onrecord.proof.grant import GalleryGrant, Grant
from onrecord.proof.mandate import CLOCK_SKEW
from onrecord.vector_search.core.values import Gallery

LAST_START = timedelta(seconds=5)
"""Nothing is begun in the last five seconds of a grant (law 3)."""


def check_grant(grant: Grant, gallery: Gallery, model_id: str, now: datetime) -> GalleryGrant:
    """What the grant says of this gallery, if a search by `model_id` may begin now.

    Raises GRANT_MALFORMED, GRANT_EXPIRED, GRANT_GALLERY, GRANT_LIST_SIZE or GRANT_MODEL, the
    first that applies.
    """
    check_dated(grant.granted_at, now)
    check_may_begin(grant, now)
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


def check_may_begin(grant: Grant, now: datetime) -> None:
    """Raises GRANT_EXPIRED in the last five seconds of a grant."""
    if grant.expires_at - now < LAST_START:
        raise OnRecordError(
            ErrorCode.GRANT_EXPIRED, "the grant has expired, or has less than five seconds left"
        )


def check_dated(written_at: datetime, now: datetime) -> None:
    """An entry from the future would not expire when it should: the ledger's clock is wrong.

    Raises GRANT_MALFORMED.
    """
    if written_at - now > CLOCK_SKEW:
        raise OnRecordError(
            ErrorCode.GRANT_MALFORMED,
            "the entry is dated in the future: the ledger's clock and this one differ",
        )


def check_made_under(grant: Grant, template: Template, now: datetime) -> None:
    """The statements on the way from probe to template were made since the grant.

    Who signs states the time, and by it certificates are judged: one that ran out long ago could
    else sign for today's grant with yesterday's date. Raises ATTESTATION_INVALID.
    """
    for attestation in (template.detected, template.embedded):
        made_at = parse_time(str(statements.read(attestation).get("time")))
        if not grant.granted_at - CLOCK_SKEW <= made_at <= now + CLOCK_SKEW:
            raise OnRecordError(
                ErrorCode.ATTESTATION_INVALID,
                "a statement about the template was not made during its grant",
                field="time",
            )


def check_still_running(grant: Grant, now: datetime) -> None:
    """After the grant's end no receipt is written, and none is repeated. Raises GRANT_EXPIRED."""
    if now > grant.expires_at:
        raise OnRecordError(ErrorCode.GRANT_EXPIRED, "the grant has expired")
