"""How an error travels over gRPC: a status for machines we did not write, a trailer for our own.

The trailer `onrecord-error-bin` holds the error as JSON: code, message, field, details. A client
rebuilds the very same `OnRecordError` from it. The status is what a proxy or a stranger's tool
sees; nothing of ours decides by it except where no trailer came, because no service answered.
"""

import json
from collections.abc import Iterable
from typing import Final

import grpc

from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError

TRAILER: Final = "onrecord-error-bin"
# gRPC refuses metadata beyond 8 KB in all, and the error would be lost with them.
_MAX_BYTES: Final = 4096
_MAX_FIELD: Final = 100
_MAX_STATUS_TEXT: Final = 200

_Status = grpc.StatusCode

GRPC_STATUS: Final[dict[ErrorCode, grpc.StatusCode]] = {
    # The request as written
    ErrorCode.REQUEST_MALFORMED: _Status.INVALID_ARGUMENT,
    ErrorCode.FIELD_MISSING: _Status.INVALID_ARGUMENT,
    ErrorCode.FIELD_UNKNOWN: _Status.INVALID_ARGUMENT,
    ErrorCode.FIELD_INVALID: _Status.INVALID_ARGUMENT,
    ErrorCode.FIELD_TOO_LONG: _Status.INVALID_ARGUMENT,
    ErrorCode.JURISDICTION_UNKNOWN: _Status.INVALID_ARGUMENT,
    ErrorCode.LIST_SIZE_OUT_OF_RANGE: _Status.OUT_OF_RANGE,
    ErrorCode.IDEMPOTENCY_KEY_MISSING: _Status.INVALID_ARGUMENT,
    ErrorCode.IDEMPOTENCY_CONFLICT: _Status.ALREADY_EXISTS,
    ErrorCode.UPLOAD_INCOMPLETE: _Status.INVALID_ARGUMENT,
    # Who asks
    ErrorCode.TOKEN_MISSING: _Status.UNAUTHENTICATED,
    ErrorCode.TOKEN_INVALID: _Status.UNAUTHENTICATED,
    ErrorCode.TOKEN_EXPIRED: _Status.UNAUTHENTICATED,
    ErrorCode.TOKEN_AUDIENCE: _Status.UNAUTHENTICATED,
    ErrorCode.ROLE_MISSING: _Status.PERMISSION_DENIED,
    ErrorCode.TRAINING_MISSING: _Status.PERMISSION_DENIED,
    ErrorCode.TRAINING_EXPIRED: _Status.PERMISSION_DENIED,
    ErrorCode.CALLER_NOT_ALLOWED: _Status.PERMISSION_DENIED,
    # The image
    ErrorCode.IMAGE_EMPTY: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_TOO_LARGE: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_TOO_MANY_PIXELS: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_TOO_SMALL: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_TYPE_UNSUPPORTED: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_ANIMATED: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_TRUNCATED: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_CORRUPT: _Status.INVALID_ARGUMENT,
    ErrorCode.FACE_NOT_FOUND: _Status.FAILED_PRECONDITION,
    ErrorCode.FACE_NOT_SINGLE: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_SHARPNESS: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_EXPOSURE: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_CONTRAST: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_EYE_DISTANCE: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_HEAD_SIZE: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_CROP: _Status.FAILED_PRECONDITION,
    ErrorCode.QUALITY_POSE: _Status.FAILED_PRECONDITION,
    # The law
    ErrorCode.POLICY_MISSING: _Status.NOT_FOUND,
    ErrorCode.POLICY_NOT_YET_EFFECTIVE: _Status.PERMISSION_DENIED,
    ErrorCode.POLICY_EXPIRED: _Status.PERMISSION_DENIED,
    ErrorCode.POLICY_INVALID: _Status.INVALID_ARGUMENT,
    ErrorCode.POLICY_ERROR: _Status.PERMISSION_DENIED,
    ErrorCode.POLICY_NOT_PERMITTED: _Status.PERMISSION_DENIED,
    ErrorCode.POLICY_FORBIDDEN: _Status.PERMISSION_DENIED,
    ErrorCode.FEDERAL_GROUND_MISSING: _Status.PERMISSION_DENIED,
    ErrorCode.PURPOSE_PROHIBITED: _Status.PERMISSION_DENIED,
    ErrorCode.PROBE_KIND_REFUSED: _Status.PERMISSION_DENIED,
    ErrorCode.ROLE_SOUGHT_NOT_PERMITTED: _Status.PERMISSION_DENIED,
    ErrorCode.SUSPICION_TOO_LOW: _Status.PERMISSION_DENIED,
    ErrorCode.INSTRUMENT_REQUIRED: _Status.PERMISSION_DENIED,
    ErrorCode.IMMIGRATION_REFUSED: _Status.PERMISSION_DENIED,
    ErrorCode.ROLE_SOUGHT_MISMATCH: _Status.PERMISSION_DENIED,
    ErrorCode.EMERGENCY_NOT_PERMITTED: _Status.PERMISSION_DENIED,
    ErrorCode.EMERGENCY_SUSPENDED: _Status.PERMISSION_DENIED,
    ErrorCode.QUOTA_EXHAUSTED: _Status.RESOURCE_EXHAUSTED,
    # Proof
    ErrorCode.GRANT_MALFORMED: _Status.INVALID_ARGUMENT,
    ErrorCode.GRANT_NOT_IN_LEDGER: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_CHECKPOINT_INVALID: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_EXPIRED: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_GALLERY: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_MODEL: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_LIST_SIZE: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_OTHER_PROBE: _Status.PERMISSION_DENIED,
    ErrorCode.GRANT_POLICY_UNSIGNED: _Status.PERMISSION_DENIED,
    ErrorCode.LEDGER_INCONSISTENT: _Status.DATA_LOSS,
    ErrorCode.RECEIPT_GAP: _Status.ABORTED,
    ErrorCode.ATTESTATION_INVALID: _Status.PERMISSION_DENIED,
    ErrorCode.SIGNATURE_INVALID: _Status.PERMISSION_DENIED,
    ErrorCode.PROOF_INVALID: _Status.PERMISSION_DENIED,
    ErrorCode.SEAL_INVALID: _Status.DATA_LOSS,
    # Casework
    ErrorCode.NOT_FOUND: _Status.NOT_FOUND,
    ErrorCode.SEARCH_STATE: _Status.FAILED_PRECONDITION,
    ErrorCode.TASK_NOT_YOURS: _Status.PERMISSION_DENIED,
    ErrorCode.TASK_DECIDED: _Status.ALREADY_EXISTS,
    ErrorCode.EXAMINER_CONFLICT: _Status.PERMISSION_DENIED,
    ErrorCode.EXAMINERS_TOO_FEW: _Status.FAILED_PRECONDITION,
    ErrorCode.DECISION_INCOMPLETE: _Status.INVALID_ARGUMENT,
    ErrorCode.DECISION_UNKNOWN_CANDIDATE: _Status.INVALID_ARGUMENT,
    ErrorCode.RELEASE_NOT_SUPPORTED: _Status.FAILED_PRECONDITION,
    # Galleries and models
    ErrorCode.GALLERY_UNKNOWN: _Status.NOT_FOUND,
    ErrorCode.GALLERY_EXISTS: _Status.ALREADY_EXISTS,
    ErrorCode.GALLERY_TOO_LARGE: _Status.FAILED_PRECONDITION,
    ErrorCode.RECORD_ID_INVALID: _Status.INVALID_ARGUMENT,
    ErrorCode.GENERATION_STALE: _Status.ABORTED,
    ErrorCode.MODEL_UNKNOWN: _Status.NOT_FOUND,
    ErrorCode.MODEL_MISMATCH: _Status.FAILED_PRECONDITION,
    ErrorCode.MODEL_HASH: _Status.FAILED_PRECONDITION,
    ErrorCode.MODEL_CARD_INVALID: _Status.FAILED_PRECONDITION,
    ErrorCode.MODEL_SOURCE: _Status.FAILED_PRECONDITION,
    ErrorCode.TEMPLATE_INVALID: _Status.INVALID_ARGUMENT,
    # Enrolment, deletion, and what travels on the bus
    ErrorCode.MANIFEST_INVALID: _Status.INVALID_ARGUMENT,
    ErrorCode.MANIFEST_CHANGED: _Status.FAILED_PRECONDITION,
    ErrorCode.MANIFEST_STATE: _Status.FAILED_PRECONDITION,
    ErrorCode.ROW_DUPLICATE: _Status.ALREADY_EXISTS,
    ErrorCode.IMAGE_MISSING: _Status.INVALID_ARGUMENT,
    ErrorCode.IMAGE_HASH_MISMATCH: _Status.INVALID_ARGUMENT,
    ErrorCode.RECORD_DELETED: _Status.ABORTED,
    ErrorCode.EVENT_MALFORMED: _Status.INTERNAL,
    ErrorCode.EVENT_VERSION_UNKNOWN: _Status.UNIMPLEMENTED,
    ErrorCode.SEAL_KEY_DESTROYED: _Status.FAILED_PRECONDITION,
    ErrorCode.CONSUMER_CRASHED: _Status.INTERNAL,
    ErrorCode.MESSAGE_TOO_LARGE: _Status.INTERNAL,
    # Running
    ErrorCode.LEDGER_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.PLANE_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.DETECTION_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.EMBEDDING_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.INFERENCE_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.DEADLINE_EXCEEDED: _Status.DEADLINE_EXCEEDED,
    ErrorCode.OVERLOADED: _Status.RESOURCE_EXHAUSTED,
    ErrorCode.OBJECTS_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.IDENTITY_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.DATABASE_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.BUS_UNAVAILABLE: _Status.UNAVAILABLE,
    ErrorCode.BUS_REBALANCED: _Status.ABORTED,
    ErrorCode.STORAGE_FULL: _Status.RESOURCE_EXHAUSTED,
    ErrorCode.SETTINGS_INVALID: _Status.FAILED_PRECONDITION,
    ErrorCode.SCHEMA_MISMATCH: _Status.FAILED_PRECONDITION,
    ErrorCode.DATA_FOLDER_IN_USE: _Status.FAILED_PRECONDITION,
    ErrorCode.INTERNAL: _Status.INTERNAL,
}

