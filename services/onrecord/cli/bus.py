"""`onrecord bus`: the topics of an installation on Kafka."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from onrecord.chassis.bus.kafka.access import (
    MECHANISMS,
    KafkaAccess,
    KafkaLogin,
    KafkaTls,
    kafka_servers,
)

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.argument("brokers"),
        click.option(
            "--roots", type=_FILE, help="Roots of the brokers' certificates; else no TLS."
        ),
        click.option("--certificate", type=_FILE, help="Our certificate for the brokers, PEM."),
        click.option("--key", type=_FILE, help="Its private key, PEM."),
        click.option("--user", default="", help="The name to log in with (SASL)."),
        click.option(
            "--password",
            default="",
            envvar="ONRECORD_BUS_PASSWORD",
            help="The password to it; better in the environment, ONRECORD_BUS_PASSWORD.",
        ),
        click.option(
            "--mechanism", type=click.Choice(MECHANISMS), default=MECHANISMS[0], show_default=True
        ),
        click.option(
            "--partitions",
            type=click.IntRange(1, 1000),
            help="Of topics that may have several; as many members of a group find work at once.",
        ),
        click.option("--replicas", type=click.IntRange(1), default=3, show_default=True),
        click.option(
            "--in-sync",
            type=click.IntRange(1),
            default=2,
            show_default=True,
            help="Replicas that have a message before it is acknowledged.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def bus() -> None:
    """Make or check the topics of BROKERS, kafka://host:port[,host:port]."""


@bus.command()
@_options
def make(brokers: str, partitions: int | None, replicas: int, in_sync: int, **access: Any) -> None:
    """Make the topics that are missing; those that are there stay as they are."""
    from onrecord.chassis.bus.kafka.topics import Durability
    from onrecord.chassis.bus.kafka.topics import make as made
    from onrecord.events.kafka_topics import kafka_topics

    if in_sync > replicas:
        raise click.UsageError("more replicas in step than there are could never be")
    wanted = kafka_topics(partitions)
    names = made(_access(brokers, **access), wanted, Durability(replicas, in_sync))
    for name in names:
        click.echo(f"made  {name}")
    click.echo(f"{len(names)} made, {len(wanted) - len(names)} there already")


@bus.command()
@_options
def check(brokers: str, partitions: int | None, replicas: int, in_sync: int, **access: Any) -> None:
    """Say which topics are not as they must be, and what puts it right. Exits 1 where any is."""
    from onrecord.chassis.bus.kafka.topics import Durability, shortfalls
    from onrecord.events.kafka_topics import kafka_topics

    wanted = kafka_topics(partitions)
    found = shortfalls(_access(brokers, **access), wanted, Durability(replicas, in_sync))
    for one in found:
        click.echo(f"wrong  {one.topic} {one.says}")
        if one.command:
            click.echo(f"       {one.command}")
    if found:
        sys.exit(1)
    click.echo(f"{len(wanted)} topics, all as they must be")


def _access(
    brokers: str,
    *,
    roots: Path | None,
    certificate: Path | None,
    key: Path | None,
    user: str,
    password: str,
    mechanism: str,
) -> KafkaAccess:
    try:
        servers = kafka_servers(brokers)
    except ValueError as error:
        raise click.UsageError(f"{brokers!r} is {error}") from error
    tls = KafkaTls(roots, certificate, key) if roots else None
    return KafkaAccess(servers, tls, KafkaLogin(user, password, mechanism) if user else None)
