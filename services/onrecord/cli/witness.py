"""`onrecord witness`: a small witness for those who have none. Needs the base install alone."""

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from onrecord.chassis.lifecycle import StopSignals
from onrecord.chassis.logs import prepare_log
from onrecord.cli.ledger_lines import printable
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import SystemClock, format_time
from onrecord.proof.notes import COSIGNATURE_V1, ED25519, NoteSigner, NoteVerifier
from onrecord.witness.book import Book
from onrecord.witness.http import WitnessServer
from onrecord.witness.service import Witness

_WATCH_SECONDS = 0.5

_DATABASE = click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("witness.db"),
    show_default=True,
    help="What it remembers. Never restore an older copy: see docs/threats.md.",
)


@click.group()
def witness() -> None:
    """Cosign a ledger's checkpoints, each only if it extends all that were seen before."""


@witness.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def key(name: str, out: Path) -> None:
    """Make a witness's key called NAME (such as witness.example/w1) in a new file.

    Prints the verifier key, which is what those get who are to believe it.
    """
    try:
        signer = NoteSigner.generate(name, COSIGNATURE_V1)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FileExistsError as error:
        raise click.UsageError(f"{out} is there already, and a key is not overwritten") from error
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written ({error.strerror})") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(signer.text + "\n")
        file.flush()
        os.fsync(file.fileno())
    click.echo(signer.verifier.text)


@witness.command()
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="The witness's own key, of `onrecord witness key`.",
)
@click.option(
    "--log",
    "logs",
    metavar="VKEY",
    multiple=True,
    required=True,
    help="The verifier key of a ledger that is to be cosigned. May be given several times.",
)
@_DATABASE
@click.option("--address", default="127.0.0.1:8470", show_default=True, help="Port 0: a free one.")
def serve(key_file: Path, logs: Sequence[str], database: Path, address: str) -> None:
    """Answer POST /add-checkpoint and GET /<SHA-256 of an origin>/checkpoint until SIGTERM."""
    prepare_log()
    log = logging.getLogger("onrecord.witness")
    signer = _signer(key_file)
    known = [_verifier(text) for text in logs]
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--address: {address} is not host:port")
    with StopSignals() as signals:
        book = Book(database)
        served = Witness(signer, known, book, SystemClock())
        try:
            server = WitnessServer(host.strip("[]"), int(port), served)
        except OSError as error:
            raise click.UsageError(f"--address: {address} cannot be had ({error})") from error
        signals.at_work()
        server.start()
        log.info("verifier key: %s", signer.verifier.text)
        log.info("at http://%s:%d", host, server.port)
        while not signals.wait(_WATCH_SECONDS):
            pass
        server.close()
        book.close()
        log.info("stopped; everything cosigned is on disk")


@witness.command()
@_DATABASE
def show(database: Path) -> None:
    """List what was cosigned, and what a ledger had signed and was refused (the evidence)."""
    if not database.is_file():
        raise click.UsageError(f"there is no {database}")
    book = Book(database)
    try:
        for origin, known in book.logs():
            click.echo(
                f"{printable(origin)}  {known.size} entries, root {known.root.hex()}, "
                f"cosigned {_time(known.time)}"
            )
        for one in book.refused():
            click.echo(f"REFUSED  {printable(one.origin)}  {_time(one.time)}  {printable(one.why)}")
            click.echo(one.note)
    finally:
        book.close()


def _signer(path: Path) -> NoteSigner:
    try:
        signer = NoteSigner.parse(path.read_text("utf-8").strip())
    except (OnRecordError, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--key: {path} holds no key of a witness") from error
    if signer.algorithm != COSIGNATURE_V1:
        raise click.UsageError(f"--key: {path} holds a log's key, not a witness's")
    return signer


def _verifier(text: str) -> NoteVerifier:
    try:
        verifier = NoteVerifier.parse(text.strip())
    except OnRecordError as error:
        raise click.UsageError(f"--log: {error.message}") from error
    if verifier.algorithm != ED25519:
        raise click.UsageError(f"--log: the key of {verifier.name} is not a log's (type 1)")
    return verifier


def _time(seconds: int) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))
