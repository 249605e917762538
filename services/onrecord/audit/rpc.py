"""Audit, served over gRPC."""

import grpc

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.contracts.audit import Audit
from onrecord.rpc import audit as rpc
from onrecord.rpc import emergencies
from onrecord.rpc.fields import read_field
from onrecord.rpc.v1 import audit_pb2 as pb
from onrecord.rpc.v1 import audit_pb2_grpc, values_pb2
from onrecord.rpc.values import (
    authority_bundle_message,
    logged_entry_message,
    read_attestation,
    read_authority_bundle,
)

_Context = grpc.ServicerContext


def register(audit: Audit) -> Register:
    """What adds `audit` to a server."""
    return lambda server: audit_pb2_grpc.add_AuditServicer_to_server(_Servicer(audit), server)


class _Servicer(audit_pb2_grpc.AuditServicer):
    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def Authorize(self, request: pb.AuthorizeRequest, context: _Context) -> pb.AuthorizeResponse:
        call = rpc.read_authorize_call(request)
        return rpc.authorization_message(self._audit.authorize(call, deadline_of(context)))

    def AuthorizeLook(
        self, request: pb.AuthorizeLookRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        call = rpc.read_look_call(request)
        return logged_entry_message(self._audit.authorize_look(call, deadline_of(context)))

    def RecordQualityRefusal(
        self, request: pb.RecordQualityRefusalRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        refusal = read_field(request, "refusal", read_attestation)
        return logged_entry_message(
            self._audit.record_quality_refusal(request.search_id, refusal, deadline_of(context))
        )

    def RecordFailure(
        self, request: pb.RecordFailureRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        return logged_entry_message(
            self._audit.record_failure(
                request.search_id, tuple(request.galleries), request.code, deadline_of(context)
            )
        )

    def Decide(self, request: pb.DecideRequest, context: _Context) -> values_pb2.LoggedEntry:
        call = rpc.read_decide_call(request)
        return logged_entry_message(self._audit.decide(call, deadline_of(context)))

    def ListEnds(self, request: pb.ListEndsRequest, context: _Context) -> pb.ListEndsResponse:
        return rpc.ends_message(self._audit.ends(request.search_id, deadline_of(context)))

    def Release(self, request: pb.ReleaseRequest, context: _Context) -> pb.ReleaseResponse:
        return rpc.release_outcome_message(
            self._audit.release(request.search_id, deadline_of(context))
        )

    def FollowUp(self, request: pb.FollowUpRequest, context: _Context) -> values_pb2.LoggedEntry:
        call = emergencies.read_follow_up_call(request)
        return logged_entry_message(self._audit.follow_up(call, deadline_of(context)))

    def LiftSuspension(
        self, request: pb.LiftSuspensionRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        call = emergencies.read_lift_call(request)
        return logged_entry_message(self._audit.lift_suspension(call, deadline_of(context)))

    def ListEmergencies(
        self, request: pb.ListEmergenciesRequest, context: _Context
    ) -> pb.ListEmergenciesResponse:
        return emergencies.emergencies_message(
            self._audit.emergencies(request.search_id, deadline_of(context))
        )

    def PinAuthorityKey(
        self, request: pb.PinAuthorityKeyRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        return logged_entry_message(
            self._audit.pin_authority_key(
                request.jurisdiction, request.key, request.user_token, deadline_of(context)
            )
        )

    def RegisterGalleryModel(
        self, request: pb.RegisterGalleryModelRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        return logged_entry_message(
            self._audit.register_gallery_model(
                request.jurisdiction, request.model_id, request.user_token, deadline_of(context)
            )
        )

    def ActivatePolicy(
        self, request: pb.ActivatePolicyRequest, context: _Context
    ) -> values_pb2.LoggedEntry:
        bundle = read_field(request, "bundle", read_authority_bundle)
        return logged_entry_message(
            self._audit.activate_policy(bundle, request.user_token, deadline_of(context))
        )

    def ListActivePolicies(
        self, request: pb.ListActivePoliciesRequest, context: _Context
    ) -> pb.ListActivePoliciesResponse:
        return rpc.active_policies_message(self._audit.active_policies(deadline_of(context)))

    def GetEntry(self, request: pb.GetEntryRequest, context: _Context) -> values_pb2.LoggedEntry:
        return logged_entry_message(self._audit.entry(request.index, deadline_of(context)))

    def ListBodies(self, request: pb.ListBodiesRequest, context: _Context) -> pb.ListBodiesResponse:
        return rpc.bodies_message(
            self._audit.bodies(
                request.after, request.limit, request.user_token, deadline_of(context)
            )
        )

    def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: _Context
    ) -> pb.GetConsistencyProofResponse:
        return pb.GetConsistencyProofResponse(
            hashes=self._audit.consistency_proof(
                request.old_size, request.new_size, deadline_of(context)
            )
        )

    def GetPolicy(
        self, request: pb.GetPolicyRequest, context: _Context
    ) -> values_pb2.AuthorityBundle:
        return authority_bundle_message(self._audit.policy(request.digest, deadline_of(context)))

    def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: _Context
    ) -> pb.GetCheckpointResponse:
        return pb.GetCheckpointResponse(checkpoint=self._audit.checkpoint(deadline_of(context)))

    def GetWitnessedCheckpoint(
        self, request: pb.GetWitnessedCheckpointRequest, context: _Context
    ) -> pb.GetCheckpointResponse:
        checkpoint = self._audit.witnessed_checkpoint(deadline_of(context))
        return pb.GetCheckpointResponse(checkpoint=checkpoint)
