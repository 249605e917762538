"""A grant: the proof, in the ledger, that a request was allowed.

Nothing else signs a grant. Its body is what was decided; the inclusion proof and the signed
checkpoint show that the decision was written down before anything was looked at.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.entry import LoggedEntry, VerifiedEntry, verify_entry
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.statements import mandate_id
from onrecord.proof.verified import digest_of


@dataclass(frozen=True, slots=True)
class GalleryGrant:
    """What one gallery allowed: by which policy (bundle digest), which model, how long a list."""

    policy: str
    model_id: str
    list_size: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A verified grant. `mandate` is how attestations name it."""

    mandate: str
    index: int
    search_id: str
    probe_sha256: str
    person: str
    agency: str
    list_size: int
    galleries: dict[str, GalleryGrant]
    granted_at: datetime
    expires_at: datetime
    entry: VerifiedEntry

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The models the granted galleries use, each once, in order."""
        return tuple(sorted({gallery.model_id for gallery in self.galleries.values()}))


def read_grant(logged: LoggedEntry, key: NoteVerifier) -> Grant:
    """Verify that the entry is in the ledger signed by `key`, and read it as a grant.

    Raises GRANT_MALFORMED, GRANT_NOT_IN_LEDGER or GRANT_CHECKPOINT_INVALID. Expiry and
    consistency with what was seen before are the caller's to check.
    """
    verified = verify_entry(logged, key)
    if verified.kind != EntryKind.REQUEST_GRANTED:
        raise _malformed(f"the entry is a {verified.kind}, not a grant")
    body = verified.body
    try:
        galleries = {
            str(name): GalleryGrant(
                str(one["policy"]), str(one["model_id"]), _whole(one["list_size"])
            )
            for name, one in body["galleries"].items()
            if one["decision"] == "granted"
        }
        return Grant(
            mandate=mandate_id(logged),
            index=verified.index,
            search_id=str(body["search_id"]),
            probe_sha256=str(body["probe_sha256"]),
            person=str(body["by"]["person"]),
            agency=str(body["by"]["agency"]),
            list_size=_whole(body["list_size"]),
            galleries=galleries,
            granted_at=verified.time,
            expires_at=parse_time(str(body["expires_at"])),
            entry=verified,
        )
    except (KeyError, TypeError, AttributeError, OnRecordError) as error:
        raise _malformed("a field of the grant is missing or of another type") from error


class GrantReader:
    """Reads grants that come more than once, each verified once. May be used from many threads.

    The same bytes under the same key verify the same way every time; what is remembered is what
    they say, and nothing that depends on the moment.
    """

    def __init__(self, key: NoteVerifier, limit: int = 1024) -> None:
        self._key = key
        self._limit = limit
        self._lock = threading.Lock()
        self._read: dict[bytes, Grant] = {}

    def read(self, logged: LoggedEntry) -> Grant:
        """As `read_grant`. What comes of it is shared: not to be changed."""
        content = digest_of(
            logged.body,
            logged.nonce,
            str(logged.index).encode(),
            logged.checkpoint.encode("utf-8", "surrogatepass"),
            *logged.inclusion,
        )
        with self._lock:
            known = self._read.get(content)
        if known is not None:
            return known
        grant = read_grant(logged, self._key)
        with self._lock:
            self._read[content] = grant
            if len(self._read) > self._limit:
                del self._read[next(iter(self._read))]
        return grant


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is required")
    return value


def _malformed(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.GRANT_MALFORMED, f"the grant cannot be read: {why}")
