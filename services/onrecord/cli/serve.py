"""`onrecord serve SERVICE`: one service, as a process of its own."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import click

from onrecord import __version__
from onrecord.chassis.health import HealthServer
from onrecord.chassis.heap import set_apart
from onrecord.chassis.lifecycle import Process, Stopping, StopSignals, run
from onrecord.chassis.logs import prepare_log
from onrecord.chassis.parts import GrpcPart, WorkerPart
from onrecord.chassis.settings import load
from onrecord.chassis.telemetry import TraceSettings, current_ids, start_tracing
from onrecord.cli.metrics import certificate_reading, metrics_page
from onrecord.cli.services import NAMES, contract_of, opener_of, settings_of
from onrecord.kernel.vocabulary import Service


@click.command()
@click.argument("service", type=click.Choice(NAMES))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="ONRECORD_CONFIG",
    help="TOML. The environment (ONRECORD_<SERVICE>_...) overrides it.",
)
@click.option("--with-parent", is_flag=True, hidden=True, help="End when standard input does.")
def serve(service: str, config: Path | None, with_parent: bool) -> None:
    """Run one service until SIGTERM; what it accepted is finished first.

    Its settings: `onrecord config show SERVICE`, and what is wrong with them: `onrecord config
    check SERVICE`.
    """
    began = time.monotonic()
    which = Service(service)
    settings = load(settings_of(which), config)
    prepare_log(settings.log_level, settings.log_form, service, current_ids)
    log = logging.getLogger(f"onrecord.{service}")
    # Read when numpy is imported: threads of BLAS would spin while others need the processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if with_parent:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    stopping = Stopping(settings.unready_seconds, settings.stop_seconds)
    tracing = start_tracing(
        service, __version__, TraceSettings(settings.otlp_endpoint, settings.trace_sample)
    )
    with (
        closing(tracing),
        StopSignals() as signals,
        opener_of(which)(settings, lambda what: log.info("opening %s", what)) as process,
    ):
        _told_of(process, contract_of(which))
        certificate = certificate_reading(which, settings.certificate)
        pages = metrics_page((which,), (certificate, *process.readings))
        health = HealthServer(settings.health_address, process.health, pages)
        health.start()
        log.info("health at http://%s", _at(settings.health_address, health.port))

        def ready() -> None:
            set_apart()
            process.health.opened()
            log.info("at work after %.1f s", time.monotonic() - began)

        try:
            clean = run(process.parts, process.health, signals, stopping, ready)
        finally:
            health.close()
    log.info("stopped; everything acknowledged is on disk")
    sys.exit(0 if clean else 1)


def _told_of(process: Process, contract: str) -> None:
    process.health.watch(part for part in process.parts if isinstance(part, WorkerPart))
    for part in process.parts:
        if isinstance(part, GrpcPart):
            part.tell(process.health, contract)


def _end_with_parent() -> None:
    # Nothing is ever written; the pipe ends when whoever holds its other end is gone.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _at(address: str, port: int) -> str:
    return f"{address.rpartition(':')[0]}:{port}"
