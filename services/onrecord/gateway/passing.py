"""Which failures pass: worth another attempt while the grant lives. And which leave it open what
was done.
"""

from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError

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


_AFTER_THE_RECEIPT = frozenset(
    {
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.DATABASE_UNAVAILABLE,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.BUS_REBALANCED,
        ErrorCode.STORAGE_FULL,
        ErrorCode.INTERNAL,
    }
)
"""What a plane may also say when its receipt is kept already and could not be published."""


def leaves_open(error: OnRecordError) -> bool:
    """Whether a plane that was asked to search, and failed so, may have searched all the same.

    Any other error it raises before it keeps a receipt.
    """
    return isinstance(error, UnansweredError) or error.code in _AFTER_THE_RECEIPT
