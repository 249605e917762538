"""The `onrecord` command. A subcommand's module is imported when it is called, not before.

So the base install (kernel, proof, click) is enough for `onrecord ledger`, and nobody waits for
pymilvus to read a help text.
"""

import importlib
import os
import sys
from typing import NamedTuple

import click

from onrecord.kernel.errors import OnRecordError


class _Command(NamedTuple):
    module: str
    attribute: str
    extra: str
    help: str


_COMMANDS = {
    "up": _Command("onrecord.cli.up", "up", "standalone", "Run everything in one process."),
    "up-processes": _Command(
        "onrecord.cli.processes", "up_processes", "standalone", "Run the services apart, here."
    ),
    "serve": _Command("onrecord.cli.serve", "serve", "standalone", "Run one service."),
    "config": _Command("onrecord.cli.config", "config", "standalone", "Check or list settings."),
    "metrics": _Command("onrecord.cli.metrics", "metrics", "standalone", "All that is measured."),
    "migrate": _Command(
        "onrecord.cli.migrate", "migrate", "standalone", "Bring a database to its schema."
    ),
    "preflight": _Command(
        "onrecord.cli.preflight", "preflight", "standalone", "Is an installation fit to serve?"
    ),
    "certificates": _Command(
        "onrecord.cli.certificates", "certificates", "", "Mint a local authority's certificates."
    ),
    "keys": _Command(
        "onrecord.cli.keys", "keys", "standalone", "Mint the ledger's and the casework's key."
    ),
    "token": _Command("onrecord.cli.token", "token", "standalone", "Issue a development token."),
    "demo": _Command("onrecord.cli.demo", "demo", "standalone", "Watch one search, on the record."),
    "ledger": _Command("onrecord.cli.ledger", "ledger", "", "Verify a ledger, or list it."),
    "witness": _Command("onrecord.cli.witness", "witness", "", "Cosign other people's ledgers."),
    "monitor": _Command("onrecord.cli.monitor", "monitor", "", "Follow a ledger, and alarm."),
    "gallery": _Command(
        "onrecord.cli.gallery", "gallery", "manifests", "Fill, change, empty, check a gallery."
    ),
    "objects": _Command(
        "onrecord.cli.objects", "objects", "gateway", "Make the buckets of an installation."
    ),
    "bus": _Command("onrecord.cli.bus", "bus", "gateway", "Make and check the topics of Kafka."),
    "dlq": _Command("onrecord.cli.dlq", "dlq", "client", "Dead letters: explain, send on again."),
    "policy": _Command(
        "onrecord.cli.policy", "policy", "audit", "Write, ask, compare, sign, activate policies."
    ),
    "models": _Command(
        "onrecord.models.command", "models", "models", "Build and list face models."
    ),
    "portraits": _Command(
        "onrecord.portraits.command", "portraits", "portraits", "Draw people who do not exist."
    ),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(entry.module)
        command: click.Command = getattr(module, entry.attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        # Said from the table, so that `--help` imports no command.
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="onrecord", prog_name="onrecord")
def cli() -> None:
    """Face search over driver-licence galleries that can only happen on the record."""


def main() -> None:
    """Entry point. A refusal of ours is one line and exit status 1, never a stack trace."""
    # Read when gRPC is imported: its core writes each failed handshake and each connection that
    # was ended past our log otherwise, in a form of its own, where whoever collects the log expects
    # an object a line. What a call came to is told by its error, in ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        cli()
    except OnRecordError as error:
        at = f" ({error.field})" if error.field else ""
        click.echo(f"onrecord: {error.code.value}{at}: {error.message}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        # Some import when they are loaded, some when they run; both end here.
        if error.name is None or error.name.startswith("onrecord"):
            raise
        click.echo(f"onrecord: {_what_to_install(error.name)}", err=True)
        sys.exit(1)


def _what_to_install(missing: str) -> str:
    called = next((one for one in sys.argv[1:] if one in _COMMANDS), None)
    extra = _COMMANDS[called].extra if called else "standalone"
    return (
        f"this needs {missing}, which the base install leaves out; in OnRecord's folder: "
        f"pip install '.[{extra}]'"
    )
