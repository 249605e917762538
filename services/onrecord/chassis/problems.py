"""How an error is said to a client over HTTP: RFC 9457 problem details.

`type` is a tag URI (RFC 4151) that identifies the code and resolves to nothing. Beside the
members of the RFC stand `code`, `field` where one field is at fault, and `details`.
"""

import math
from typing import Any, Final

from onrecord.kernel.errors import ErrorCode, OnRecordError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_MS: Final = "retry_after_ms"
"""The detail in which a service that sheds load says how long to wait."""
_TYPE: Final = "tag:onrecord.example,2026:error/"
_DEFAULT_RETRY_SECONDS: Final = 5

PROBLEMS: Final[dict[ErrorCode, tuple[int, str]]] = {
    # The request as written
    ErrorCode.REQUEST_MALFORMED: (400, "The request cannot be read"),
    ErrorCode.FIELD_MISSING: (422, "A required field is missing"),
    ErrorCode.FIELD_UNKNOWN: (422, "A field is not known"),
    ErrorCode.FIELD_INVALID: (422, "A field has a value it cannot have"),
    ErrorCode.FIELD_TOO_LONG: (422, "A field is too long"),
    ErrorCode.JURISDICTION_UNKNOWN: (422, "The jurisdiction is not known"),
    ErrorCode.LIST_SIZE_OUT_OF_RANGE: (422, "The list size is out of range"),
    ErrorCode.IDEMPOTENCY_KEY_MISSING: (400, "An idempotency key is required"),
    ErrorCode.IDEMPOTENCY_CONFLICT: (409, "The idempotency key was used for another request"),
    ErrorCode.UPLOAD_INCOMPLETE: (400, "The upload is incomplete"),
    # Who asks
    ErrorCode.TOKEN_MISSING: (401, "A token is required"),
    ErrorCode.TOKEN_INVALID: (401, "The token is not valid"),
    ErrorCode.TOKEN_EXPIRED: (401, "The token has expired"),
    ErrorCode.TOKEN_AUDIENCE: (401, "The token is for another audience"),
    ErrorCode.ROLE_MISSING: (403, "The role this needs is missing"),
    ErrorCode.TRAINING_MISSING: (403, "Training has not been completed"),
    ErrorCode.TRAINING_EXPIRED: (403, "Training was completed too long ago"),
    ErrorCode.CALLER_NOT_ALLOWED: (403, "The calling service may not do this"),
    # The image
    ErrorCode.IMAGE_EMPTY: (400, "The image is empty"),
    ErrorCode.IMAGE_TOO_LARGE: (413, "The image has too many bytes"),
    ErrorCode.IMAGE_TOO_MANY_PIXELS: (413, "The image has too many pixels"),
    ErrorCode.IMAGE_TOO_SMALL: (422, "The image is too small"),
    ErrorCode.IMAGE_TYPE_UNSUPPORTED: (415, "The image is of a type that is not accepted"),
    ErrorCode.IMAGE_ANIMATED: (415, "The image is animated"),
    ErrorCode.IMAGE_TRUNCATED: (422, "The image is cut off"),
    ErrorCode.IMAGE_CORRUPT: (422, "The image cannot be decoded"),
    ErrorCode.FACE_NOT_FOUND: (422, "No face was found"),
    ErrorCode.FACE_NOT_SINGLE: (422, "There is more than one face"),
    ErrorCode.QUALITY_SHARPNESS: (422, "The face is not sharp enough"),
    ErrorCode.QUALITY_EXPOSURE: (422, "The face is too dark or too bright"),
    ErrorCode.QUALITY_CONTRAST: (422, "The face has too little contrast"),
    ErrorCode.QUALITY_EYE_DISTANCE: (422, "The eyes are too few pixels apart"),
    ErrorCode.QUALITY_HEAD_SIZE: (422, "The head has the wrong size in the image"),
    ErrorCode.QUALITY_CROP: (422, "The face is cut off by the edge of the image"),
    ErrorCode.QUALITY_POSE: (422, "The head is turned too far"),
    # The law
    ErrorCode.POLICY_MISSING: (403, "The gallery has no policy"),
    ErrorCode.POLICY_NOT_YET_EFFECTIVE: (403, "The policy is not yet in force"),
    ErrorCode.POLICY_EXPIRED: (403, "The policy has expired"),
    ErrorCode.POLICY_INVALID: (422, "The policy is not acceptable"),
    ErrorCode.POLICY_ERROR: (403, "The policy could not be evaluated"),
    ErrorCode.POLICY_NOT_PERMITTED: (403, "The policy does not permit this"),
    ErrorCode.POLICY_FORBIDDEN: (403, "The policy forbids this"),
    ErrorCode.FEDERAL_GROUND_MISSING: (403, "A federal ground is required"),
    ErrorCode.PURPOSE_PROHIBITED: (403, "The purpose is prohibited everywhere"),
    ErrorCode.PROBE_KIND_REFUSED: (403, "Only a photograph of a real person may be searched"),
    ErrorCode.ROLE_SOUGHT_NOT_PERMITTED: (403, "Nobody in this role may be sought"),
    ErrorCode.SUSPICION_TOO_LOW: (403, "The suspicion is too low for this policy"),
    ErrorCode.INSTRUMENT_REQUIRED: (403, "A legal instrument is required"),
    ErrorCode.IMMIGRATION_REFUSED: (403, "Immigration enforcement is refused"),
    ErrorCode.ROLE_SOUGHT_MISMATCH: (403, "The person sought does not fit the purpose"),
    ErrorCode.EMERGENCY_NOT_PERMITTED: (403, "The state permits no emergency here"),
    ErrorCode.EMERGENCY_SUSPENDED: (403, "Emergencies are suspended for this person"),
    ErrorCode.QUOTA_EXHAUSTED: (429, "A quota is used up"),
    # Proof
    ErrorCode.GRANT_MALFORMED: (400, "The grant cannot be read"),
    ErrorCode.GRANT_NOT_IN_LEDGER: (403, "The grant is not in the ledger"),
    ErrorCode.GRANT_CHECKPOINT_INVALID: (403, "The grant's checkpoint is not the ledger's"),
    ErrorCode.GRANT_EXPIRED: (403, "The grant has expired"),
    ErrorCode.GRANT_GALLERY: (403, "The grant does not name this gallery"),
    ErrorCode.GRANT_MODEL: (403, "The grant names another model"),
    ErrorCode.GRANT_LIST_SIZE: (403, "The grant allows a shorter list"),
    ErrorCode.GRANT_OTHER_PROBE: (409, "The grant is for another probe"),
    ErrorCode.GRANT_POLICY_UNSIGNED: (403, "The grant's policy is not signed by the state"),
    ErrorCode.LEDGER_INCONSISTENT: (503, "The ledger contradicts itself"),
    ErrorCode.RECEIPT_GAP: (409, "An earlier receipt of the gallery is not in the ledger yet"),
    ErrorCode.ATTESTATION_INVALID: (403, "A signed statement does not verify"),
    ErrorCode.SIGNATURE_INVALID: (403, "A signature does not verify"),
    ErrorCode.PROOF_INVALID: (403, "A proof does not verify"),
    ErrorCode.SEAL_INVALID: (500, "What was sealed cannot be opened"),
    # Casework
    ErrorCode.NOT_FOUND: (404, "There is no such thing here"),
    ErrorCode.SEARCH_STATE: (409, "The search is not in a state for this"),
    ErrorCode.TASK_NOT_YOURS: (403, "The task is another examiner's"),
    ErrorCode.TASK_DECIDED: (409, "The task has been decided"),
    ErrorCode.EXAMINER_CONFLICT: (403, "This person may not examine this search"),
    ErrorCode.EXAMINERS_TOO_FEW: (409, "There are too few examiners"),
    ErrorCode.DECISION_INCOMPLETE: (422, "Every candidate needs a decision with reasons"),
    ErrorCode.DECISION_UNKNOWN_CANDIDATE: (422, "A decision is about an unknown candidate"),
    ErrorCode.RELEASE_NOT_SUPPORTED: (409, "The entries do not support a release"),
    # Galleries and models
    ErrorCode.GALLERY_UNKNOWN: (404, "The gallery is not known"),
    ErrorCode.GALLERY_EXISTS: (409, "The gallery exists with other settings"),
    ErrorCode.GALLERY_TOO_LARGE: (409, "The gallery is full"),
    ErrorCode.RECORD_ID_INVALID: (422, "The record id is not acceptable"),
    ErrorCode.GENERATION_STALE: (409, "A later enrolment has overtaken this one"),
    ErrorCode.MODEL_UNKNOWN: (422, "The model is not known"),
    ErrorCode.MODEL_MISMATCH: (409, "The template is of another model"),
    ErrorCode.MODEL_HASH: (500, "A model file is not the one that was recorded"),
    ErrorCode.MODEL_CARD_INVALID: (500, "A model card is not valid"),
    ErrorCode.MODEL_SOURCE: (500, "A model's source is not there or not as expected"),
    ErrorCode.TEMPLATE_INVALID: (422, "The template is not valid"),
    # Enrolment, deletion, and what travels on the bus
    ErrorCode.MANIFEST_INVALID: (422, "The manifest is not acceptable"),
    ErrorCode.MANIFEST_CHANGED: (409, "These are not the rows the state signed"),
    ErrorCode.MANIFEST_STATE: (409, "The manifest is not in a state for that"),
    ErrorCode.ROW_DUPLICATE: (409, "The manifest names this record before"),
    ErrorCode.IMAGE_MISSING: (422, "The image is not there"),
    ErrorCode.IMAGE_HASH_MISMATCH: (422, "It is another image than was announced"),
    ErrorCode.RECORD_DELETED: (409, "The record was deleted meanwhile"),
    ErrorCode.EVENT_MALFORMED: (500, "An event cannot be read"),
    ErrorCode.EVENT_VERSION_UNKNOWN: (500, "An event is of an unknown version"),
    ErrorCode.SEAL_KEY_DESTROYED: (409, "The key it was sealed under has been destroyed"),
    ErrorCode.CONSUMER_CRASHED: (500, "A consumer fails on this event"),
    ErrorCode.MESSAGE_TOO_LARGE: (500, "A message is larger than the bus takes"),
    # Running
    ErrorCode.LEDGER_UNAVAILABLE: (503, "The ledger is not available"),
    ErrorCode.PLANE_UNAVAILABLE: (503, "The gallery is not available"),
    ErrorCode.DETECTION_UNAVAILABLE: (503, "Face detection is not available"),
    ErrorCode.EMBEDDING_UNAVAILABLE: (503, "Face embedding is not available"),
    ErrorCode.INFERENCE_UNAVAILABLE: (503, "The inference server is not available"),
    ErrorCode.DEADLINE_EXCEEDED: (504, "The work was not done in time"),
    ErrorCode.OVERLOADED: (429, "Too much is being asked at once"),
    ErrorCode.OBJECTS_UNAVAILABLE: (503, "The object store is not available"),
    ErrorCode.IDENTITY_UNAVAILABLE: (503, "The identity provider is not available"),
    ErrorCode.DATABASE_UNAVAILABLE: (503, "The database is not available"),
    ErrorCode.BUS_UNAVAILABLE: (503, "The bus is not available"),
    ErrorCode.BUS_REBALANCED: (503, "The work was given to another consumer"),
    ErrorCode.STORAGE_FULL: (507, "There is no room left to store anything"),
    ErrorCode.SETTINGS_INVALID: (500, "The settings are not valid"),
    ErrorCode.SCHEMA_MISMATCH: (500, "The database has another schema"),
    ErrorCode.DATA_FOLDER_IN_USE: (503, "The data folder is in use"),
    ErrorCode.INTERNAL: (500, "Something went wrong here"),
}

