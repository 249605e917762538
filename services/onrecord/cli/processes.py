"""`onrecord up-processes`: the five services apart, on one machine and one data folder."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import click

from onrecord.chassis.lifecycle import StopSignals
from onrecord.chassis.logs import prepare_log
from onrecord.cli.running_options import models_option, running_options
from onrecord.cli.starting import how_to_begin, refuse_busy_port, refuse_foreign
from onrecord.cli.witness_options import witnessing_of
from onrecord.kernel.errors import OnRecordError
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.lock import exclusive
from onrecord.standalone.plan import ONE_PLANE, TWO_PLANES, ProcessPlan, plan
from onrecord.standalone.supervisor import Supervisor


@click.command("up-processes")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("onrecord-data"),
    show_default=True,
    help="Everything they keep. Made, with fresh keys, where it is missing.",
)
@models_option
@click.option(
    "--planes",
    type=click.IntRange(1, 2),
    default=2,
    show_default=True,
    help="2: Utah's gallery on a plane of its own, with its own keys, and all others on another.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Of the gateway.")
@running_options
def up_processes(
    data: Path,
    models: Path,
    planes: int,
    host: str,
    port: int,
    origin: str,
    inference_threads: int,
    throttle_seconds: float,
    witnesses: Sequence[str],
    witness_quorum: int,
) -> None:
    """Run gateway, detection, embedding, vector search and audit, each as a process of its own.

    Settings and logs of each stand in DATA/processes. It ends when one of them does.
    """
    witnessing = witnessing_of(witnesses, witness_quorum)
    data = data.resolve()
    folder = DataFolder(data)
    refuse_foreign(folder)
    _refuse_other_layout(folder, planes)
    refuse_busy_port(host, port)
    prepare_log()
    log = logging.getLogger("onrecord.up-processes")
    began, first_start = time.monotonic(), not folder.bus.exists()
    folder.prepare()
    with StopSignals() as signals, exclusive(folder.lock):
        plans = plan(
            folder,
            models,
            ONE_PLANE if planes == 1 else TWO_PLANES,
            host=host,
            port=port,
            origin=origin,
            inference_threads=inference_threads,
            throttle_seconds=throttle_seconds,
            witnessing=witnessing,
        )
        supervisor = Supervisor(plans)
        signals.at_work()
        log.info("starting %d processes on %s", len(plans), data)
        died: ProcessPlan | None = None
        try:
            if supervisor.start(signals, lambda what: log.info("%s", what)):
                address = f"http://{plans[-1].address}"
                folder.address.write_text(address + "\n", "utf-8")
                log.info("ready in %.1f s: %s", time.monotonic() - began, address)
                click.echo(_table(plans, folder), err=True)
                if first_start:
                    click.echo(how_to_begin(data, address), err=True)
                died = supervisor.watch(signals)
        except OnRecordError as error:
            raise click.ClickException(error.message) from error
        finally:
            folder.address.unlink(missing_ok=True)
            log.info("stopping: each finishes what it accepted")
            clean = supervisor.close(lambda what: log.info("%s", what))
    if died is not None:
        raise click.ClickException(f"{died.name} ended by itself; its log is {died.log}")
    if not clean:
        raise click.ClickException(f"not everything ended cleanly; see {folder.processes}")
    log.info("stopped; everything acknowledged is on disk")


def _refuse_other_layout(folder: DataFolder, planes: int) -> None:
    several = folder.planes.exists()
    if several and planes == 1:
        raise click.ClickException(f"{folder.root} holds two planes; serve it with --planes 2")
    if not several and folder.vectors.exists() and planes == 2:
        raise click.ClickException(f"{folder.root} holds one plane; serve it with --planes 1")


def _table(plans: list[ProcessPlan], folder: DataFolder) -> str:
    rows = [("process", "called at", "health")]
    rows += [(one.name, one.address, f"http://{one.health}/readyz") for one in plans]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    where = f"  settings and log of each: {folder.processes}/PROCESS.toml, .log"
    return "\n".join(["", *lines, "", where, "  Ctrl-C stops them all.", ""])
