"""`onrecord dlq`: messages that nobody could work on. Ids and reasons, and the way on."""

import click

from onrecord.cli.gateway_access import Access, access_options
from onrecord.kernel.vocabulary import Role


@click.group()
def dlq() -> None:
    """Dead letters: what they were, why they stopped, and sending them on again."""


@dlq.command("list")
@click.option("--gallery", "name", help="Of one gallery only, such as US-UT.")
@access_options
def list_letters(name: str | None, access: Access) -> None:
    """The dead letters there are, the oldest first."""
    from onrecord.cli.gallery.run import client_for

    with client_for(access, name, Role.OPERATOR) as client:
        for one in client.dead_letters(name):
            again = f", sent on {one.redriven_at}" if one.redriven_at else ""
            known = one.enrolment_id is not None
            about = f"{one.gallery} {one.enrolment_id}" if known else "about no enrolment"
            click.echo(
                f"{one.letter_id:>6}  {one.time}  {one.code:<22} {one.topic}  {about}"
                f"  ({one.attempts} attempts{again})"
            )


@dlq.command()
@click.argument("letter", type=int)
@access_options
def explain(letter: int, access: Access) -> None:
    """What LETTER was, why it stopped, and what sending it on again would do."""
    from onrecord.cli.gallery.run import client_for

    with client_for(access, None, Role.OPERATOR) as client:
        said = client.explain_dead_letter(letter)
    one = said.dead_letter
    click.echo(f"{one.letter_id}: {said.was}")
    click.echo(f"  where      {one.topic}, partition {one.partition}, offset {one.offset}")
    click.echo(f"  since      {one.time}, after {one.attempts} attempts")
    click.echo(f"  why        {said.reason} ({one.code})")
    if one.enrolment_id:
        click.echo(f"  enrolment  {one.gallery} {one.enrolment_id}: {said.enrolment_status}")
    click.echo(f"  redrive    {said.redrive}")


@dlq.command()
@click.argument("letters", type=int, nargs=-1)
@click.option("--gallery", "name", help="All of this gallery that wait.")
@access_options
def redrive(letters: tuple[int, ...], name: str | None, access: Access) -> None:
    """Send LETTERS on again, or all of a gallery, from the plane's roster and vault."""
    from onrecord.cli.gallery.run import client_for

    if bool(letters) == (name is not None):
        raise click.UsageError("name letters, or a gallery with --gallery")
    refused = 0
    with client_for(access, name, Role.CUSTODIAN if name else Role.OPERATOR) as client:
        after = 0
        while sent := client.redrive(letters, gallery=name, after=after):
            for one in sent:
                after = max(after, one.letter_id)
                refused += one.code is not None
                click.echo(f"{one.letter_id:>6}  {one.code or 'on its way again'}")
            if letters:
                break
    if refused:
        raise click.ClickException(f"{refused} could not be sent on")
