"""`onrecord ledger`: check a ledger, or list it. Needs the base install and nobody's permission."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onrecord.cli.ledger_lines import printable, summary
from onrecord.cli.ledger_shelves import DiskShelves
from onrecord.cli.ledger_source import is_url, open_fetch, read_bodies
from onrecord.cli.ledger_workers import by_processes
from onrecord.cli.verifier_keys import verifier_key
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import format_time
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from onrecord.proof.checks import BodyCheckFactory, LedgerFault, base_checks
from onrecord.proof.cosignatures import Quorum
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import COSIGNATURE_V1, ED25519, NoteVerifier
from onrecord.proof.shelf import Shelves
from onrecord.proof.tiles import CHECKPOINT_PATH, Fetch
from onrecord.proof.verify import LedgerReport, verify_ledger

if TYPE_CHECKING:
    from onrecord.proof.attestation import AttestationVerifier

_BODIES_NAME = "bodies.jsonl"
_KEY_NAME = "key"
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, the last that a date can tell."""

FileOption = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """The ledger: verify it, or list what stands in it."""


@ledger.command()
@click.argument("source", metavar="PATH-or-URL")
@click.option("--key", "key_text", metavar="VKEY", help="The log's verifier key, or a file of it.")
@click.option(
    "--witness",
    "witness_texts",
    metavar="VKEY",
    multiple=True,
    help="A witness's verifier key: it must have cosigned. May be given several times.",
)
@click.option(
    "--quorum",
    type=click.IntRange(1, 64),
    help="How many of the witnesses must have cosigned.  [default: each of them]",
)
@click.option("--bodies", type=FileOption, help=f"Bodies; default {_BODIES_NAME} in the folder.")
@click.option("--some-bodies", is_flag=True, help="Bodies may be missing (a disclosure pack).")
@click.option("--previous", type=FileOption, help="A checkpoint kept from before.")
@click.option(
    "--services",
    type=FileOption,
    help="Root certificates (PEM) of the services, to check who signed the receipts.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=min(4, os.cpu_count() or 1),
    show_default="the cores here, at most 4",
    help="Processes that share a long ledger.",
)
def verify(
    source: str,
    key_text: str | None,
    witness_texts: Sequence[str],
    quorum: int | None,
    bodies: Path | None,
    some_bodies: bool,
    previous: Path | None,
    services: Path | None,
    processes: int,
) -> None:
    """Check the ledger in a folder or at an address: exit 0 only if everything holds.

    1 with the first false thing named, or where there is no ledger to be read; 2 where the
    command was not understood.
    """
    fetch, folder = _open_source(source)
    key, key_is_ours = _key(key_text, folder)
    witnesses = _witnesses(witness_texts, quorum)
    bodies = bodies or _present(folder, _BODIES_NAME)
    signers = None if services is None else _service_roots(services)
    click.echo(f"Ledger   {source}")
    click.echo(f"Key      {key.text}")
    if not key_is_ours:
        click.echo(
            "         This key came from the ledger's own folder, so it proves less: that the\n"
            "         ledger agrees with itself, not whose it is. Give --key to prove that."
        )
    _look(fetch)
    try:
        with DiskShelves() as shelves:
            # These laws speak of all entries; a disclosure pack cannot be held against them.
            story = () if bodies is None or some_bodies else _story(signers, shelves)
            report = verify_ledger(
                fetch,
                key,
                witnesses=witnesses,
                needed=quorum,
                bodies=None if bodies is None else read_bodies(bodies),
                previous=None if previous is None else _previous(previous, key),
                progress=_progress(),
                body_checks=(*base_checks(), *story),
                all_bodies=not some_bodies,
                examine=by_processes(source, processes),
            )
    except LedgerFault as fault:
        _clear_progress()
        click.echo(f"FALSE    {printable(fault.message)}")
        click.echo("The ledger does not hold.")
        sys.exit(1)
    _clear_progress()
    _say(report)
    if report.bodies is not None and not some_bodies and signers is None:
        click.echo("         Who signed the receipts was not checked: that needs --services.")
    click.echo("All of it holds.")