# What a status means where no trailer came with it: gRPC itself, or a proxy, has answered.
_WITHOUT_TRAILER: Final = {
    _Status.DEADLINE_EXCEEDED: ErrorCode.DEADLINE_EXCEEDED,
    _Status.RESOURCE_EXHAUSTED: ErrorCode.OVERLOADED,
    _Status.PERMISSION_DENIED: ErrorCode.CALLER_NOT_ALLOWED,
    _Status.UNAUTHENTICATED: ErrorCode.CALLER_NOT_ALLOWED,
}
_UNREACHABLE: Final = {_Status.UNAVAILABLE, _Status.CANCELLED}
_SILENT: Final = {_Status.UNAVAILABLE, _Status.DEADLINE_EXCEEDED}
# What gRPC's core says of a call that never left: there was no connection to send it over.
_NEVER_SENT: Final = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "DNS resolution failed",
)


def status_text(error: OnRecordError) -> str:
    """The status message: for a person with a stranger's tool."""
    said = f"{error.code.value}: {error.message}"[:_MAX_STATUS_TEXT]
    # Half of a surrogate pair, quoted from somebody's input, has no UTF-8.
    return said.encode("utf-8", "replace").decode("utf-8")


def trailer(error: OnRecordError) -> tuple[str, bytes]:
    """The trailing metadatum that carries `error`."""
    return TRAILER, error_bytes(error)


