"""Who reads what: partitions shared evenly, and moved as little as can be."""

from collections.abc import Mapping, Sequence

from onrecord.chassis.bus.ports import Partition


def shared(
    members: Mapping[str, Sequence[str]],
    held: Mapping[Partition, str],
    partitions: Mapping[str, int],
) -> dict[Partition, str]:
    """The owner of each partition of each topic that anybody reads.

    `members`: the topics each reads. `held`: owners until now. Of one topic no member has two
    partitions more than another.
    """
    owners: dict[Partition, str] = {}
    load = dict.fromkeys(members, 0)
    for topic in sorted({name for topics in members.values() for name in topics}):
        readers = [member for member in sorted(members) if topic in members[member]]
        numbered = [Partition(topic, number) for number in range(partitions[topic])]
        kept = {reader: [p for p in numbered if held.get(p) == reader] for reader in readers}
        # Who holds most keeps the odd one; where equal, who has least of the other topics.
        readers.sort(key=lambda reader: (-len(kept[reader]), load[reader]))
        share, odd = divmod(len(numbered), len(readers))
        room = {reader: share + (place < odd) for place, reader in enumerate(readers)}
        for reader in readers:
            for partition in kept[reader][: room[reader]]:
                owners[partition] = reader
                room[reader] -= 1
        free = (partition for partition in numbered if partition not in owners)
        for reader in readers:
            for _ in range(room[reader]):
                owners[next(free)] = reader
        for partition in numbered:
            load[owners[partition]] += 1
    return owners
