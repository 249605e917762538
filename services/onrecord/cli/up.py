"""`onrecord up`: everything in one process, on one data folder."""

import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

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
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("model_repository"),
    show_default=True,
    help="Built by `onrecord models build SET`.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8420, show_default=True, help="0 takes a free one.")
@click.option(
    "--origin", default="localhost/onrecord", show_default=True, help="The ledger's name."
)
@click.option(
    "--inference-threads",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Threads a model may use for one call.",
)
def up(data: Path, models: Path, host: str, port: int, origin: str, inference_threads: int) -> None:
    """Run gateway, detection, embedding, vector search and audit in one process."""
    began = time.monotonic()
    folder = DataFolder(data)
    if data.exists() and any(data.iterdir()) and not folder.lock.exists():
        raise click.ClickException(f"{data} holds something else; choose another with --data")
    _listening(host, port).close()  # a busy port is said at once, before anything is made
    _prepare_log()
    log = logging.getLogger("onrecord.up")
    # Uvicorn raises a signal again once it has drained; left to its default, SIGTERM would then
    # end the process before anything else is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)

    # Read when numpy is imported. From some 1,800 records of 256 dimensions on, OpenBLAS would
    # share a search of the vectors between threads, which then spin while the rest of the
    # search needs the processor: nearly twice the processor time of a search.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    # Slow imports (pymilvus alone takes seconds) only now, so that --help is quick.
    import uvicorn

    from onrecord.standalone.app import StandaloneSettings, standalone

    first_start = not folder.vectors.exists()
    settings = StandaloneSettings(data, models, origin, inference_threads)
    with (
        standalone(settings, lambda what: log.info("opening %s", what)) as running,
        _listening(host, port) as listener,
    ):
        address = f"http://{host}:{listener.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(
                running.app,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
                lifespan="on",
            )
        )
        folder.address.write_text(address + "\n", "utf-8")
        log.info("ready in %.1f s: %s", time.monotonic() - began, address)
        log.info("ledger key: %s", running.ledger_key)
        if first_start:
            _say_how_to_begin(data, address)
        try:
            server.run(sockets=[listener])
        except _Asked:
            log.info("stopping")
        finally:
            folder.address.unlink(missing_ok=True)
    log.info("stopped; everything acknowledged is on disk")


class _Asked(SystemExit):
    """Somebody asked the process to end; exit status 0."""


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - Python's signature
    # Asked once is enough: a second signal must not break off the closing.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise _Asked(0)


def _prepare_log() -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        force=True,
    )
    logging.Formatter.converter = time.gmtime
    for name in ("uvicorn.error", "pymilvus", "milvus_lite", "faiss"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({why}); choose another with --port"
        ) from error


def _say_how_to_begin(data: Path, address: str) -> None:
    click.echo(
        f"""
Fresh keys stand in {data} (certificates, ledger, casework, token issuer).
A token for a person, from the development issuer:

  onrecord token --data {data} --person p-reyes --agency us-ut-slcpd --role requester

The API is described at {address}/openapi.json; its public ledger is at {address}/ledger/checkpoint.
""",
        err=True,
    )
