"""`onrecord migrate SERVICE`: bring a service's database to the schema that this program knows."""

import logging
import sys
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from onrecord.chassis.database import (
    DatabaseLimits,
    migrating,
    open_database,
    read_transaction,
)
from onrecord.chassis.database.history import History, Standing, check, standing
from onrecord.chassis.settings import load
from onrecord.cli.databases import DATABASES
from onrecord.cli.services import settings_of
from onrecord.kernel.vocabulary import Service

# Nothing a step does is given up by time, but nobody is kept waiting for a table for long.
_LIMITS = DatabaseLimits(connections=4, wait_seconds=2.0, statement_seconds=0.0)


@click.command()
@click.argument("service", type=click.Choice([one.value for one in DATABASES]))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="ONRECORD_CONFIG",
    help="The service's own TOML. The environment (ONRECORD_<SERVICE>_...) overrides it.",
)
@click.option(
    "--owner-url",
    envvar="ONRECORD_MIGRATE_URL",
    help="The database as the role that owns it; better by the environment, since it holds a "
    "password. Default: as the service itself reaches it.",
)
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit 1 where steps lack."
)
def migrate(service: str, config: Path | None, owner_url: str | None, only_check: bool) -> None:
    """Take the steps that a database lacks, while services go on working with it.

    With an owner's URL, the role that the service connects as is granted what its tables are for,
    and nothing else. Repeatable, also after it was stopped.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    kept = DATABASES[Service(service)]
    url = kept.url(load(settings_of(Service(service)), config))
    history = kept.history()
    engine = open_database(owner_url or url, _LIMITS)
    try:
        with read_transaction(engine) as connection:
            before = standing(connection, history)
        if only_check:
            click.echo(_told(service, before, history))
            check(before, history)
            sys.exit(0 if before.version is not None and before.version >= history.newest else 1)
        after = migrating.migrate(engine, history)
        role = make_url(url).username
        if owner_url and role and engine.dialect.name == "postgresql":
            if role == engine.url.username:
                click.echo(f"the service connects as the owner, {role}: no rights are granted")
            else:
                migrating.grant(engine, history, role)
                click.echo(f"{role} may do what {service} does, and nothing else")
        click.echo(_told(service, after, history))
    finally:
        engine.dispose()


def _told(service: str, found: Standing, history: History) -> str:
    at = "has no schema" if found.version is None else f"is at {found.version:04d}"
    left = history.newest - (found.version or 0)
    what = "nothing is left to do" if left <= 0 else f"{left} to go to {history.newest:04d}"
    return f"the database of {service} {at}; {what}"
