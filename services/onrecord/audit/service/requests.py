"""Authorise = append (law 1)."""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime

from onrecord.audit.core.draft import Appended, StaleEvaluationError
from onrecord.audit.core.evaluation import evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.people import require_role
from onrecord.audit.core.requesting import Submission, propose, read_decisions
from onrecord.audit.measured import count_decisions
from onrecord.audit.service.ports import Ledger, Policies
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import Authorization, AuthorizeCall
from onrecord.contracts.field_reading import read_text
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Role

MAX_KEY = 255
MAX_SOURCE = 128
_SEARCH_ID_BYTES = 16
_ATTEMPTS = 5
_SHA256 = re.compile(r"[0-9a-f]{64}")

_log = logging.getLogger(__name__)


class Requests:
    """Evaluates requests and writes what was decided."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        tokens: TokenVerifier,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._tokens = tokens
        self._clock = clock
        self._random = random_bytes

    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        submission = self._read(call)
        appended = self._append(submission, deadline)
        body = json.loads(appended.body)  # our own, just read or written: no need to prove its form
        decisions = read_decisions(body)
        if not appended.existed:
            count_decisions(decisions)
        return Authorization(
            search_id=body["search_id"],
            entry=self._ledger.logged(appended),
            galleries=decisions,
            replayed=appended.existed,
        )

    def _read(self, call: AuthorizeCall) -> Submission:
        claims = self._tokens.verify(call.user_token)
        require_role(claims, Role.REQUESTER)
        if not call.idempotency_key:
            raise OnRecordError(
                ErrorCode.IDEMPOTENCY_KEY_MISSING,
                "a request needs an idempotency key, so that a repeat is not a second search",
            )
        request = parse_request(call.request)
        if not _SHA256.fullmatch(call.probe_sha256):
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, "the probe's SHA-256 is not one", field="probe"
            )
        return Submission(
            search_id=self._random(_SEARCH_ID_BYTES).hex(),
            sent=call.request,
            request=request,
            claims=claims,
            probe_sha256=call.probe_sha256,
            key=read_text(call.idempotency_key, "idempotency_key", MAX_KEY),
            source=read_text(call.source, "source", MAX_SOURCE, empty=True),
        )

    def _append(self, submission: Submission, deadline: Deadline) -> Appended:
        """Evaluate and append; evaluate again where the policies changed in between."""
        not_before: datetime | None = None
        for _ in range(_ATTEMPTS):
            now = self._clock.now()
            # The ledger's time never goes back, so neither does the time policies are read at.
            now = now if not_before is None else max(now, not_before)
            shelf = self._policies.shelf()
            asked = Asked(submission.request, submission.claims, now)
            verdicts = evaluate(asked, shelf, _tell)
            try:
                return self._ledger.append(propose(submission, verdicts, shelf.epoch), deadline)
            except StaleEvaluationError as stale:
                not_before = stale.now
                self._policies.refresh()
        raise OnRecordError(
            ErrorCode.LEDGER_UNAVAILABLE, "policies are changing; the request was not written"
        )


def _tell(what: str, error: BaseException) -> None:
    """The entry says that it was refused; what went wrong is for those who run the service."""
    _log.error("evaluating %s failed, so it refused", what, exc_info=error)
