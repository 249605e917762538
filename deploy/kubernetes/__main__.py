"""`python -m deploy.kubernetes`: an API server with simulated nodes, for trying the chart."""

import os
import tempfile
import time
from pathlib import Path

import click

from deploy.kubernetes import programs
from deploy.kubernetes.nodes import three_zones
from deploy.kubernetes.server import started

_ROOT = Path(__file__).resolve().parents[2]
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")) / "tools"


@click.group()
def main() -> None:
    """A Kubernetes API server on this machine; nothing runs in its pods."""


@main.command()
def install() -> None:
    """Build what lacks."""
    programs.all_of_it(_TOOLS, click.echo)


@main.command()
def up() -> None:
    """Start a server and say how it is reached; Ctrl-C ends it and forgets everything."""
    with (
        tempfile.TemporaryDirectory(prefix="onrecord-kubernetes-") as name,
        started(_TOOLS, Path(name), three_zones(), click.echo) as server,
    ):
        click.echo(f"export KUBECONFIG={server.kubeconfig} PATH={server.path}:$PATH")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
