"""Partitions of which the client has given more than was told of: they are read again."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer

from onrecord.chassis.bus.kafka.clients import place_of
from onrecord.chassis.bus.kafka.errors import told_as_ours
from onrecord.chassis.bus.ports import Partition
from onrecord.kernel.errors import OnRecordError


class Astray:
    """Of one client, used in the thread that polls it.

    What a poll has taken and could not tell is behind librdkafka and before everybody else: until
    its partition is sought back, nothing of it is to be told, because a gap would be.
    """

    def __init__(self, client: Consumer) -> None:
        self._client = client
        self._partitions: set[Partition] = set()

    def __contains__(self, partition: Partition) -> bool:
        return partition in self._partitions

    def add(self, partitions: Iterable[Partition]) -> None:
        self._partitions |= set(partitions)

    def seek(self, partition: Partition, offset: int) -> None:
        """Raises BUS_UNAVAILABLE."""
        place = place_of(partition)
        place.offset = offset
        with told_as_ours("not sought"):
            self._client.seek(place)
        self._partitions.discard(partition)

    def go_back(self, following: Mapping[Partition, int]) -> OnRecordError | None:
        """Read each of them from where it was told up to; why one could not be, if so.

        Those that are not among `following` are somebody else's by now.
        """
        if not self._partitions:
            return None
        trouble = None
        self._partitions &= following.keys()
        for partition in sorted(self._partitions):
            try:
                self.seek(partition, following[partition])
            except OnRecordError as error:
                trouble = error
        return trouble
