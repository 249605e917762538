"""Why a gallery refuses: a stable code, and a sentence a citizen can read."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from onrecord.kernel.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a refusal."""

    code: ErrorCode
    message: str


def words(word: StrEnum | str) -> str:
    """A vocabulary's word as people write it."""
    return str(word).replace("_", " ")


def day(instant: date) -> str:
    """`30 June 2026`; of an instant, the day in its own zone, as the state itself names it."""
    return f"{instant.day} {instant.strftime('%B %Y')}"
