"""How often what stands at a position has been tried, as the note beside it says.

The note is written before a poll is worked on and replaced when it is done with. One that is found
when messages are read anew is of somebody who did not come to an end.
"""

import json
from dataclasses import dataclass

from onrecord.chassis.bus.ports import Position


@dataclass(frozen=True, slots=True)
class Attempt:
    """The messages from `first` to `last`, in hand for the `number`th time, from 1."""

    first: int
    last: int
    number: int

    def note(self) -> str:
        return json.dumps({"from": self.first, "to": self.last, "tries": self.number})

    def tries_of(self, offset: int) -> int:
        return self.number if self.first <= offset <= self.last else 0


NONE = Attempt(0, -1, 0)


def noted(position: Position) -> Attempt:
    """The attempt that a position's note tells of; `NONE` where it tells of none."""
    try:
        said = json.loads(position.note)
        return Attempt(int(said["from"]), int(said["to"]), int(said["tries"]))
    except (ValueError, KeyError, TypeError):
        return NONE
