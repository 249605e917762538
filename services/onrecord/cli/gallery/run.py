"""What the commands do, against a gateway."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from onrecord.cli.gallery.bringing import Bringer, Pace, Stuck, settled
from onrecord.cli.gallery.progress import Progress
from onrecord.cli.gallery.reports import Tally, write_report
from onrecord.cli.gateway_access import Access
from onrecord.client import ClientError, GalleryInfo, Manifest, OnRecordClient
from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import HEADER, read_signed
from onrecord.proof.manifests import read_header


def bring(manifest: Path, images: Path, act: ManifestAct, pace: Pace, access: Access) -> None:
    """Bring a signed list and tell what it came to. Exit status 1 where it is not finished."""
    listed = manifest.with_name(manifest.name.removesuffix(HEADER))
    signed = read_signed(listed)
    header = read_header(signed.header)
    if header.act is not act:
        raise click.UsageError(f"the list was signed to {header.act.value}, not to {act.value}")
    progress = Progress(header.rows, "rows")
    with client_for(access, header.gallery) as client:
        bringer = Bringer(
            client=client,
            signed=signed,
            header=header,
            source=open_list(listed, act),
            images=images,
            pace=pace,
            told=lambda state: progress.told(settled(state), _note(state)),
        )
        try:
            state = bringer.run()
        except KeyboardInterrupt:
            raise click.ClickException("stopped; the same command goes on from here") from None
        except Stuck as stuck:
            report(client, stuck.state, listed)
            left = header.rows - settled(stuck.state)
            raise click.ClickException(
                f"{left:,} rows have not moved for {pace.patience:.0f} s; see `onrecord dlq list`. "
                "The same command goes on from here"
            ) from None
        progress.end(settled(state), _note(state))
        report(client, state, listed)


def report(client: OnRecordClient, state: Manifest, listed: Path) -> None:
    """Counts, rejects by reason and duplicates; both also as CSV beside the list. The counts are
    what rows came to when they ended: what is live now is said where it is another number.
    """
    said = ", ".join(f"{count:,} {name}" for name, count in sorted(state.counts.items()) if count)
    click.echo(f"{state.rows:,} rows: {said}")
    if state.live is not None and state.live != state.counts.get("accepted", 0):
        click.echo(f"Of those accepted then, {state.live:,} are live now.")
    for title, suffix, statuses in (
        ("Rejected", ".rejected.csv", ("rejected", "unknown")),
        ("Duplicates: the same image under another record", ".duplicates.csv", ()),
    ):
        path = listed.with_name(listed.name + suffix)
        _tell(title, write_report(client, state, path, statuses), path)


def delete_one(access: Access, gallery: str, record: str) -> None:
    with client_for(access, gallery) as client:
        receipt = client.delete_record(gallery, record)
    click.echo("Deleted. The receipt:")
    click.echo(f"  not returned from     {receipt.not_returned_from}")
    click.echo(f"  vectors compacted     {receipt.vectors_compacted_at or 'not yet'}")
    click.echo(f"  backups expire        {receipt.backups_expire_at}")


def show_all(access: Access) -> None:
    with client_for(access, None) as client:
        held = client.galleries()
    for one in held:
        click.echo(f"{one.gallery}  {one.live_records:>12,} records  {one.model_id}")


def show_one(access: Access, gallery: str) -> None:
    with client_for(access, gallery) as client:
        held = [one for one in client.galleries() if one.gallery == gallery]
    if not held:
        raise click.ClickException(f"there is no gallery {gallery}")
    for line in _described(held[0]):
        click.echo(line)


def check(access: Access, gallery: str, *, repair: bool, remove_unknown: int | None = None) -> None:
    with client_for(access, gallery) as client:
        if remove_unknown is None:
            found = client.check_gallery(gallery, repair=repair)
        else:
            found = client.remove_unknown_portraits(gallery, remove_unknown)
            click.echo(f"{remove_unknown:,} portraits of no record destroyed, on the record.")
    click.echo(f"live in the roster      {found.live:,}")
    click.echo(f"in the index            {found.indexed:,}")
    click.echo(f"live without a vector   {found.missing_vectors:,}")
    click.echo(f"vectors of no record    {found.ghosts:,}")
    click.echo(f"live without a portrait {found.missing_portraits:,}")
    click.echo(f"portraits of no record  {found.unknown_portraits:,}")
    if repair:
        click.echo(f"repaired                {found.repaired:,}")
    if found.unknown_portraits:
        click.echo(
            "If the roster was restored, these are all that is left of records enrolled since its "
            "backup: look for a later roster first. They go with `--remove-unknown "
            f"{found.unknown_portraits}`, which is an entry in the ledger.",
            err=True,
        )
    if not found.agrees and not repair:
        click.echo("They do not agree; `--repair` makes the index agree.", err=True)
        sys.exit(1)
    click.echo("They agree." if found.agrees else "Repaired; look again when it has been enrolled.")


@contextmanager
def client_for(
    access: Access, gallery: str | None, role: Role = Role.CUSTODIAN
) -> Iterator[OnRecordClient]:
    """A client for as long as this lasts; what is refused is one line."""
    if gallery is None and role is Role.CUSTODIAN:
        role = Role.OPERATOR
    address = access.address()
    with OnRecordClient(address, access.tokens(role, gallery)) as client:
        try:
            yield client
        except ClientError as error:
            at = f" ({error.field})" if error.field else ""
            raise click.ClickException(f"{error.code}{at}: {error.message}") from error


def _note(state: Manifest) -> str:
    counts = state.counts
    moving = counts.get("processing", 0)
    rejected = counts.get("rejected", 0) + counts.get("unknown", 0)
    return f"{moving:,} on their way, {rejected:,} rejected"


def _tell(title: str, tally: Tally, path: Path) -> None:
    total = sum(tally.counts.values())
    if total:
        click.echo(f"{title}: {total:,}; every one in {path}")
        for line in tally.lines():
            click.echo(line)


def _described(one: GalleryInfo) -> list[str]:
    return [
        f"{one.gallery}: {one.live_records:,} records",
        f"  model          {one.model_id}",
        f"  metric         {one.metric}",
        f"  authority key  {one.authority_key}",
        f"  sealed to      {one.public_key.hex()}",
    ]
