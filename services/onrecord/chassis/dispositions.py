"""What a consumer of the bus does with a message whose work ended in an error.

Only three things can be done. REJECT: the error is the outcome; publish it with its code and go
on. RETRY: the message is sound and the world is not; try again with backoff. DEAD_LETTER: neither
trying again nor an answer helps; ids and reason go to the dead-letter topic, and a person looks.
"""

from enum import StrEnum
from typing import Final

from onrecord.kernel.errors import ErrorCode


class Disposition(StrEnum):
    REJECT = "reject"
    RETRY = "retry"
    DEAD_LETTER = "dead_letter"


_REJECT, _RETRY, _DEAD = Disposition.REJECT, Disposition.RETRY, Disposition.DEAD_LETTER

DISPOSITIONS: Final[dict[ErrorCode, Disposition]] = {
    # The request as written: nothing on the bus was written by hand, so a fault is ours.
    ErrorCode.REQUEST_MALFORMED: _DEAD,
    ErrorCode.FIELD_MISSING: _DEAD,
    ErrorCode.FIELD_UNKNOWN: _DEAD,
    ErrorCode.FIELD_INVALID: _DEAD,
    ErrorCode.FIELD_TOO_LONG: _DEAD,
    ErrorCode.JURISDICTION_UNKNOWN: _DEAD,
    ErrorCode.LIST_SIZE_OUT_OF_RANGE: _DEAD,
    ErrorCode.IDEMPOTENCY_KEY_MISSING: _DEAD,
    ErrorCode.IDEMPOTENCY_CONFLICT: _DEAD,
    # The object was not whole when the message was published.
    ErrorCode.UPLOAD_INCOMPLETE: _REJECT,
    # Who asks: no token travels on the bus.
    ErrorCode.TOKEN_MISSING: _DEAD,
    ErrorCode.TOKEN_INVALID: _DEAD,
    ErrorCode.TOKEN_EXPIRED: _DEAD,
    ErrorCode.TOKEN_AUDIENCE: _DEAD,
    ErrorCode.ROLE_MISSING: _DEAD,
    ErrorCode.TRAINING_MISSING: _DEAD,
    ErrorCode.TRAINING_EXPIRED: _DEAD,
    ErrorCode.CALLER_NOT_ALLOWED: _DEAD,
    # The image: the state is told why a portrait was not enrolled.
    ErrorCode.IMAGE_EMPTY: _REJECT,
    ErrorCode.IMAGE_TOO_LARGE: _REJECT,
    ErrorCode.IMAGE_TOO_MANY_PIXELS: _REJECT,
    ErrorCode.IMAGE_TOO_SMALL: _REJECT,
    ErrorCode.IMAGE_TYPE_UNSUPPORTED: _REJECT,
    ErrorCode.IMAGE_ANIMATED: _REJECT,
    ErrorCode.IMAGE_TRUNCATED: _REJECT,
    ErrorCode.IMAGE_CORRUPT: _REJECT,
    ErrorCode.FACE_NOT_FOUND: _REJECT,
    ErrorCode.FACE_NOT_SINGLE: _REJECT,
    ErrorCode.QUALITY_SHARPNESS: _REJECT,
    ErrorCode.QUALITY_EXPOSURE: _REJECT,
    ErrorCode.QUALITY_CONTRAST: _REJECT,
    ErrorCode.QUALITY_EYE_DISTANCE: _REJECT,
    ErrorCode.QUALITY_HEAD_SIZE: _REJECT,
    ErrorCode.QUALITY_CROP: _REJECT,
    ErrorCode.QUALITY_POSE: _REJECT,
    # The law: searches do not travel on the bus.
    ErrorCode.POLICY_MISSING: _DEAD,
    ErrorCode.POLICY_NOT_YET_EFFECTIVE: _DEAD,
    ErrorCode.POLICY_EXPIRED: _DEAD,
    ErrorCode.POLICY_INVALID: _DEAD,
    ErrorCode.POLICY_ERROR: _DEAD,
    ErrorCode.POLICY_NOT_PERMITTED: _DEAD,
    ErrorCode.POLICY_FORBIDDEN: _DEAD,
    ErrorCode.FEDERAL_GROUND_MISSING: _DEAD,
    ErrorCode.PURPOSE_PROHIBITED: _DEAD,
    ErrorCode.PROBE_KIND_REFUSED: _DEAD,
    ErrorCode.ROLE_SOUGHT_NOT_PERMITTED: _DEAD,
    ErrorCode.SUSPICION_TOO_LOW: _DEAD,
    ErrorCode.INSTRUMENT_REQUIRED: _DEAD,
    ErrorCode.IMMIGRATION_REFUSED: _DEAD,
    ErrorCode.ROLE_SOUGHT_MISMATCH: _DEAD,
    ErrorCode.EMERGENCY_NOT_PERMITTED: _DEAD,
    ErrorCode.EMERGENCY_SUSPENDED: _DEAD,
    ErrorCode.QUOTA_EXHAUSTED: _DEAD,
    # Proof: what does not verify never will, and somebody should know.
    ErrorCode.GRANT_MALFORMED: _DEAD,
    ErrorCode.GRANT_NOT_IN_LEDGER: _DEAD,
    ErrorCode.GRANT_CHECKPOINT_INVALID: _DEAD,
    ErrorCode.GRANT_EXPIRED: _DEAD,
    ErrorCode.GRANT_GALLERY: _DEAD,
    ErrorCode.GRANT_MODEL: _DEAD,
    ErrorCode.GRANT_LIST_SIZE: _DEAD,
    ErrorCode.GRANT_OTHER_PROBE: _DEAD,
    ErrorCode.GRANT_POLICY_UNSIGNED: _DEAD,
    ErrorCode.LEDGER_INCONSISTENT: _DEAD,
    # Unless what is missing is only late: the receipt before this one may still be on its way.
    ErrorCode.RECEIPT_GAP: _RETRY,
    ErrorCode.ATTESTATION_INVALID: _DEAD,
    ErrorCode.SIGNATURE_INVALID: _DEAD,
    ErrorCode.PROOF_INVALID: _DEAD,
    ErrorCode.SEAL_INVALID: _DEAD,
    # Casework: the ledger is asked again, in order; a state that does not fit will not come to fit.
    ErrorCode.NOT_FOUND: _DEAD,
    ErrorCode.SEARCH_STATE: _DEAD,
    ErrorCode.TASK_NOT_YOURS: _DEAD,
    ErrorCode.TASK_DECIDED: _DEAD,
    ErrorCode.EXAMINER_CONFLICT: _DEAD,
    ErrorCode.EXAMINERS_TOO_FEW: _DEAD,
    ErrorCode.DECISION_INCOMPLETE: _DEAD,
    ErrorCode.DECISION_UNKNOWN_CANDIDATE: _DEAD,
    ErrorCode.RELEASE_NOT_SUPPORTED: _DEAD,
    # Galleries and models
    ErrorCode.GALLERY_UNKNOWN: _DEAD,
    ErrorCode.GALLERY_EXISTS: _DEAD,
    ErrorCode.GALLERY_TOO_LARGE: _REJECT,
    ErrorCode.RECORD_ID_INVALID: _REJECT,
    # A later generation has overtaken this one: that is an outcome, not a fault.
    ErrorCode.GENERATION_STALE: _REJECT,
    ErrorCode.MODEL_UNKNOWN: _DEAD,
    ErrorCode.MODEL_MISMATCH: _DEAD,
    ErrorCode.MODEL_HASH: _DEAD,
    ErrorCode.MODEL_CARD_INVALID: _DEAD,
    ErrorCode.MODEL_SOURCE: _DEAD,
    ErrorCode.TEMPLATE_INVALID: _DEAD,
    # Enrolment, deletion, and what travels on the bus
    ErrorCode.MANIFEST_INVALID: _DEAD,
    ErrorCode.MANIFEST_CHANGED: _DEAD,
    ErrorCode.MANIFEST_STATE: _DEAD,
    ErrorCode.ROW_DUPLICATE: _REJECT,
    ErrorCode.IMAGE_MISSING: _REJECT,
    ErrorCode.IMAGE_HASH_MISMATCH: _REJECT,
    ErrorCode.RECORD_DELETED: _REJECT,
    ErrorCode.EVENT_MALFORMED: _DEAD,
    ErrorCode.EVENT_VERSION_UNKNOWN: _DEAD,
    # The face was sealed under a key that is gone by design: only the vault still has it.
    ErrorCode.SEAL_KEY_DESTROYED: _DEAD,
    ErrorCode.CONSUMER_CRASHED: _DEAD,
    ErrorCode.MESSAGE_TOO_LARGE: _DEAD,
    # Running
    ErrorCode.LEDGER_UNAVAILABLE: _RETRY,
    ErrorCode.PLANE_UNAVAILABLE: _RETRY,
    ErrorCode.DETECTION_UNAVAILABLE: _RETRY,
    ErrorCode.EMBEDDING_UNAVAILABLE: _RETRY,
    ErrorCode.INFERENCE_UNAVAILABLE: _RETRY,
    ErrorCode.DEADLINE_EXCEEDED: _RETRY,
    ErrorCode.OVERLOADED: _RETRY,
    ErrorCode.OBJECTS_UNAVAILABLE: _RETRY,
    ErrorCode.IDENTITY_UNAVAILABLE: _RETRY,
    ErrorCode.DATABASE_UNAVAILABLE: _RETRY,
    ErrorCode.BUS_UNAVAILABLE: _RETRY,
    ErrorCode.BUS_REBALANCED: _RETRY,
    ErrorCode.STORAGE_FULL: _RETRY,
    ErrorCode.SETTINGS_INVALID: _DEAD,
    # Whatever it was, it may have been passing; retries are counted, and then it is a dead letter.
    ErrorCode.SCHEMA_MISMATCH: _RETRY,
    ErrorCode.DATA_FOLDER_IN_USE: _RETRY,
    ErrorCode.INTERNAL: _RETRY,
}
