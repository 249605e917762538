"""The command itself: which processes, and how it is told."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from onrecord.chassis.bus.kafka.topics import Durability
from onrecord.cli.preflight.examining import examined
from onrecord.cli.preflight.results import as_json, is_fit, lines
from onrecord.cli.preflight.targets import (
    Installation,
    Target,
    Unreadable,
    configs_in,
    read_target,
)
from onrecord.cli.services import NAMES
from onrecord.kernel.vocabulary import Service


@click.command()
@click.argument("services", nargs=-1, type=click.Choice(NAMES))
@click.option(
    "--config-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Settings of processes: SERVICE.toml or SERVICE-ANYTHING.toml. Default: all in it.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="ONRECORD_CONFIG",
    help="The settings of one SERVICE. The environment (ONRECORD_<SERVICE>_...) overrides them.",
)
@click.option("--json", "told_as_json", is_flag=True, help="One JSON object, at the end.")
@click.option(
    "--certificate-days",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="A certificate must last so much longer.",
)
@click.option("--partitions", type=click.IntRange(1, 1000), help="As given to `bus make`.")
@click.option("--replicas", type=click.IntRange(1), default=3, show_default=True)
@click.option("--in-sync", type=click.IntRange(1), default=2, show_default=True)
def preflight(
    services: tuple[str, ...],
    config_dir: Path | None,
    config: Path | None,
    told_as_json: bool,
    certificate_days: float,
    partitions: int | None,
    replicas: int,
    in_sync: int,
) -> None:
    """Check an installation before it serves: certificates, ledger key, identity provider,
    databases, objects, bus, models, index. It changes nothing that stays.

    A line a check: ok, missing (with the command that makes it) or not checked (and why). Exits 1
    where anything is missing. Run it where the services will run, with their settings.
    """
    read = _read(tuple(Service(one) for one in services), config_dir, config)
    installation = Installation(
        [one for one in read if isinstance(one, Target)],
        datetime.now(UTC),
        certificate_days,
        partitions,
        Durability(replicas, in_sync),
    )
    found = []
    for one in examined(installation, [one for one in read if isinstance(one, Unreadable)]):
        found.append(one)
        if not told_as_json:
            for line in lines(one):
                click.echo(line)
    if told_as_json:
        click.echo(as_json(found))
    sys.exit(0 if is_fit(found) else 1)


def _read(
    services: tuple[Service, ...], folder: Path | None, config: Path | None
) -> list[Target | Unreadable]:
    if folder is None:
        if len(services) != 1:
            raise click.UsageError("name one SERVICE, or the folder of all: --config-dir DIR")
        return [read_target(services[0].value, services[0], config)]
    there = configs_in(folder)
    wanted = {name: at for name, at in there.items() if not services or at[0] in services}
    absent = set(services) - {service for service, _ in wanted.values()}
    if absent or not wanted:
        names = ", ".join(sorted(one.value for one in absent)) or "any service"
        raise click.UsageError(f"{folder} has no settings of {names} (SERVICE.toml)")
    return [read_target(name, service, path) for name, (service, path) in wanted.items()]
