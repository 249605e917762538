"""The audit service, whole: the object that satisfies `contracts.audit.Audit` in one process."""

from collections.abc import Callable, Sequence
from datetime import datetime

from onrecord.audit.core.people import require_role
from onrecord.audit.service.administration import Administration
from onrecord.audit.service.emergencies import FollowingUp
from onrecord.audit.service.ends import Ends
from onrecord.audit.service.examinations import Examinations
from onrecord.audit.service.ports import Emergencies, EndsOfSearches, Ledger, Policies
from onrecord.audit.service.requests import Requests
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import (
    ActivePolicy,
    Authorization,
    AuthorizeCall,
    DecideCall,
    LoggedBody,
    LookCall,
    ReleaseOutcome,
    SearchEnd,
)
from onrecord.contracts.emergencies import EmergencyState, FollowUpCall, LiftCall
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Role
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry


class AuditService:
    """Implements `Audit`. Each method is told in the module of its subject."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        tokens: TokenVerifier,
        attestations: AttestationVerifier,
        ends: EndsOfSearches,
        emergencies: Emergencies,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        read_until: Callable[[datetime], bool],
        patience: float,
    ) -> None:
        """`read_until`: whether all that planes published by an instant has been taken in.

        `patience`: seconds that an examiner's call waits for receipts still on their way.
        """
        self._ledger = ledger
        self._known_ends = ends
        self._policies = policies
        self._tokens = tokens
        self._requests = Requests(ledger, policies, tokens, clock, random_bytes)
        self._ends = Ends(ledger, attestations)
        self._examinations = Examinations(ledger, tokens, clock, read_until, patience)
        self._following_up = FollowingUp(ledger, emergencies, tokens)
        self._administration = Administration(ledger, policies, tokens)

    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        return self._requests.authorize(call, deadline)

    def authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        return self._examinations.authorize_look(call, deadline)

    def record_quality_refusal(
        self, search_id: str, refusal: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        return self._ends.record_quality_refusal(search_id, refusal, deadline)

    def record_failure(
        self, search_id: str, galleries: Sequence[str], code: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._ends.record_failure(search_id, galleries, code, deadline)

    def expire(self, search_id: str, deadline: Deadline) -> LoggedEntry:
        """Beyond the contract: end what never ended (`Ends.expire`)."""
        return self._ends.expire(search_id, deadline)

    def ends(self, search_id: str, deadline: Deadline) -> tuple[SearchEnd, ...]:
        deadline.check()
        return self._known_ends.of(search_id)

    def follow_up(self, call: FollowUpCall, deadline: Deadline) -> LoggedEntry:
        return self._following_up.follow_up(call, deadline)

    def lift_suspension(self, call: LiftCall, deadline: Deadline) -> LoggedEntry:
        return self._following_up.lift(call, deadline)

    def emergencies(self, search_id: str, deadline: Deadline) -> tuple[EmergencyState, ...]:
        deadline.check()
        return self._following_up.of(search_id)

    def decide(self, call: DecideCall, deadline: Deadline) -> LoggedEntry:
        return self._examinations.decide(call, deadline)

    def release(self, search_id: str, deadline: Deadline) -> ReleaseOutcome:
        return self._examinations.release(search_id, deadline)

    def pin_authority_key(
        self, jurisdiction: str, key: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._administration.pin_authority_key(jurisdiction, key, user_token, deadline)

    def register_gallery_model(
        self, jurisdiction: str, model_id: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._administration.register_gallery_model(
            jurisdiction, model_id, user_token, deadline
        )

    def activate_policy(
        self, bundle: AuthorityBundle, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._administration.activate_policy(bundle, user_token, deadline)

    def active_policies(self, deadline: Deadline) -> tuple[ActivePolicy, ...]:
        deadline.check()
        return self._administration.active_policies()

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        deadline.check()
        return self._policies.bundle(digest)

    def checkpoint(self, deadline: Deadline) -> str:
        deadline.check()
        return self._ledger.checkpoint()

    def witnessed_checkpoint(self, deadline: Deadline) -> str:
        deadline.check()
        return self._ledger.witnessed()

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        deadline.check()
        return self._ledger.consistency(old_size, new_size)

    def entry(self, index: int, deadline: Deadline) -> LoggedEntry:
        deadline.check()
        return self._ledger.entries([index])[0]

    def bodies(
        self, after: int, limit: int, user_token: str, deadline: Deadline
    ) -> Sequence[LoggedBody]:
        deadline.check()
        require_role(self._tokens.verify(user_token), Role.AUDITOR)
        return self._ledger.bodies(after, limit)
