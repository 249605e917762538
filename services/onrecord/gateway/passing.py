"""Which failures pass: worth another attempt while the grant lives."""

from onrecord.kernel.errors import ErrorCode, OnRecordError

PASSING = frozenset(
    {
        ErrorCode.LEDGER_UNAVAILABLE,
        ErrorCode.PLANE_UNAVAILABLE,
        ErrorCode.DETECTION_UNAVAILABLE,
        ErrorCode.EMBEDDING_UNAVAILABLE,
        ErrorCode.INFERENCE_UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.OVERLOADED,
        ErrorCode.OBJECTS_UNAVAILABLE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.DATABASE_UNAVAILABLE,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.BUS_REBALANCED,
        ErrorCode.STORAGE_FULL,
        ErrorCode.INTERNAL,
    }
)


def is_passing(error: OnRecordError) -> bool:
    """Whether the same call may succeed later, with nothing changed by the caller."""
    return error.code in PASSING
