"""`onrecord monitor`: follow a ledger for ever. Needs the base install and nobody's permission."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from onrecord.chassis.lifecycle import StopSignals
from onrecord.cli.ledger_source import is_url, open_fetch
from onrecord.cli.monitor_lines import MonitorLines
from onrecord.cli.monitor_rows import rows_from
from onrecord.cli.verifier_keys import verifier_key
from onrecord.kernel.times import SystemClock
from onrecord.monitor.core import HISTORY, AlarmKind, Watch
from onrecord.monitor.folder import MonitorFolder
from onrecord.monitor.service import Monitor
from onrecord.proof.notes import COSIGNATURE_V1, ED25519

_MAY_BE_IGNORED = sorted(kind.value for kind in AlarmKind if kind not in HISTORY)
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("source", metavar="PATH-or-URL")
@click.option("--key", "key_text", metavar="VKEY", required=True, help="The log's verifier key.")
@click.option(
    "--memory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The monitor's own folder: the last checkpoint it saw, and the alarms it told.",
)
@click.option(
    "--witness", "witnesses", metavar="VKEY", multiple=True, help="A witness that must cosign."
)
@click.option(
    "--witness-within",
    type=_SECONDS,
    default=300,
    show_default=True,
    help="Seconds that the ledger may go without a cosignature by each witness.",
)
@click.option("--still", type=_SECONDS, help="Seconds that the ledger may stand still.")
@click.option(
    "--bodies",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Bodies, for who may have them (bodies.jsonl): a file that may grow.",
)
@click.option("--some-bodies", is_flag=True, help="Bodies may be missing.")
@click.option(
    "--policy-key",
    "policy_keys",
    metavar="VKEY",
    multiple=True,
    help="A state's own policy key: another key of that state is an alarm.",
)
@click.option(
    "--ignore", "ignored", type=click.Choice(_MAY_BE_IGNORED), multiple=True, help="Not to tell."
)
@click.option(
    "--every", type=_SECONDS, default=60, show_default=True, help="Seconds between two looks."
)
@click.option("--once", is_flag=True, help="Look once; exit 1 if there is an alarm.")
@click.option("--json", "as_json", is_flag=True, help="Tell in lines of JSON.")
def monitor(
    source: str,
    key_text: str,
    memory: Path,
    witnesses: Sequence[str],
    witness_within: float,
    still: float | None,
    bodies: Path | None,
    some_bodies: bool,
    policy_keys: Sequence[str],
    ignored: Sequence[str],
    every: float,
    once: bool,
    as_json: bool,
) -> None:
    """Follow a ledger: is it only ever added to, does it go on, and what does it tell?

    Keep --memory safe: it is what a rewritten history is held against. Exit: 0 when stopped, or
    with --once where nothing was found; 1 with --once where there is an alarm, or where the
    memory cannot be used; 2 where the command was not understood.
    """
    if not is_url(source) and not Path(source).is_dir():
        raise click.UsageError(f"{source} is neither a folder nor an http(s) address")
    watch = Watch(
        key=verifier_key(key_text, ED25519, "--key"),
        witnesses=tuple(verifier_key(one, COSIGNATURE_V1, "--witness") for one in witnesses),
        witness_within=timedelta(seconds=witness_within),
        still=None if still is None else timedelta(seconds=still),
        policy_keys=tuple(verifier_key(one, ED25519, "--policy-key") for one in policy_keys),
        some_bodies=some_bodies,
        ignored=frozenset(AlarmKind(one) for one in ignored),
    )
    clock = SystemClock()
    folder = MonitorFolder(memory)
    lines = MonitorLines(folder, clock, as_json=as_json)
    follower = Monitor(
        open_fetch(source),
        watch,
        shelf=folder,
        tell=lines.alarms,
        clock=clock,
        bodies=None if bodies is None else partial(rows_from, bodies),
    )
    with folder.held():
        if once:
            sys.exit(1 if _look_once(follower, lines) else 0)
        _follow(follower, lines, every)


def _look_once(follower: Monitor, lines: MonitorLines) -> bool:
    """Look until nothing is left to be looked at; whether there was an alarm."""
    alarmed, more = False, True
    while more:
        found = follower.round()
        more = found.more
        alarmed = alarmed or bool(found.alarms)
        lines.round(found, always=not more)
    return alarmed


def _follow(follower: Monitor, lines: MonitorLines, every: float) -> None:
    with StopSignals() as signals:
        signals.at_work()  # a round that has begun is finished, then we stop
        more = True
        while not signals.wait(0 if more else every):
            found = follower.round()
            more = found.more
            lines.round(found, always=False)
