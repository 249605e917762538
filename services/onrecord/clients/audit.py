"""The audit service over gRPC."""

from collections.abc import Sequence

import grpc

from onrecord.clients.exchange import Exchange
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
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.rpc import audit as rpc
from onrecord.rpc import emergencies, values
from onrecord.rpc.v1 import audit_pb2 as pb
from onrecord.rpc.v1.audit_pb2_grpc import AuditStub


class LedgerProofsClient:
    """`LedgerProofs` at the other end of a channel: all that a plane may ask of audit."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = AuditStub(channel)
        self._exchange = Exchange(ErrorCode.LEDGER_UNAVAILABLE, Service.AUDIT)

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        return self._exchange(
            self._stub.GetConsistencyProof,
            lambda: pb.GetConsistencyProofRequest(old_size=old_size, new_size=new_size),
            lambda answer: tuple(answer.hashes),
            deadline,
        )

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        return self._exchange(
            self._stub.GetPolicy,
            lambda: pb.GetPolicyRequest(digest=digest),
            values.read_authority_bundle,
            deadline,
        )

    def checkpoint(self, deadline: Deadline) -> str:
        return self._exchange(
            self._stub.GetCheckpoint,
            pb.GetCheckpointRequest,
            lambda answer: answer.checkpoint,
            deadline,
        )


class AuditClient(LedgerProofsClient):
    """An `Audit` at the other end of a channel."""

    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        return self._exchange(
            self._stub.Authorize,
            lambda: rpc.authorize_call_message(call),
            rpc.read_authorization,
            deadline,
        )

    def authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        return self._exchange(
            self._stub.AuthorizeLook,
            lambda: rpc.look_call_message(call),
            values.read_logged_entry,
            deadline,
        )

    def record_quality_refusal(
        self, search_id: str, refusal: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        return self._exchange(
            self._stub.RecordQualityRefusal,
            lambda: pb.RecordQualityRefusalRequest(
                search_id=search_id, refusal=values.attestation_message(refusal)
            ),
            values.read_logged_entry,
            deadline,
            always=True,
        )

    def record_failure(
        self, search_id: str, galleries: Sequence[str], code: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._exchange(
            self._stub.RecordFailure,
            lambda: pb.RecordFailureRequest(search_id=search_id, galleries=galleries, code=code),
            values.read_logged_entry,
            deadline,
            always=True,
        )

    def decide(self, call: DecideCall, deadline: Deadline) -> LoggedEntry:
        return self._exchange(
            self._stub.Decide,
            lambda: rpc.decide_call_message(call),
            values.read_logged_entry,
            deadline,
        )

    def ends(self, search_id: str, deadline: Deadline) -> tuple[SearchEnd, ...]:
        return self._exchange(
            self._stub.ListEnds,
            lambda: pb.ListEndsRequest(search_id=search_id),
            rpc.read_ends,
            deadline,
        )

    def release(self, search_id: str, deadline: Deadline) -> ReleaseOutcome:
        return self._exchange(
            self._stub.Release,
            lambda: pb.ReleaseRequest(search_id=search_id),
            rpc.read_release_outcome,
            deadline,
            always=True,
        )

    def follow_up(self, call: FollowUpCall, deadline: Deadline) -> LoggedEntry:
        return self._exchange(
            self._stub.FollowUp,
            lambda: emergencies.follow_up_call_message(call),
            values.read_logged_entry,
            deadline,
            always=True,
        )

    def lift_suspension(self, call: LiftCall, deadline: Deadline) -> LoggedEntry:
        return self._exchange(
            self._stub.LiftSuspension,
            lambda: emergencies.lift_call_message(call),
            values.read_logged_entry,
            deadline,
        )

    def emergencies(self, search_id: str, deadline: Deadline) -> tuple[EmergencyState, ...]:
        return self._exchange(
            self._stub.ListEmergencies,
            lambda: pb.ListEmergenciesRequest(search_id=search_id),
            emergencies.read_emergencies,
            deadline,
        )

    def pin_authority_key(
        self, jurisdiction: str, key: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._exchange(
            self._stub.PinAuthorityKey,
            lambda: pb.PinAuthorityKeyRequest(
                jurisdiction=jurisdiction, key=key, user_token=user_token
            ),
            values.read_logged_entry,
            deadline,
        )

    def register_gallery_model(
        self, jurisdiction: str, model_id: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._exchange(
            self._stub.RegisterGalleryModel,
            lambda: pb.RegisterGalleryModelRequest(
                jurisdiction=jurisdiction, model_id=model_id, user_token=user_token
            ),
            values.read_logged_entry,
            deadline,
        )

    def activate_policy(
        self, bundle: AuthorityBundle, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        return self._exchange(
            self._stub.ActivatePolicy,
            lambda: pb.ActivatePolicyRequest(
                bundle=values.authority_bundle_message(bundle), user_token=user_token
            ),
            values.read_logged_entry,
            deadline,
        )

    def active_policies(self, deadline: Deadline) -> tuple[ActivePolicy, ...]:
        return self._exchange(
            self._stub.ListActivePolicies,
            pb.ListActivePoliciesRequest,
            rpc.read_active_policies,
            deadline,
        )

    def witnessed_checkpoint(self, deadline: Deadline) -> str:
        return self._exchange(
            self._stub.GetWitnessedCheckpoint,
            pb.GetWitnessedCheckpointRequest,
            lambda answer: answer.checkpoint,
            deadline,
        )

    def entry(self, index: int, deadline: Deadline) -> LoggedEntry:
        return self._exchange(
            self._stub.GetEntry,
            lambda: pb.GetEntryRequest(index=index),
            values.read_logged_entry,
            deadline,
        )

    def bodies(
        self, after: int, limit: int, user_token: str, deadline: Deadline
    ) -> tuple[LoggedBody, ...]:
        return self._exchange(
            self._stub.ListBodies,
            lambda: pb.ListBodiesRequest(after=after, limit=limit, user_token=user_token),
            rpc.read_bodies,
            deadline,
        )