def error_bytes(error: OnRecordError) -> bytes:
    """`error` for the wire; what is too long for a trailer is cut."""
    encoded = _encoded(error, error.message, error.field, error.details)
    if len(encoded) > _MAX_BYTES:
        field = error.field[:_MAX_FIELD] if error.field is not None else None
        message, encoded = error.message, _encoded(error, error.message, field, {})
        while len(encoded) > _MAX_BYTES:
            message = message[: len(message) // 2]
            encoded = _encoded(error, message, field, {})
    return encoded


def _encoded(
    error: OnRecordError, message: str, field: str | None, details: dict[str, str | int]
) -> bytes:
    content = {
        "code": error.code.value,
        "message": message,
        "field": field,
        "details": details,
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def error_from_rpc(failure: grpc.RpcError, unavailable: ErrorCode) -> OnRecordError:
    """The error that a failed call stands for; `unavailable` where no service was reached.

    An `UnansweredError` where the call may have been sent and the service itself has not answered.
    """
    sent = _from_trailer(_trailing_metadata(failure))
    if sent is not None:
        return sent
    status = failure.code() if isinstance(failure, grpc.Call) else _Status.UNKNOWN
    if status in _UNREACHABLE:
        kind = OnRecordError if _never_sent(failure) else UnansweredError
        return kind(unavailable, "the service cannot be reached")
    code = _WITHOUT_TRAILER.get(status, ErrorCode.INTERNAL)
    said = f"the call failed with status {status.name}"
    refused = code in (ErrorCode.OVERLOADED, ErrorCode.CALLER_NOT_ALLOWED)
    return OnRecordError(code, said) if refused else UnansweredError(code, said)


def _never_sent(failure: grpc.RpcError) -> bool:
    said = failure.details() if isinstance(failure, grpc.Call) else None
    return any(words in (said or "") for words in _NEVER_SENT)


def is_unimplemented(error: OnRecordError) -> bool:
    """Whether a call failed since its service, of another version, does not know the method."""
    failure = error.__cause__
    return isinstance(failure, grpc.Call) and failure.code() is _Status.UNIMPLEMENTED


def is_unanswered(failure: grpc.RpcError) -> bool:
    """Whether nobody was reached, or nobody answered in time: not what a service itself says."""
    if _from_trailer(_trailing_metadata(failure)) is not None:
        return False
    return isinstance(failure, grpc.Call) and failure.code() in _SILENT


def _trailing_metadata(failure: grpc.RpcError) -> Iterable[tuple[str, str | bytes]]:
    return (failure.trailing_metadata() or ()) if isinstance(failure, grpc.Call) else ()


def _from_trailer(metadata: Iterable[tuple[str, str | bytes]]) -> OnRecordError | None:
    """The error in the trailer; None where there is none, or one that we cannot read."""
    encoded = next((value for key, value in metadata if key == TRAILER), None)
    return None if encoded is None else error_from_bytes(encoded)


def error_from_bytes(encoded: str | bytes) -> OnRecordError | None:
    """What `error_bytes` made; None for what we cannot read."""
    try:
        content = json.loads(encoded)
        code, message, field = ErrorCode(content["code"]), content["message"], content["field"]
        details = dict(content["details"])
    except (ValueError, TypeError, KeyError):
        # A service newer than we are may send a code that we do not know: its status remains.
        return None
    return OnRecordError(code, str(message), field=field, details=details)
