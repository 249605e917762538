"""What audit takes and gives, to messages and back."""

from collections.abc import Sequence

from onrecord.contracts.audit import (
    ActivePolicy,
    Authorization,
    AuthorizeCall,
    CandidateDecision,
    DecideCall,
    GalleryDecision,
    LoggedBody,
    LookCall,
    ReleaseOutcome,
    SearchEnd,
)
from onrecord.kernel.vocabulary import Conclusion, EntryKind
from onrecord.proof import canonical
from onrecord.rpc.fields import malformed, read_all, read_field, read_word, within
from onrecord.rpc.v1 import audit_pb2 as pb
from onrecord.rpc.values import (
    logged_entry_message,
    read_logged_entry,
    read_release_proof,
    release_proof_message,
)


def authorize_call_message(call: AuthorizeCall) -> pb.AuthorizeRequest:
    """Raises REQUEST_MALFORMED where the request has no canonical form, as for a float."""
    return pb.AuthorizeRequest(
        request=canonical.encode(call.request),
        probe_sha256=call.probe_sha256,
        user_token=call.user_token,
        idempotency_key=call.idempotency_key,
        source=call.source,
    )


def read_authorize_call(message: pb.AuthorizeRequest) -> AuthorizeCall:
    with within("request"):
        request = canonical.decode(message.request)
    if not isinstance(request, dict):
        raise malformed("request", "a request is a JSON object")
    return AuthorizeCall(
        request=request,
        probe_sha256=message.probe_sha256,
        user_token=message.user_token,
        idempotency_key=message.idempotency_key,
        source=message.source,
    )


def authorization_message(authorization: Authorization) -> pb.AuthorizeResponse:
    return pb.AuthorizeResponse(
        search_id=authorization.search_id,
        entry=logged_entry_message(authorization.entry),
        galleries=[_gallery_decision_message(one) for one in authorization.galleries],
        replayed=authorization.replayed,
    )


def read_authorization(message: pb.AuthorizeResponse) -> Authorization:
    return Authorization(
        search_id=message.search_id,
        entry=read_field(message, "entry", read_logged_entry),
        galleries=read_all(message.galleries, "galleries", _read_gallery_decision),
        replayed=message.replayed,
    )


def look_call_message(call: LookCall) -> pb.AuthorizeLookRequest:
    return pb.AuthorizeLookRequest(
        search_id=call.search_id,
        task_id=call.task_id,
        gallery=call.gallery,
        candidate_ref=call.candidate_ref,
        user_token=call.user_token,
        source=call.source,
    )


def read_look_call(message: pb.AuthorizeLookRequest) -> LookCall:
    return LookCall(
        search_id=message.search_id,
        task_id=message.task_id,
        gallery=message.gallery if message.HasField("gallery") else None,
        candidate_ref=message.candidate_ref if message.HasField("candidate_ref") else None,
        user_token=message.user_token,
        source=message.source,
    )


def decide_call_message(call: DecideCall) -> pb.DecideRequest:
    return pb.DecideRequest(
        search_id=call.search_id,
        task_id=call.task_id,
        method=call.method,
        decisions=[_candidate_decision_message(one) for one in call.decisions],
        user_token=call.user_token,
        source=call.source,
    )


def read_decide_call(message: pb.DecideRequest) -> DecideCall:
    return DecideCall(
        search_id=message.search_id,
        task_id=message.task_id,
        method=message.method,
        decisions=read_all(message.decisions, "decisions", _read_candidate_decision),
        user_token=message.user_token,
        source=message.source,
    )


def release_outcome_message(outcome: ReleaseOutcome) -> pb.ReleaseResponse:
    return pb.ReleaseResponse(
        entry=logged_entry_message(outcome.entry),
        proof=None if outcome.proof is None else release_proof_message(outcome.proof),
        reason=outcome.reason,
    )


def read_release_outcome(message: pb.ReleaseResponse) -> ReleaseOutcome:
    has_proof = message.HasField("proof")
    return ReleaseOutcome(
        entry=read_field(message, "entry", read_logged_entry),
        proof=read_field(message, "proof", read_release_proof) if has_proof else None,
        reason=message.reason,
    )


def ends_message(ends: Sequence[SearchEnd]) -> pb.ListEndsResponse:
    return pb.ListEndsResponse(
        ends=[
            pb.SearchEnd(
                gallery=one.gallery,
                kind=one.kind.value,
                index=one.index,
                receipt_sha256=one.receipt_sha256,
            )
            for one in ends
        ]
    )


def read_ends(message: pb.ListEndsResponse) -> tuple[SearchEnd, ...]:
    return tuple(
        SearchEnd(
            gallery=one.gallery,
            kind=read_word(one.kind, "kind", EntryKind),
            index=one.index,
            receipt_sha256=one.receipt_sha256 if one.HasField("receipt_sha256") else None,
        )
        for one in message.ends
    )


def active_policies_message(policies: Sequence[ActivePolicy]) -> pb.ListActivePoliciesResponse:
    return pb.ListActivePoliciesResponse(
        policies=[
            pb.ActivePolicy(
                jurisdiction=policy.jurisdiction,
                version=policy.version,
                digest=policy.digest,
                effective=policy.effective,
                expires=policy.expires,
                citation=policy.citation,
                legal_review=policy.legal_review,
            )
            for policy in policies
        ]
    )


def read_active_policies(message: pb.ListActivePoliciesResponse) -> tuple[ActivePolicy, ...]:
    return tuple(
        ActivePolicy(
            jurisdiction=policy.jurisdiction,
            version=policy.version,
            digest=policy.digest,
            effective=policy.effective,
            expires=policy.expires,
            citation=policy.citation,
            legal_review=policy.legal_review,
        )
        for policy in message.policies
    )


def bodies_message(bodies: Sequence[LoggedBody]) -> pb.ListBodiesResponse:
    return pb.ListBodiesResponse(
        bodies=[pb.LoggedBody(index=one.index, nonce=one.nonce, body=one.body) for one in bodies]
    )


def read_bodies(message: pb.ListBodiesResponse) -> tuple[LoggedBody, ...]:
    return tuple(LoggedBody(one.index, one.nonce, one.body) for one in message.bodies)


def _gallery_decision_message(decision: GalleryDecision) -> pb.GalleryDecision:
    return pb.GalleryDecision(
        gallery=decision.gallery,
        granted=decision.granted,
        policy=decision.policy,
        model_id=decision.model_id,
        list_size=decision.list_size,
        reasons=[pb.Reason(code=code, message=message) for code, message in decision.reasons],
    )


def _read_gallery_decision(message: pb.GalleryDecision) -> GalleryDecision:
    return GalleryDecision(
        gallery=message.gallery,
        granted=message.granted,
        policy=message.policy if message.HasField("policy") else None,
        model_id=message.model_id if message.HasField("model_id") else None,
        list_size=message.list_size,
        reasons=tuple((reason.code, reason.message) for reason in message.reasons),
    )


def _candidate_decision_message(decision: CandidateDecision) -> pb.CandidateDecision:
    return pb.CandidateDecision(
        candidate_ref=decision.candidate_ref,
        conclusion=decision.conclusion.value,
        reasons=decision.reasons,
        seconds=decision.seconds,
    )


def _read_candidate_decision(message: pb.CandidateDecision) -> CandidateDecision:
    return CandidateDecision(
        candidate_ref=message.candidate_ref,
        conclusion=read_word(message.conclusion, "conclusion", Conclusion),
        reasons=tuple(message.reasons),
        seconds=message.seconds,
    )
