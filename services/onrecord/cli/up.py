"""`onrecord up`: everything in one process, on one data folder."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click

from onrecord import __version__
from onrecord.chassis.health import Health, HealthServer
from onrecord.chassis.heap import set_apart
from onrecord.chassis.lifecycle import Stopping, StopSignals, run
from onrecord.chassis.logs import prepare_log
from onrecord.chassis.telemetry import Reading, TraceSettings, current_ids, start_tracing
from onrecord.cli.running_options import models_option, running_options
from onrecord.cli.starting import how_to_begin, refuse_busy_port, refuse_foreign
from onrecord.cli.witness_options import witnessing_of
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.folder import DataFolder

_SHUTDOWN_SECONDS = 20


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("onrecord-data"),
    show_default=True,
    help="Everything it keeps. Made, with fresh keys, where it is missing.",
)
@models_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--health",
    default="",
    metavar="HOST:PORT",
    help="Answer /healthz, /readyz and /metrics there as well.",
)
@click.option("--otlp", default="", metavar="URL", help="Send spans to this OTLP collector (gRPC).")
@running_options
def up(
    data: Path,
    models: Path,
    host: str,
    health: str,
    otlp: str,
    port: int,
    origin: str,
    inference_threads: int,
    throttle_seconds: float,
    witnesses: Sequence[str],
    witness_quorum: int,
) -> None:
    """Run gateway, detection, embedding, vector search and audit in one process."""
    began = time.monotonic()
    witnessing = witnessing_of(witnesses, witness_quorum)
    folder = DataFolder(data)
    refuse_foreign(folder)
    if folder.planes.exists():
        raise click.ClickException(
            f"{data} holds two planes; serve it with `onrecord up-processes --data {data}`"
        )
    refuse_busy_port(host, port)
    prepare_log(ids=current_ids)
    tracing = start_tracing("up", __version__, TraceSettings(otlp))
    log = logging.getLogger("onrecord.up")

    # Read when numpy is imported. From some 1,800 records of 256 dimensions on, OpenBLAS would
    # share a search of the vectors between threads, which then spin while the rest of the
    # search needs the processor: nearly twice the processor time of a search.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    with closing(tracing), StopSignals() as signals:
        # Slow imports (pymilvus alone takes seconds) only now, so that --help is quick.
        from onrecord.gateway.http.part import HttpPart, listening
        from onrecord.standalone.app import StandaloneSettings, standalone

        first_start = not folder.vectors.exists()
        settings = StandaloneSettings(
            data, models, origin, inference_threads, throttle_seconds, witnessing=witnessing
        )
        with (
            standalone(settings, lambda what: log.info("opening %s", what)) as running,
            listening(host, port) as listener,
            _health(health, running.health, running.readings),
        ):
            address = f"http://{host}:{listener.getsockname()[1]}"

            def ready() -> None:
                set_apart()
                running.health.opened()
                folder.address.write_text(address + "\n", "utf-8")
                log.info("ready in %.1f s: %s", time.monotonic() - began, address)
                log.info("ledger key: %s", running.ledger_key)
                if first_start:
                    click.echo(how_to_begin(data, address), err=True)

            web = HttpPart(running.app, listener, _SHUTDOWN_SECONDS, lambda _: None)
            stopping = Stopping(unready=0, grace=_SHUTDOWN_SECONDS)
            try:
                parts = (*running.parts, web)
                clean = run(parts, running.health, signals, stopping, ready)
            finally:
                folder.address.unlink(missing_ok=True)
    if not clean:
        raise click.ClickException("not everything ended cleanly; see the log above")
    log.info("stopped; everything acknowledged is on disk")


@contextmanager
def _health(address: str, health: Health, readings: Sequence[Reading]) -> Iterator[None]:
    if not address:
        yield
        return
    from onrecord.cli.metrics import metrics_page

    with closing(HealthServer(address, health, metrics_page(tuple(Service), readings))) as server:
        server.start()
        logging.getLogger("onrecord.up").info("metrics at http://%s/metrics", server.address)
        yield
