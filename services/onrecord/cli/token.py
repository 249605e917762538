"""`onrecord token`: a token from the development issuer of a data folder."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.kernel.vocabulary import Role
from onrecord.standalone.folder import DataFolder


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("onrecord-data"),
    show_default=True,
    help="The data folder of `onrecord up`.",
)
@click.option("--person", required=True, help="Agency-issued id of the person.")
@click.option("--agency", required=True, help="Such as us-ut-slcpd.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="May be given several times.",
)
@click.option("--gallery", help="For custodians: their gallery, such as US-UT.")
@click.option(
    "--training-completed",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Default: 30 days ago.",
)
@click.option(
    "--minutes", type=click.IntRange(1, 15), default=15, show_default=True, help="Lifetime."
)
def token(
    data: Path,
    person: str,
    agency: str,
    roles: tuple[str, ...],
    gallery: str | None,
    training_completed: datetime | None,
    minutes: int,
) -> None:
    """Issue a token and print it. For one machine: it vouches for whoever holds the folder."""
    if not DataFolder(data).lock.exists():
        raise click.ClickException(
            f"{data} is not a data folder that `onrecord up` has made; name one with --data"
        )
    now = datetime.now(UTC)
    trained: date = (
        training_completed.date() if training_completed else (now - timedelta(days=30)).date()
    )
    issued = DevelopmentIssuer.open(DataFolder(data).identity).issue(
        person=person,
        agency=agency,
        roles=[Role(role) for role in roles],
        training_completed=trained,
        gallery=gallery,
        lifetime=timedelta(minutes=minutes),
        now=now,
    )
    click.echo(issued)
