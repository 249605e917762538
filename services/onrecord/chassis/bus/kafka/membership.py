"""What of a group's partitions is this member's, as its rebalances tell.

They are shared out in the cooperative way: a member keeps what it had unless it is asked for it,
and gives it up within a poll; until then nobody else can have it. What is *lost* may have been
somebody else's already: of a member that was put out of its group.
"""

from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

from onrecord.chassis.bus.kafka.clients import partitions_of, place_of
from onrecord.chassis.bus.ports import Partition


class Membership:
    """Of one client, used in the thread that polls it. Nothing here raises while it polls.

    What comes is read from nowhere until it is placed.
    """

    def __init__(self) -> None:
        self.shares = 0
        """How often this member was told of its share."""
        self._member = ""
        self._held: frozenset[Partition] = frozenset()
        self._gone: frozenset[Partition] = frozenset()
        self._placed: frozenset[Partition] = frozenset()

    @property
    def held(self) -> frozenset[Partition]:
        return self._held

    def gone(self) -> frozenset[Partition]:
        """What was given up or lost since this was asked last, be it back or not."""
        gone, self._gone = self._gone, frozenset()
        return gone

    def place(self, client: Consumer, beginnings: Mapping[Partition, int]) -> None:
        """Begin to read these from where it is said. Raises KafkaException."""
        places = [place_of(one) for one in beginnings]
        for place, offset in zip(places, beginnings.values(), strict=True):
            place.offset = offset
        client.incremental_assign(places)
        self._placed |= beginnings.keys()

    def is_member(self, client: Consumer) -> bool:
        """Whether the group still has it as when it was told of its share."""
        return bool(self._member) and client.memberid() == self._member

    def on_assign(self, client: Consumer, places: list[TopicPartition]) -> None:
        self.shares += 1
        self._member = client.memberid()
        self._held |= partitions_of(places)
        client.incremental_assign([])

    def on_revoke(self, client: Consumer, places: list[TopicPartition]) -> None:
        """Also of what was lost."""
        taken = partitions_of(places)
        self._held -= taken
        self._gone |= taken
        placed = self._placed & taken
        self._placed -= taken
        client.incremental_unassign([place_of(one) for one in placed])
