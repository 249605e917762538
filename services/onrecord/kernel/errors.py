"""One error type for the whole system, with stable codes.

A code is part of the interface: it is never renamed and never means something else. How a code
travels (gRPC status, HTTP problem, what the bus does with the message) is said once, in the
three tables of `onrecord.chassis`; a test holds them complete.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why something was refused or failed. The value is what a client sees."""

    # The request as written
    REQUEST_MALFORMED = "request_malformed"
    FIELD_MISSING = "field_missing"
    FIELD_UNKNOWN = "field_unknown"
    FIELD_INVALID = "field_invalid"
    FIELD_TOO_LONG = "field_too_long"
    JURISDICTION_UNKNOWN = "jurisdiction_unknown"
    LIST_SIZE_OUT_OF_RANGE = "list_size_out_of_range"
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    UPLOAD_INCOMPLETE = "upload_incomplete"

    # Who asks
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code, not a secret
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_AUDIENCE = "token_audience"  # noqa: S105
    ROLE_MISSING = "role_missing"
    TRAINING_MISSING = "training_missing"
    TRAINING_EXPIRED = "training_expired"
    CALLER_NOT_ALLOWED = "caller_not_allowed"

    # The image
    IMAGE_EMPTY = "image_empty"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_TOO_MANY_PIXELS = "image_too_many_pixels"
    IMAGE_TOO_SMALL = "image_too_small"
    IMAGE_TYPE_UNSUPPORTED = "image_type_unsupported"
    IMAGE_ANIMATED = "image_animated"
    IMAGE_TRUNCATED = "image_truncated"
    IMAGE_CORRUPT = "image_corrupt"
    FACE_NOT_FOUND = "face_not_found"
    FACE_NOT_SINGLE = "face_not_single"
    QUALITY_SHARPNESS = "quality_sharpness"
    QUALITY_EXPOSURE = "quality_exposure"
    QUALITY_CONTRAST = "quality_contrast"
    QUALITY_EYE_DISTANCE = "quality_eye_distance"
    QUALITY_HEAD_SIZE = "quality_head_size"
    QUALITY_CROP = "quality_crop"
    QUALITY_POSE = "quality_pose"

    # The law: why a gallery or a request is refused
    POLICY_MISSING = "policy_missing"
    POLICY_NOT_YET_EFFECTIVE = "policy_not_yet_effective"
    POLICY_EXPIRED = "policy_expired"
    POLICY_INVALID = "policy_invalid"
    POLICY_ERROR = "policy_error"
    POLICY_NOT_PERMITTED = "policy_not_permitted"
    POLICY_FORBIDDEN = "policy_forbidden"
    FEDERAL_GROUND_MISSING = "federal_ground_missing"
    PURPOSE_PROHIBITED = "purpose_prohibited"
    PROBE_KIND_REFUSED = "probe_kind_refused"
    ROLE_SOUGHT_NOT_PERMITTED = "role_sought_not_permitted"
    SUSPICION_TOO_LOW = "suspicion_too_low"
    INSTRUMENT_REQUIRED = "instrument_required"
    IMMIGRATION_REFUSED = "immigration_refused"
    ROLE_SOUGHT_MISMATCH = "role_sought_mismatch"
    EMERGENCY_NOT_PERMITTED = "emergency_not_permitted"
    EMERGENCY_SUSPENDED = "emergency_suspended"
    QUOTA_EXHAUSTED = "quota_exhausted"

    # Proof
    GRANT_MALFORMED = "grant_malformed"
    GRANT_NOT_IN_LEDGER = "grant_not_in_ledger"
    GRANT_CHECKPOINT_INVALID = "grant_checkpoint_invalid"
    GRANT_EXPIRED = "grant_expired"
    GRANT_GALLERY = "grant_gallery"
    GRANT_MODEL = "grant_model"
    GRANT_LIST_SIZE = "grant_list_size"
    GRANT_OTHER_PROBE = "grant_other_probe"
    GRANT_POLICY_UNSIGNED = "grant_policy_unsigned"
    LEDGER_INCONSISTENT = "ledger_inconsistent"
    RECEIPT_GAP = "receipt_gap"
    ATTESTATION_INVALID = "attestation_invalid"
    SIGNATURE_INVALID = "signature_invalid"
    PROOF_INVALID = "proof_invalid"
    SEAL_INVALID = "seal_invalid"

    # Casework
    NOT_FOUND = "not_found"
    SEARCH_STATE = "search_state"
    TASK_NOT_YOURS = "task_not_yours"
    TASK_DECIDED = "task_decided"
    EXAMINER_CONFLICT = "examiner_conflict"
    EXAMINERS_TOO_FEW = "examiners_too_few"
    DECISION_INCOMPLETE = "decision_incomplete"
    DECISION_UNKNOWN_CANDIDATE = "decision_unknown_candidate"
    RELEASE_NOT_SUPPORTED = "release_not_supported"

    # Galleries and models
    GALLERY_UNKNOWN = "gallery_unknown"
    GALLERY_EXISTS = "gallery_exists"
    GALLERY_TOO_LARGE = "gallery_too_large"
    RECORD_ID_INVALID = "record_id_invalid"
    GENERATION_STALE = "generation_stale"
    MODEL_UNKNOWN = "model_unknown"
    MODEL_MISMATCH = "model_mismatch"
    MODEL_HASH = "model_hash"
    MODEL_CARD_INVALID = "model_card_invalid"
    MODEL_SOURCE = "model_source"
    TEMPLATE_INVALID = "template_invalid"

    # Enrolment, deletion, and what travels on the bus
    MANIFEST_INVALID = "manifest_invalid"
    MANIFEST_CHANGED = "manifest_changed"
    MANIFEST_STATE = "manifest_state"
    ROW_DUPLICATE = "row_duplicate"
    IMAGE_MISSING = "image_missing"
    IMAGE_HASH_MISMATCH = "image_hash_mismatch"
    RECORD_DELETED = "record_deleted"
    EVENT_MALFORMED = "event_malformed"
    EVENT_VERSION_UNKNOWN = "event_version_unknown"
    SEAL_KEY_DESTROYED = "seal_key_destroyed"
    CONSUMER_CRASHED = "consumer_crashed"
    MESSAGE_TOO_LARGE = "message_too_large"

    # Running
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    PLANE_UNAVAILABLE = "plane_unavailable"
    DETECTION_UNAVAILABLE = "detection_unavailable"
    EMBEDDING_UNAVAILABLE = "embedding_unavailable"
    INFERENCE_UNAVAILABLE = "inference_unavailable"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    OVERLOADED = "overloaded"
    OBJECTS_UNAVAILABLE = "objects_unavailable"
    IDENTITY_UNAVAILABLE = "identity_unavailable"
    DATABASE_UNAVAILABLE = "database_unavailable"
    BUS_UNAVAILABLE = "bus_unavailable"
    BUS_REBALANCED = "bus_rebalanced"
    STORAGE_FULL = "storage_full"
    SETTINGS_INVALID = "settings_invalid"
    SCHEMA_MISMATCH = "schema_mismatch"
    DATA_FOLDER_IN_USE = "data_folder_in_use"
    INTERNAL = "internal"


class OnRecordError(Exception):
    """A refusal or failure with a stable code.

    `message` is for a person and may change; `field` names what is at fault, as a path such as
    `probe.captured_at`; `details` are short strings or numbers that a client may act on.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        details: dict[str, str | int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.details: dict[str, str | int] = dict(details or {})

    def __repr__(self) -> str:
        at = f" at {self.field}" if self.field else ""
        return f"OnRecordError({self.code.value}{at}: {self.message})"


class UnansweredError(OnRecordError):
    """Whoever was asked has said nothing: what they were asked for may or may not have been done.

    Not for who could not be asked at all, nor for who answered that it cannot be done.
    """
