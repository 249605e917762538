"""Instants as the ledger writes them, and where "now" comes from.

R-25: time to a hundredth of a second, in UTC. A time is cut to the hundredth, never rounded up,
so that no entry claims to be later than it was.
"""

import re
from datetime import UTC, datetime
from typing import Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError

_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{2}Z")


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """The present instant, with its zone."""
        ...


class SystemClock:
    """The machine's own clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def format_time(instant: datetime) -> str:
    """`2026-11-23T06:30:00.12Z`: RFC 3339, hundredths of a second, UTC. Needs a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone has no place in the ledger")
    moment = instant.astimezone(UTC)
    # isoformat pads the year to four digits, which strftime("%Y") does not everywhere.
    whole = moment.replace(microsecond=0, tzinfo=None).isoformat()
    return f"{whole}.{moment.microsecond // 10_000:02d}Z"


def parse_time(text: str) -> datetime:
    """The instant that `format_time` wrote, and nothing else: one form for one instant.

    Raises `OnRecordError(FIELD_INVALID)` for any other form, such as an offset or a leap second.
    """
    if _PATTERN.fullmatch(text) is None:
        raise _not_a_time(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _not_a_time(text) from error


def _not_a_time(text: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.FIELD_INVALID,
        f"not a time of the form 2026-11-23T06:30:00.12Z: {text[:40]!r}",
    )
