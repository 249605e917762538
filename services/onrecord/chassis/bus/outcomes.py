"""What a handler says about each message it was given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onrecord.chassis.bus.ports import Message, Received
from onrecord.kernel.errors import OnRecordError


@dataclass(frozen=True, slots=True)
class Done:
    """It has been worked on; `publish` follows from it, and may be nothing."""

    publish: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be. What becomes of it, the code decides (`chassis.dispositions`)."""

    error: OnRecordError


Outcome = Done | Failed

Handler = Callable[[Sequence[Received]], Sequence[Outcome]]
"""Works on a poll; one outcome a message, in order. It meets messages again, and must bear it."""

DeadLetters = Callable[[Received, OnRecordError, int], Message]
"""What stands on `<topic>.dlq` for a message that was tried so often: ids and reasons (R-46)."""
