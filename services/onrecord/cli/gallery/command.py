"""The commands. What they do stands beside them."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from onrecord.cli.gateway_access import Access, access_options
from onrecord.kernel.vocabulary import ManifestAct

ExistingFile = click.Path(exists=True, dir_okay=False, path_type=Path)
Folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def gallery() -> None:
    """Fill, change, empty and check a gallery: its custodian's commands."""


@gallery.command()
@click.argument("listed", metavar="LIST", type=ExistingFile)
@click.option("--gallery", "name", required=True, help="Such as US-UT.")
@click.option("--key", "key_file", type=ExistingFile, required=True, help="The state's own key.")
@click.option(
    "--act",
    type=click.Choice([act.value for act in ManifestAct]),
    default=ManifestAct.ENROL.value,
    show_default=True,
)
@click.option("--chunk-rows", type=click.IntRange(1, 65_536), default=65_536, show_default=True)
def sign(listed: Path, name: str, key_file: Path, act: str, chunk_rows: int) -> None:
    """Sign LIST (CSV or Parquet: record_id, image_sha256, path) with the state's own key."""
    from onrecord.contracts.request_parsing import parse_jurisdiction
    from onrecord.manifests.reading import open_list
    from onrecord.manifests.signing import build_header, write_signed
    from onrecord.proof.authority import key_name
    from onrecord.proof.notes import NoteSigner

    parse_jurisdiction(name, "gallery")
    signer = NoteSigner.parse(key_file.read_text("utf-8").strip())
    if signer.name != key_name(name):
        raise click.UsageError(f"the key is {signer.name}'s, the list is for {name}")
    wanted = ManifestAct(act)
    header = build_header(
        open_list(listed, wanted),
        gallery=name,
        act=wanted,
        created=datetime.now(UTC),
        chunk_rows=chunk_rows,
        told=_counted() if sys.stderr.isatty() else lambda _: None,
    )
    signed = write_signed(listed, header, signer)
    click.echo(f"Signed: {header.rows:,} rows in {len(header.chunks):,} chunks, to {act}.")
    click.echo(f"Its name everywhere: {signed.manifest_id}")
    click.echo(f"Bring it: onrecord gallery {_bring_words(wanted, listed)}")


@gallery.command()
@click.argument("manifest", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--images", type=Folder, required=True, help="The folder its paths begin at.")
@click.option("--workers", type=click.IntRange(1, 32), default=4, show_default=True)
@click.option(
    "--in-flight",
    type=click.IntRange(64, 1_000_000),
    default=2048,
    show_default=True,
    help="Portraits on their way at once.",
)
@click.option(
    "--patience",
    type=click.IntRange(10, 86_400),
    default=600,
    show_default=True,
    help="Seconds without anything moving after which to stop.",
)
@access_options
def enrol(
    manifest: Path, images: Path, workers: int, in_flight: int, patience: int, access: Access
) -> None:
    """Bring the portraits of a signed list. Stopped anywhere, the same command goes on."""
    from onrecord.cli.gallery.bringing import Pace
    from onrecord.cli.gallery.run import bring

    pace = Pace(workers=workers, in_flight=in_flight, patience=float(patience))
    bring(manifest, images, ManifestAct.ENROL, pace, access)


@gallery.command()
@click.argument("record", required=False)
@click.option("--gallery", "name", help="Such as US-UT; with RECORD.")
@click.option(
    "--list",
    "manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A list signed with `--act delete`.",
)
@access_options
def delete(record: str | None, name: str | None, manifest: Path | None, access: Access) -> None:
    """Delete RECORD, or all records of a signed list. No search that begins later returns them."""
    from onrecord.cli.gallery.bringing import Pace
    from onrecord.cli.gallery.run import bring, delete_one

    if (record is None) == (manifest is None):
        raise click.UsageError("name one RECORD, or a list with --list")
    if manifest is not None:
        bring(manifest, Path(), ManifestAct.DELETE, Pace(), access)
        return
    if name is None:
        raise click.UsageError("name the gallery with --gallery")
    delete_one(access, name, record or "")


@gallery.command("list")
@access_options
def list_galleries(access: Access) -> None:
    """The galleries there are."""
    from onrecord.cli.gallery.run import show_all

    show_all(access)


@gallery.command()
@click.argument("name", metavar="GALLERY")
@access_options
def show(name: str, access: Access) -> None:
    """One gallery: its model, keys, records and plane."""
    from onrecord.cli.gallery.run import show_one

    show_one(access, name)


@gallery.command()
@click.argument("name", metavar="GALLERY")
@click.option("--repair", is_flag=True, help="Make the index agree, from roster and vault.")
@click.option(
    "--remove-unknown",
    type=click.IntRange(1),
    metavar="COUNT",
    help="Destroy the COUNT sealed portraits of enrolments that the roster does not know.",
)
@access_options
def verify(name: str, repair: bool, remove_unknown: int | None, access: Access) -> None:
    """Whether roster, index and vault of GALLERY agree (R-48). Exit status 1 where they do not."""
    from onrecord.cli.gallery.run import check

    if repair and remove_unknown is not None:
        raise click.UsageError("repair first, and look again")
    check(access, name, repair=repair, remove_unknown=remove_unknown)


def _counted() -> Callable[[int], None]:
    return lambda rows: click.echo(f"\r{rows:,} rows read", err=True, nl=False)


def _bring_words(act: ManifestAct, listed: Path) -> str:
    if act is ManifestAct.DELETE:
        return f"delete --list {listed}"
    return f"enrol {listed} --images FOLDER"
