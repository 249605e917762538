"""`onrecord config`: what can be set, what is set, and what is wrong with it."""

import sys
from pathlib import Path

import click

from onrecord.chassis.settings import examine, examine_files
from onrecord.chassis.settings.fields import documented, shown
from onrecord.cli.services import NAMES, settings_of
from onrecord.kernel.vocabulary import Service


@click.group()
def config() -> None:
    """Check a service's settings, or list them all."""


@config.command()
@click.argument("service", type=click.Choice(NAMES))
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="ONRECORD_CONFIG",
    help="TOML. The environment (ONRECORD_<SERVICE>_...) overrides it.",
)
@click.option(
    "--files/--no-files",
    default=True,
    show_default=True,
    help="Also open the files and folders that settings name, and read the keys in them.",
)
def check(service: str, path: Path | None, files: bool) -> None:
    """Say what is effective and what is wrong; secrets are masked. Exits 1 where anything is."""
    kind = settings_of(Service(service))
    read, problems = examine(kind, path)
    if read is not None and files:
        from onrecord.cli.config_contents import examine_contents

        problems += examine_files(read) or examine_contents(Service(service), read)
    for one in problems:
        click.echo(f"wrong    {f'{one.name}: ' if one.name else ''}{one.says}")
    if read is not None:
        for name in kind.model_fields:
            given = "set    " if name in read.model_fields_set else "default"
            click.echo(f"{given}  {name} = {shown(getattr(read, name), whole=True)}")
    if problems:
        sys.exit(1)


@config.command()
@click.argument("service", type=click.Choice(NAMES))
def show(service: str) -> None:
    """Every setting of a service: its variable, unit, default and meaning."""
    for one in documented(settings_of(Service(service))):
        unit = f", {one.unit}" if one.unit else ""
        default = "must be given" if one.default is None else f"default {one.default}"
        click.echo(f"{one.name}  ({one.variable}; {one.kind}{unit}; {default})")
        click.echo(f"    {one.says}")


@config.command()
def document() -> None:
    """All settings of all services, as Markdown: `docs/settings.md`."""
    click.echo(page(), nl=False)


def page() -> str:
    """The page `docs/settings.md`, from the fields."""
    lines = [
        "# Settings",
        "",
        "Generated from the fields by `onrecord config document > docs/settings.md`; a test keeps "
        "it current.",
        "",
        "A process of `onrecord serve SERVICE` reads a TOML file (`--config` or `ONRECORD_CONFIG`)"
        ", whose keys are the names below, and the environment, which overrides it. A setting that "
        "does not exist is refused. `onrecord config check SERVICE` says what is wrong and what is "
        "effective; it also opens the files and folders that settings name, and reads the "
        "certificates, keys and models in them (not with `--no-files`). It calls nobody and makes "
        "nothing.",
    ]
    for service in Service:
        kind = settings_of(service)
        lines += ["", f"## {service.value}", "", (kind.__doc__ or "").strip(), ""]
        lines += ["| setting | variable | kind | default | meaning |", "|---|---|---|---|---|"]
        for one in documented(kind):
            unit = f", {one.unit}" if one.unit else ""
            default = "**must be given**" if one.default is None else f"`{one.default}`"
            lines.append(
                f"| `{one.name}` | `{one.variable}` | {one.kind}{unit} | {default} | {one.says} |"
            )
    return "\n".join(lines) + "\n"
