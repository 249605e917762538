"""The bus: its topics, as `onrecord bus check` examines them."""

from collections.abc import Iterator
from pathlib import Path

from onrecord.chassis.settings import BusSettings, examine_files
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import OnRecordError


def examine(target: Target, installation: Installation) -> Iterator[Result]:
    settings = target.settings
    if not isinstance(settings, BusSettings):
        return
    for one in examine_files(settings):
        if one.name == "bus":
            yield missing(one.says, f"mkdir -p {settings.bus}")
            return
    at = settings.bus_at()
    if isinstance(at, Path):
        yield ok(f"{at}: a folder; services make the files of its topics")
        return
    if any(
        isinstance(one.settings, BusSettings) and one.settings.bus_at() == at
        for one in installation.before(target)
    ):
        return  # the same brokers, by the same login: they have answered
    from onrecord.chassis.bus.kafka.topics import shortfalls
    from onrecord.events.kafka_topics import kafka_topics

    durability = installation.durability
    make = (
        f"onrecord bus make {settings.bus} --replicas {durability.replicas} "
        f"--in-sync {durability.in_sync}"
    )
    wanted = kafka_topics(installation.partitions)
    try:
        found = shortfalls(at, wanted, durability)
    except OnRecordError as error:
        yield missing(f"{settings.bus}: {error.message}", make.replace(" make ", " check "))
        return
    for short in found:
        absent = short.says == "is missing"
        yield missing(f"{short.topic} {short.says}", make if absent else short.command)
    if not found:
        yield ok(f"{settings.bus}: {len(wanted)} topics, all as they must be")
