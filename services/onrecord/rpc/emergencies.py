"""What audit takes and gives about emergencies, to messages and back."""

from collections.abc import Sequence

from onrecord.contracts.emergencies import EmergencyState, FollowUpCall, LiftCall
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import canonical
from onrecord.rpc.fields import malformed, within
from onrecord.rpc.v1 import audit_pb2 as pb


def follow_up_call_message(call: FollowUpCall) -> pb.FollowUpRequest:
    """Raises REQUEST_MALFORMED where the instrument has no canonical form, as for a float."""
    return pb.FollowUpRequest(
        search_id=call.search_id,
        instrument=canonical.encode(call.instrument),
        user_token=call.user_token,
        source=call.source,
    )


def read_follow_up_call(message: pb.FollowUpRequest) -> FollowUpCall:
    with within("instrument"):
        instrument = canonical.decode(message.instrument)
    if not isinstance(instrument, dict):
        raise malformed("instrument", "an instrument is a JSON object")
    return FollowUpCall(message.search_id, instrument, message.user_token, message.source)


def lift_call_message(call: LiftCall) -> pb.LiftSuspensionRequest:
    return pb.LiftSuspensionRequest(
        search_id=call.search_id,
        gallery=call.gallery,
        reason=call.reason,
        user_token=call.user_token,
        source=call.source,
    )


def read_lift_call(message: pb.LiftSuspensionRequest) -> LiftCall:
    return LiftCall(
        message.search_id, message.gallery, message.reason, message.user_token, message.source
    )


def emergencies_message(found: Sequence[EmergencyState]) -> pb.ListEmergenciesResponse:
    return pb.ListEmergenciesResponse(
        emergencies=[
            pb.EmergencyState(
                gallery=one.gallery,
                due=format_time(one.due),
                followed=one.followed,
                alarmed=one.alarmed,
                lifted=one.lifted,
            )
            for one in found
        ]
    )


def read_emergencies(message: pb.ListEmergenciesResponse) -> tuple[EmergencyState, ...]:
    return tuple(_read(one) for one in message.emergencies)


def _read(one: pb.EmergencyState) -> EmergencyState:
    return EmergencyState(
        gallery=one.gallery,
        due=parse_time(one.due),
        followed=one.followed if one.HasField("followed") else None,
        alarmed=one.alarmed if one.HasField("alarmed") else None,
        lifted=one.lifted if one.HasField("lifted") else None,
    )
