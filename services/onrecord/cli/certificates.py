"""`onrecord certificates`: a local authority, and a certificate for every service."""

from pathlib import Path

import click

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Made where it is missing; what stands there is kept until it nears its end.",
)
def certificates(out: Path) -> None:
    """Mint a root, and each service's certificate and key, into a folder.

    For where no authority issues certificates. Whoever holds root.key.pem can be any service:
    after this, keep it away from the machines that serve.
    """
    authority = LocalAuthority.open(out)
    for service in Service:
        authority.issue(service)
        click.echo(f"{out / service.value}.pem  {service.spiffe_id}")
    click.echo(f"{out / 'root.pem'}  what all of them are believed by")
