"""How the search of each granted gallery ends: executed, refused for quality, failed, expired."""

import re
from collections.abc import Sequence

from onrecord.audit.core.draft import Appended, Books, Draft, Existing
from onrecord.audit.core.receipts import Receipt, log_receipt, read_receipt
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
from onrecord.proof.entry import LoggedEntry, parse_body

GAP_SECONDS = 2.0
"""How long a receipt waits for the one before it, which another request may be bringing."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Ends:
    """Writes the ends of granted searches."""

    def __init__(self, ledger: Ledger, attestations: AttestationVerifier) -> None:
        self._ledger = ledger
        self._attestations = attestations

    def record_receipt(self, attestation: Attestation, deadline: Deadline) -> LoggedEntry:
        said = self._attestations.verify(attestation, Service.VECTOR_SEARCH, statements.RECEIPT)
        receipt = read_receipt(said, attestation)
        appended = self._in_turn(receipt, deadline)
        body, _, kind = parse_body(appended.body)
        if kind == EntryKind.ALARM_RAISED:
            raise OnRecordError(
                ErrorCode.SEARCH_STATE,
                f"the receipt is logged as an alarm: {body['why']}",
                details={"alarm": appended.index},
            )
        return self._ledger.logged(appended)

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

        Raises SEARCH_STATE before a minute has passed since the grant's end.
        """
        appended = self._ledger.append(lambda books: expire(books, search_id), deadline)
        return self._ledger.logged(appended)

    def _in_turn(self, receipt: Receipt, deadline: Deadline) -> Appended:
        """Append the receipt after its predecessor, for which it waits a little."""
        patience = Deadline.after(min(GAP_SECONDS, deadline.remaining()), deadline.monotonic)
        while True:
            try:
                return self._ledger.append(lambda books: log_receipt(receipt, books), deadline)
            except OnRecordError as error:
                if error.code is not ErrorCode.RECEIPT_GAP or patience.remaining() <= 0.0:
                    raise
            # Bounded: the one before may have been committed since the ledger was asked.
            self._ledger.wait_for_append(min(0.1, patience.remaining()))
