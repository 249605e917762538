"""How a search begins: the request is read, written to the ledger, and kept."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from onrecord.contracts.audit import Audit, Authorization, AuthorizeCall
from onrecord.contracts.request_parsing import parse_request
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.documents import read_object
from onrecord.gateway.store import CaseworkStore, Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, parse_time
from onrecord.kernel.vocabulary import EntryKind, Role, SearchStatus
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof import canonical
from onrecord.proof.entry import LoggedEntry, parse_body


@dataclass(frozen=True, slots=True)
class SearchCall:
    """What `POST /v1/searches` carries: `request` as JSON bytes, `probe` as encoded image."""

    caller: Caller
    idempotency_key: str
    request: bytes = field(repr=False)
    probe: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """A search that is on the record. `kept` waits until it is in the database, too.

    `search` is what was found there, or, for a new one, what is being put there.
    """

    search: Search
    grant: LoggedEntry
    kept: Callable[[], Search]


class SearchOpener:
    """Reads, authorises, keeps. Repeatable: the same key, the same search."""

    def __init__(
        self,
        *,
        audit: Audit,
        store: CaseworkStore,
        keeper: Executor,
        clock: Clock,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._reached = reached

    def open(self, call: SearchCall, deadline: Deadline) -> Opening:
        """Raises REQUEST_MALFORMED, FIELD_*, IMAGE_EMPTY, IDEMPOTENCY_CONFLICT, TOKEN_*,
        ROLE_MISSING, LEDGER_UNAVAILABLE; then nothing was looked at.
        """
        call.caller.require(Role.REQUESTER)
        document = read_object(call.request, "request")
        case_number = parse_request(document).case_number
        if not call.probe:
            raise OnRecordError(ErrorCode.IMAGE_EMPTY, "the probe is empty", field="probe")
        probe_sha256 = hashlib.sha256(call.probe).hexdigest()
        digest = canonical.digest({"request": document, "probe_sha256": probe_sha256}).hex()
        authorization = self._authorize(call, document, probe_sha256, deadline)
        self._reached(write_points.SEARCH_AUTHORIZED)
        new = self._new_search(call, case_number, authorization, probe_sha256, digest)
        if new.status is SearchStatus.PROCESSING and not authorization.replayed:
            # Kept before a plane is asked, and while the face is being found: neither waits.
            keeping = self._keeper.submit(self._keep, new)
            return Opening(new, authorization.entry, lambda: self._said(keeping.result()))
        kept = self._said(self._keep(new))
        return Opening(kept, authorization.entry, lambda: kept)

    def _keep(self, new: Search) -> Search:
        search = self._store.searches.open(new)
        if search.request_digest != new.request_digest:
            raise _key_conflict()
        return search

    def _said(self, search: Search) -> Search:
        self._reached(write_points.SEARCH_OPENED)
        return search

    def _authorize(
        self, call: SearchCall, document: dict[str, Any], probe_sha256: str, deadline: Deadline
    ) -> Authorization:
        asked = AuthorizeCall(
            request=document,
            probe_sha256=probe_sha256,
            user_token=call.caller.token,
            idempotency_key=call.idempotency_key,
            source=call.caller.request_id,
        )
        try:
            return self._audit.authorize(asked, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.IDEMPOTENCY_CONFLICT:
                raise _key_conflict() from error
            raise

    def _new_search(
        self,
        call: SearchCall,
        case_number: str,
        authorization: Authorization,
        probe_sha256: str,
        digest: str,
    ) -> Search:
        body, _, kind = parse_body(authorization.entry.body)
        allowed = kind == EntryKind.REQUEST_GRANTED
        return Search(
            search_id=authorization.search_id,
            person=call.caller.claims.person,
            agency=call.caller.claims.agency,
            client=call.caller.claims.subject,
            case_number=case_number,
            idempotency_key=call.idempotency_key,
            request_digest=digest,
            probe_sha256=probe_sha256,
            list_size=int(body["list_size"]),
            status=SearchStatus.PROCESSING if allowed else SearchStatus.REFUSED,
            created_at=self._clock.now(),
            expires_at=parse_time(str(body["expires_at"])) if allowed else None,
            entry=authorization.entry,
            galleries=tuple(
                states.granted(one.gallery, one.policy, one.model_id, one.list_size)
                if one.granted
                else states.refused(one.gallery, one.policy, one.reasons)
                for one in authorization.galleries
            ),
        )


def _key_conflict() -> OnRecordError:
    return OnRecordError(
        ErrorCode.IDEMPOTENCY_CONFLICT,
        "this idempotency key was used for another request or probe",
        field="Idempotency-Key",
    )
