"""How the search of a granted gallery ends without a receipt: refused, failed, expired.

What was executed comes over the bus (`service.intake`).
"""

import re
from collections.abc import Sequence

from onrecord.audit.core.draft import Books, Draft, Existing
from onrecord.audit.core.searching import (
    end,
    expire,
    find_search,
    state_error,
    unended,
)
from onrecord.audit.service.ports import Ledger
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.entry import LoggedEntry

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Ends:
    """Writes the ends of granted searches."""

    def __init__(self, ledger: Ledger, attestations: AttestationVerifier) -> None:
        self._ledger = ledger
        self._attestations = attestations

    def record_quality_refusal(
        self, search_id: str, refusal: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        said = self._attestations.verify(refusal, Service.DETECTION, statements.DETECTION_REFUSED)
        code = str(said.get("code"))
        if not _CODE.fullmatch(code):
            raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "the refusal names no code")

        def proposal(books: Books) -> Draft | Existing:
            search = find_search(books, search_id)
            probe = search.grant["probe_sha256"]
            if (said.get("mandate"), said.get("image_sha256")) != (search.record.mandate, probe):
                raise OnRecordError(
                    ErrorCode.ATTESTATION_INVALID,
                    "the refusal speaks of another grant or another image",
                )
            kind, galleries = EntryKind.SEARCH_REFUSED_QUALITY, sorted(search.granted)
            known = unended(search, galleries, kind)
            if known is not None:
                return Existing(known)
            more = {"code": code, "refusal": refusal.to_json()}
            return end(search, kind, galleries, Service.DETECTION, more)

        return self._ledger.logged(self._ledger.append(proposal, deadline))

    def record_failure(
        self, search_id: str, galleries: Sequence[str], code: str, deadline: Deadline
    ) -> LoggedEntry:
        if not galleries or len(set(galleries)) != len(galleries):
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, "name each gallery that failed, once", field="galleries"
            )
        if not _CODE.fullmatch(code):
            raise OnRecordError(ErrorCode.FIELD_INVALID, "that is not a code", field="code")

        def proposal(books: Books) -> Draft | Existing:
            search = find_search(books, search_id)
            kind, named = EntryKind.SEARCH_FAILED, sorted(galleries)
            known = unended(search, named, kind)
            if known is not None:
                if books.body(known)["galleries"] != named:
                    raise state_error("these galleries were reported together with others")
                return Existing(known)
            return end(search, kind, named, Service.GATEWAY, {"code": code})

        return self._ledger.logged(self._ledger.append(proposal, deadline))

    def expire(self, search_id: str, deadline: Deadline) -> LoggedEntry:
        """Append `search.expired` for galleries that never ended. Repeatable.

        Raises SEARCH_STATE before a minute has passed since the grant's end, or a receipt of its
        gallery was made after it.
        """
        appended = self._ledger.append(lambda books: expire(books, search_id), deadline)
        return self._ledger.logged(appended)