_WAIT_AND_REPEAT: Final = {
    ErrorCode.LEDGER_UNAVAILABLE,
    ErrorCode.PLANE_UNAVAILABLE,
    ErrorCode.DETECTION_UNAVAILABLE,
    ErrorCode.EMBEDDING_UNAVAILABLE,
    ErrorCode.INFERENCE_UNAVAILABLE,
    ErrorCode.OVERLOADED,
    ErrorCode.OBJECTS_UNAVAILABLE,
    ErrorCode.IDENTITY_UNAVAILABLE,
    ErrorCode.DATABASE_UNAVAILABLE,
    ErrorCode.BUS_UNAVAILABLE,
    ErrorCode.STORAGE_FULL,
}


def problem(error: OnRecordError, instance: str) -> dict[str, Any]:
    """The problem details of `error`; `instance` is the id or path of the request it ended."""
    status, title = PROBLEMS[error.code]
    said: dict[str, Any] = {
        "type": _TYPE + error.code.value,
        "title": title,
        "status": status,
        "detail": _text(error.message),
        "instance": instance,
        "code": error.code.value,
    }
    if error.field is not None:
        said["field"] = _text(error.field)
    if error.details:
        said["details"] = {
            _text(name): _text(value) if isinstance(value, str) else value
            for name, value in error.details.items()
        }
    return said


def _text(said: str) -> str:
    """What has a UTF-8 form: half of a surrogate pair, quoted from a client's JSON, has none."""
    return said.encode("utf-8", "replace").decode("utf-8")


def http_status(code: ErrorCode) -> int:
    return PROBLEMS[code][0]


def retry_after_seconds(error: OnRecordError) -> int | None:
    """The value of `Retry-After`, in whole seconds; None where waiting alone does not help."""
    if error.code not in _WAIT_AND_REPEAT:
        return None
    wait = error.details.get(RETRY_AFTER_MS)
    return max(1, math.ceil(wait / 1000)) if isinstance(wait, int) else _DEFAULT_RETRY_SECONDS
