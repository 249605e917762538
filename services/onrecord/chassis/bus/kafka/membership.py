"""What of a group's partitions is this member's, and since when.

A group's generation rises by one with each rebalance, and every member takes part in each. So a
partition that was this member's in one generation and is in the next was nobody else's in between;
after any other step somebody may have had it, and worked on it.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from kafka.structs import MemberState

from onrecord.chassis.bus.kafka.clients import partition_of
from onrecord.chassis.bus.ports import Partition


class Step(Enum):
    """From what was this member's to what is. `NEXT`: one rebalance; `BREAK`: who knows."""

    NONE = auto()
    NEXT = auto()
    BREAK = auto()


@dataclass(slots=True)
class Membership:
    """Of one client of kafka-python, asked in the thread that polls it."""

    client: Any
    member: str = ""
    generation: int = -1

    def step(self) -> Step:
        """What has happened since this was asked last. A rebalance that goes on has not happened:
        until it ends, what was this member's is.
        """
        now = self.client.group_metadata()
        if now.state != MemberState.STABLE:
            return Step.NONE
        before = (self.member, self.generation)
        self.member, self.generation = str(now.member_id), int(now.generation_id)
        if before == (self.member, self.generation):
            return Step.NONE
        if before == (self.member, self.generation - 1):
            return Step.NEXT
        return Step.BREAK

    def is_settled(self) -> bool:
        """Whether no rebalance goes on, or has gone by unseen."""
        now = self.client.group_metadata()
        stable = now.state == MemberState.STABLE
        return bool(stable and (self.member, self.generation) == (now.member_id, now.generation_id))

    def assigned(self) -> frozenset[Partition]:
        return frozenset(partition_of(place) for place in self.client.assignment())
