"""What a logged look lets an examiner see."""

from datetime import datetime

from onrecord.contracts.vector_search import LookScope
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.entry import VerifiedEntry


def read_look(entry: VerifiedEntry) -> LookScope:
    """The look that the entry grants, at a candidate. Raises GRANT_MALFORMED."""
    if entry.kind != EntryKind.LOOK_GRANTED:
        raise _malformed(f"the entry is a {entry.kind}, not a look")
    body = entry.body
    try:
        target = body["target"]
        if target["what"] != "candidate":
            raise _malformed("it is a look at the probe, which no plane holds")
        index = body["grant_index"]
        if not isinstance(index, int) or isinstance(index, bool):
            raise TypeError("an index is a whole number")
        return LookScope(
            search_id=str(body["search_id"]),
            grant_index=index,
            gallery=str(target["gallery"]),
            candidate_ref=str(target["candidate_ref"]),
            expires_at=_instant(body["expires_at"]),
        )
    except (KeyError, TypeError) as error:
        raise _malformed("a field of the look is missing or of another type") from error


def check_look(look: LookScope, now: datetime) -> None:
    """Raises GRANT_EXPIRED."""
    if now >= look.expires_at:
        raise OnRecordError(ErrorCode.GRANT_EXPIRED, "the look has expired; ask for another")


def _instant(value: object) -> datetime:
    try:
        return parse_time(str(value))
    except OnRecordError as error:
        raise _malformed(error.message) from error


def _malformed(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.GRANT_MALFORMED, f"the look cannot be read: {why}")
