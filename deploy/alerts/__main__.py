"""`python -m deploy.alerts`: writes the rule file; `--check` holds it to what stands there."""

import sys
from pathlib import Path

import click

from deploy.alerts.rules import RULES, shortened, written

_ROOT = Path(__file__).resolve().parents[2]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where the file is not current.")
@click.option(
    "--shortened",
    "short",
    type=click.Path(path_type=Path),
    help="Write it there for a "
    "test: every alert fires as soon as its expression holds for a second.",
)
def main(check: bool, short: Path | None) -> None:
    """Write the recording rules and alerts."""
    if short is not None:
        short.write_text(shortened(written()), "utf-8")
        return
    if not check:
        RULES.parent.mkdir(parents=True, exist_ok=True)
        RULES.write_text(written(), "utf-8")
    elif not RULES.exists() or RULES.read_text("utf-8") != written():
        click.echo(f"{RULES.relative_to(_ROOT)} is not current: `make alerts`", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
