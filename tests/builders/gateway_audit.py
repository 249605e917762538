"""An audit service in memory that keeps its contract: a real tree, and each end only once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from onrecord.chassis.tokens import JwtVerifier
from onrecord.contracts.audit import (
    ActivePolicy,
    Authorization,
    AuthorizeCall,
    DecideCall,
    GalleryDecision,
    LoggedBody,
    LookCall,
    ReleaseOutcome,
    SearchEnd,
)
from onrecord.contracts.emergencies import EmergencyState, FollowUpCall, LiftCall
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.casework import derive_outcome, merge_candidates
from onrecord.proof.entry import LoggedEntry, parse_body
from onrecord.proof.release import ReleaseProof
from onrecord.proof.statements import read, statement_sha256
from tests.builders.ledger import MemoryLedger

START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
MODEL = "test-model@1+fp32+0123456789abcdef"
OTHER_MODEL = "other-model@1+fp32+fedcba9876543210"
POLICY = "p" * 64


_ENDS = ("search.executed", "search.failed", "search.refused_quality", "search.expired")


class StillClock:
    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class FakeAudit:
    """Authorises what `allowed` names, and writes everything down.

    `down` fails every call; `failing` maps a method's name to the error it raises instead; `behind`
    leaves what planes publish on the bus until `catch_up`.
    """

    def __init__(self, tokens: JwtVerifier, clock: StillClock) -> None:
        self.ledger = MemoryLedger()
        self.witnessed = 0  # entries that a quorum has cosigned
        self.allowed: dict[str, str] = {"US-UT": MODEL, "US-VT": MODEL, "US-MD": OTHER_MODEL}
        self.down = False
        self.failing: dict[str, OnRecordError] = {}
        self.calls: list[str] = []
        self.activated: list[AuthorityBundle] = []
        self.behind = False
        self._bus: list[Attestation] = []
        self._tokens = tokens
        self._clock = clock

    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        claims = self._known("authorize", call.user_token)
        digest = canonical.digest([call.request, call.probe_sha256]).hex()
        for index, body in self._bodies("request.granted", "request.refused"):
            if (body["by"]["person"], body["key"]) == (claims.person, call.idempotency_key):
                if body["request_digest"] != digest:
                    raise OnRecordError(ErrorCode.IDEMPOTENCY_CONFLICT, "another request")
                return self._authorization(index, replayed=True)
        galleries = {name: self._rule(name) for name in call.request["galleries"]}
        granted = any(one["decision"] == "granted" for one in galleries.values())
        if granted and call.request.get("emergency") is not None:
            due = format_time(self._clock.now() + timedelta(hours=48))
            for one in galleries.values():
                if one["decision"] == "granted":
                    one["emergency"] = {"due": due, "instruments": ["search_warrant"], "waived": []}
        search_id = f"search-{len(self._bodies('request.granted', 'request.refused')):04d}"
        body = {
            "request_digest": digest,
            "key": call.idempotency_key,
            "probe_sha256": call.probe_sha256,
            "list_size": call.request.get("list_size", 20),
            "galleries": galleries,
            "source": call.source,
        }
        if granted:
            body["expires_at"] = format_time(self._clock.now() + timedelta(minutes=5))
        kind = "request.granted" if granted else "request.refused"
        index = self._append(kind, claims, search_id=search_id, **body).index
        return self._authorization(index, replayed=False)

    def authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        claims = self._known("authorize_look", call.user_token)
        grant = self._examinable(call.search_id)
        self._refuse_conflict(claims, call.search_id)
        target: dict[str, Any] = {"what": "probe"}
        if call.candidate_ref is not None:
            target = {
                "what": "candidate",
                "gallery": call.gallery,
                "candidate_ref": call.candidate_ref,
            }
        return self._append(
            "look.granted",
            claims,
            search_id=call.search_id,
            grant_index=grant,
            task_id=call.task_id,
            target=target,
            expires_at=format_time(self._clock.now() + timedelta(minutes=2)),
        )

    def published(self, receipt: Attestation) -> None:
        """A plane has put it on the bus. It is an entry at once, unless the ledger is `behind`."""
        self._bus.append(receipt)
        if not self.behind:
            self.catch_up()

    def catch_up(self) -> None:
        """Take in what stands on the bus."""
        self.behind = False
        while self._bus:
            receipt = self._bus.pop(0)
            statement = read(receipt)
            what = "search.executed"
            if statement["gallery"] in self.ended(statement["search_id"]):
                what = "alarm.raised"
            self._append(
                what,
                None,
                search_id=statement["search_id"],
                grant_index=statement["grant_index"],
                gallery=statement["gallery"],
                receipt=statement,
                attestation=receipt.to_json(),
            )

    def ends(self, search_id: str, deadline: Deadline) -> tuple[SearchEnd, ...]:
        self._known("ends")
        found = []
        for index, body in self._of(search_id, "search.executed"):
            hashed = statement_sha256(Attestation.from_json(body["attestation"]))
            found.append(SearchEnd(body["gallery"], EntryKind.SEARCH_EXECUTED, index, hashed))
        for kind in (
            EntryKind.SEARCH_FAILED,
            EntryKind.SEARCH_REFUSED_QUALITY,
            EntryKind.SEARCH_EXPIRED,
        ):
            for index, body in self._of(search_id, kind):
                found += [SearchEnd(name, kind, index, None) for name in body["galleries"]]
        return tuple(found)

    def record_quality_refusal(
        self, search_id: str, refusal: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        self._known("record_quality_refusal")
        return self._end_once(
            "search.refused_quality", search_id, self._granted(search_id), read(refusal)["code"]
        )

    def expire(self, search_id: str, *galleries: str) -> None:
        """As audit does, a minute after a grant has ended without a receipt having come."""
        self._end_once("search.expired", search_id, list(galleries), "")

    def record_failure(
        self, search_id: str, galleries: Sequence[str], code: str, deadline: Deadline
    ) -> LoggedEntry:
        self._known("record_failure")
        return self._end_once("search.failed", search_id, list(galleries), code)

    def decide(self, call: DecideCall, deadline: Deadline) -> LoggedEntry:
        claims = self._known("decide", call.user_token)
        grant = self._examinable(call.search_id)
        self._refuse_conflict(claims, call.search_id)
        decisions = [
            {
                "candidate_ref": one.candidate_ref,
                "conclusion": one.conclusion.value,
                "reasons": list(one.reasons),
                "seconds": one.seconds,
            }
            for one in call.decisions
        ]
        for index, body in self._bodies("examination.decided"):
            if body["task_id"] == call.task_id:
                if (body["method"], body["decisions"]) == (call.method, decisions):
                    return self.ledger.logged(index)
                raise OnRecordError(ErrorCode.TASK_DECIDED, "it has been decided")
        self._require_looks(claims, call)
        return self._append(
            "examination.decided",
            claims,
            search_id=call.search_id,
            grant_index=grant,
            task_id=call.task_id,
            method=call.method,
            decisions=decisions,
        )

    def release(self, search_id: str, deadline: Deadline) -> ReleaseOutcome:
        self._known("release")
        grant = self._grant(search_id)
        executed = self._of(search_id, "search.executed")
        decided = self._of(search_id, "examination.decided")
        if len(decided) < 2:
            raise OnRecordError(ErrorCode.SEARCH_STATE, "two decisions are not there")
        granted = parse_body(self.ledger.logged(grant).body)[0]
        outcome = derive_outcome(
            merge_candidates([body["receipt"] for _, body in executed], granted["list_size"]),
            [body for _, body in decided],
            requester=granted["by"]["person"],
        )
        done = self._of(search_id, "lead.released", "search.closed")
        entry = self.ledger.logged(done[0][0]) if done else None
        if entry is None:
            entry = self._append(
                "lead.released" if outcome.leads else "search.closed",
                None,
                search_id=search_id,
                grant_index=grant,
                executed=[index for index, _ in executed],
                decided=[index for index, _ in decided],
                leads=[
                    {"gallery": one.gallery, "candidate_ref": one.candidate_ref}
                    for one in outcome.leads
                ],
                stamps=["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"],
                reason=outcome.reason,
            )
        proof = None
        if outcome.leads:
            proof = ReleaseProof(
                entry,
                self.ledger.logged(grant),
                tuple(self.ledger.logged(index) for index, _ in executed),
                tuple(self.ledger.logged(index) for index, _ in decided),
            )
        return ReleaseOutcome(entry, proof, outcome.reason)

    def follow_up(self, call: FollowUpCall, deadline: Deadline) -> LoggedEntry:
        claims = self._known("follow_up", call.user_token)
        grant = self._grant(call.search_id)
        due = [name for name, one in self._states(call.search_id).items() if one.followed is None]
        if not due:
            raise OnRecordError(ErrorCode.SEARCH_STATE, "nothing is to be followed up")
        return self._append(
            "emergency.followed_up",
            claims,
            search_id=call.search_id,
            grant_index=grant,
            galleries=due,
            instrument=call.instrument,
            source=call.source,
        )

    def lift_suspension(self, call: LiftCall, deadline: Deadline) -> LoggedEntry:
        claims = self._known("lift_suspension", call.user_token)
        return self._append(
            "emergency.lifted",
            claims,
            search_id=call.search_id,
            grant_index=self._grant(call.search_id),
            galleries=[call.gallery],
            reason=call.reason,
            source=call.source,
        )

    def emergencies(self, search_id: str, deadline: Deadline) -> tuple[EmergencyState, ...]:
        self._known("emergencies")
        return tuple(self._states(search_id).values())

    def pin_authority_key(
        self, jurisdiction: str, key: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._known("pin_authority_key", user_token)
        return self._append("key.changed", claims, jurisdiction=jurisdiction, key=key)

    def register_gallery_model(
        self, jurisdiction: str, model_id: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._known("register_gallery_model", user_token)
        self.allowed[jurisdiction] = model_id
        return self._append("model.activated", claims, gallery=jurisdiction, model_id=model_id)

    def activate_policy(
        self, bundle: AuthorityBundle, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._known("activate_policy", user_token)
        self.activated.append(bundle)
        return self._append("policy.activated", claims, bundle=bundle.digest)

    def active_policies(self, deadline: Deadline) -> tuple[ActivePolicy, ...]:
        self._known("active_policies")
        times = ("2026-01-01T00:00:00.00Z", "2027-01-01T00:00:00.00Z")
        return (ActivePolicy("US-UT", 1, POLICY, *times, "Utah Code 77-23e", "required"),)

    def entry(self, index: int, deadline: Deadline) -> LoggedEntry:
        return self.ledger.logged(index)

    def bodies(
        self, after: int, limit: int, user_token: str, deadline: Deadline
    ) -> Sequence[LoggedBody]:
        self._known("bodies", user_token)
        held = self.ledger.bodies[after : after + limit]
        return [LoggedBody(after + n, nonce, body) for n, (nonce, body) in enumerate(held)]

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        return self.ledger.consistency(old_size, new_size)

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        raise OnRecordError(ErrorCode.POLICY_MISSING, "no policies here")

    def checkpoint(self, deadline: Deadline) -> str:
        return self.ledger.checkpoint()

    def witnessed_checkpoint(self, deadline: Deadline) -> str:
        if self.witnessed == 0:
            raise OnRecordError(ErrorCode.NOT_FOUND, "nobody has cosigned anything")
        return self.ledger.checkpoint(self.witnessed)

    # What tests ask

    def kinds(self) -> list[str]:
        return [str(json.loads(body)["kind"]) for _, body in self.ledger.bodies]

    def ended(self, search_id: str) -> list[str]:
        """The galleries of a search that have an end, each as often as it has one."""
        ends = self._of(search_id, *_ENDS)
        return [
            name for _, body in ends for name in (body.get("galleries") or [body.get("gallery")])
        ]

    # The rest

    def _known(self, name: str, token: str | None = None) -> Any:
        self.calls.append(name)
        if self.down:
            raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "the ledger does not answer")
        if name in self.failing:
            raise self.failing[name]
        return None if token is None else self._tokens.verify(token)

    def _rule(self, gallery: str) -> dict[str, Any]:
        model = self.allowed.get(gallery)
        if model is None:
            reason = {"code": "policy_missing", "message": f"{gallery} has no policy"}
            return {"decision": "refused", "policy": None, "reasons": [reason]}
        return {"decision": "granted", "policy": POLICY, "model_id": model, "list_size": 5}

    def _states(self, search_id: str) -> dict[str, EmergencyState]:
        """Each gallery's emergency, and the first entries that settle it."""
        grant = parse_body(self.ledger.logged(self._grant(search_id)).body)[0]
        kinds = ("emergency.followed_up", "alarm.raised", "emergency.lifted")
        found = {}
        for name, one in grant["galleries"].items():
            if "emergency" not in one:
                continue
            settled = [
                next(
                    (n for n, body in self._of(search_id, kind) if name in body["galleries"]), None
                )
                for kind in kinds
            ]
            found[name] = EmergencyState(name, parse_time(one["emergency"]["due"]), *settled)
        return found

    def overdue(self, search_id: str) -> None:
        """The alarm that no follow-up has come."""
        grant = self._grant(search_id)
        galleries = list(self._states(search_id))
        said = {"search_id": search_id, "grant_index": grant, "galleries": galleries}
        self._append("alarm.raised", None, what="emergency_overdue", **said)

    def _append(self, kind: str, claims: Claims | None, **body: Any) -> LoggedEntry:
        by = {"service": "audit"}
        if claims is not None:
            by = {
                "person": claims.person,
                "agency": claims.agency,
                "subject": claims.subject,
                "token_id": claims.token_id,
            }
        return self.ledger.log(
            {"kind": kind, "time": format_time(self._clock.now()), "by": by, **body}
        )

    def _bodies(self, *kinds: str) -> list[tuple[int, dict[str, Any]]]:
        parsed = [(n, json.loads(body)) for n, (_, body) in enumerate(self.ledger.bodies)]
        return [(n, body) for n, body in parsed if body["kind"] in kinds]

    def _of(self, search_id: str, *kinds: str) -> list[tuple[int, dict[str, Any]]]:
        return [(n, body) for n, body in self._bodies(*kinds) if body["search_id"] == search_id]

    def _grant(self, search_id: str) -> int:
        found = self._of(search_id, "request.granted")
        if not found:
            raise OnRecordError(ErrorCode.NOT_FOUND, "no such search")
        return found[0][0]

    def _examinable(self, search_id: str) -> int:
        """The grant of a search in which every gallery has its end."""
        grant = self._grant(search_id)
        if set(self._granted(search_id)) - set(self.ended(search_id)):
            raise OnRecordError(ErrorCode.SEARCH_STATE, "a gallery has not ended yet")
        if not self._of(search_id, "search.executed"):
            raise OnRecordError(ErrorCode.SEARCH_STATE, "no gallery was searched")
        return grant

    def _granted(self, search_id: str) -> list[str]:
        body = self._of(search_id, "request.granted")[0][1]
        return [name for name, one in body["galleries"].items() if one["decision"] == "granted"]

    def _end_once(self, kind: str, search_id: str, galleries: list[str], code: str) -> LoggedEntry:
        for index, body in self._of(search_id, kind):
            if body["galleries"] == galleries:
                return self.ledger.logged(index)
        if set(galleries) & set(self.ended(search_id)):
            raise OnRecordError(ErrorCode.SEARCH_STATE, "a gallery has ended otherwise")
        return self._append(
            kind,
            None,
            search_id=search_id,
            grant_index=self._grant(search_id),
            galleries=galleries,
            code=code,
        )

    def _refuse_conflict(self, claims: Claims, search_id: str) -> None:
        grant = parse_body(self.ledger.logged(self._grant(search_id)).body)[0]
        if claims.person == grant["by"]["person"]:
            raise OnRecordError(ErrorCode.EXAMINER_CONFLICT, "your own search")

    def _require_looks(self, claims: Claims, call: DecideCall) -> None:
        """The probe and every candidate decided on, by this very person."""
        seen = {
            body["target"].get("candidate_ref")
            for _, body in self._of(call.search_id, "look.granted")
            if body["by"]["person"] == claims.person
        }
        if None not in seen:
            raise OnRecordError(ErrorCode.DECISION_INCOMPLETE, "look at the probe", field="probe")
        for number, one in enumerate(call.decisions):
            if one.candidate_ref not in seen:
                field = f"decisions[{number}].candidate_ref"
                raise OnRecordError(ErrorCode.DECISION_INCOMPLETE, "look first", field=field)

    def _authorization(self, index: int, *, replayed: bool) -> Authorization:
        entry = self.ledger.logged(index)
        body = parse_body(entry.body)[0]
        galleries = tuple(
            GalleryDecision(
                gallery=name,
                granted=one["decision"] == "granted",
                policy=one["policy"],
                model_id=one.get("model_id"),
                list_size=one.get("list_size", 0),
                reasons=tuple((r["code"], r["message"]) for r in one.get("reasons", ())),
            )
            for name, one in body["galleries"].items()
        )
        return Authorization(str(body["search_id"]), entry, galleries, replayed)