@ledger.command()
@click.argument("source", metavar="PATH", type=click.Path(exists=True, file_okay=False))
@click.option("--bodies", type=FileOption, help=f"Bodies; default {_BODIES_NAME} in the folder.")
def show(source: str, bodies: Path | None) -> None:
    """List the entries whose bodies are at hand: index, time, kind, what it is about."""
    found = bodies or _present(Path(source), _BODIES_NAME)
    if found is None:
        raise click.UsageError(
            f"there is no {_BODIES_NAME} in {source}; entries are public as commitments only, "
            "their bodies are given to auditors (--bodies FILE)"
        )
    try:
        for index, _, data in read_bodies(found):
            body, _, kind = parse_body(data)
            click.echo(f"{index:>7}  {body['time']}  {kind:<24}  {summary(body)}")
    except OnRecordError as error:
        click.echo(f"FALSE    {printable(error.message)}")
        sys.exit(1)
    click.echo("This is a list, not a proof: `onrecord ledger verify` holds it against the tree.")


def _say(report: LedgerReport) -> None:
    checkpoint: Checkpoint = report.checkpoint
    click.echo(f"Origin   {printable(checkpoint.origin)}")
    click.echo(f"Size     {checkpoint.size} entries, root {checkpoint.root.hex()}")
    for check in report.checks:
        click.echo(f"holds    {check.name} ({check.passed})")
    if not report.cosignatures:
        click.echo("         UNWITNESSED: no witness named here vouches that others see this one.")
    for one in report.cosignatures:
        at = format_time(datetime.fromtimestamp(min(one.time, _LAST_SECOND), UTC))
        click.echo(f"         witnessed by {one.witness.name}, {at}")
    if report.bodies is None:
        click.echo("         Bodies were not at hand: what the entries say was not looked at.")
    elif report.bodies != checkpoint.size:
        click.echo(f"         {report.bodies} of {checkpoint.size} bodies were at hand.")


def _open_source(source: str) -> tuple[Fetch, Path | None]:
    if is_url(source):
        return open_fetch(source), None
    folder = Path(source)
    if not folder.is_dir():
        raise click.UsageError(f"{source} is neither a folder nor an http(s) address")
    return open_fetch(source), folder


def _look(fetch: Fetch) -> None:
    """Say that there is no ledger here, which is another thing than one that does not hold."""
    try:
        fetch(CHECKPOINT_PATH)
    except OnRecordError as error:
        click.echo(f"NOT READ {printable(error.message)}")
        click.echo(
            "Nothing was checked. A ledger stands where its checkpoint is, at a gateway under\n"
            "/ledger, in what the demo left in demo-output/ledger."
        )
        sys.exit(1)


def _key(given: str | None, folder: Path | None) -> tuple[NoteVerifier, bool]:
    if given is not None:
        return verifier_key(given, ED25519, "--key"), True
    found = _present(folder, _KEY_NAME)
    if found is None:
        raise click.UsageError("give the log's verifier key with --key; there is none beside it")
    return verifier_key(str(found), ED25519, str(found)), False


def _witnesses(texts: Sequence[str], quorum: int | None) -> list[NoteVerifier]:
    found = [verifier_key(text, COSIGNATURE_V1, "--witness") for text in texts]
    try:
        Quorum(tuple(found), len(found) if quorum is None else quorum)
    except ValueError as error:
        raise click.UsageError(f"--witness, --quorum: {error}") from error
    return found


def _story(signers: "AttestationVerifier | None", shelves: Shelves) -> Sequence[BodyCheckFactory]:
    from onrecord.proof.story import story_checks

    return story_checks(signers, shelves)


def _service_roots(path: Path) -> "AttestationVerifier":
    # Certificates take longer to import than a short ledger to verify, and not all need them.
    from cryptography import x509

    from onrecord.proof.attestation import AttestationVerifier

    try:
        return AttestationVerifier(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--services: {path} holds no certificates in PEM") from error


def _previous(path: Path, key: NoteVerifier) -> SignedCheckpoint:
    try:
        note = path.read_text("utf-8")
        return SignedCheckpoint(note, open_checkpoint(note, key).checkpoint)
    except (OnRecordError, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--previous: {error}") from error


def _present(folder: Path | None, name: str) -> Path | None:
    found = None if folder is None else folder / name
    return found if found is not None and found.is_file() else None


def _progress() -> Callable[[int, int], None] | None:
    """A line that counts on a terminal, and nothing anywhere else."""
    if not sys.stderr.isatty():
        return None
    last = time.monotonic()

    def count(done: int, size: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 0.5:
            last = time.monotonic()
            click.echo(f"\r{done} of {size} entries", nl=False, err=True)

    return count


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)
