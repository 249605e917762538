"""`onrecord demo`: what it is given, and what it leaves."""

import shutil
from pathlib import Path

import click

from onrecord.cli.demo.house import OwnHouse
from onrecord.cli.demo.play import Plot, play
from onrecord.cli.demo.teller import Teller
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.lock import exclusive


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-output")
)
@click.option(
    "--models", type=click.Path(path_type=Path, file_okay=False), default=Path("model_repository")
)
@click.option(
    "--policies", type=click.Path(path_type=Path, file_okay=False), default=Path("policies")
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ONRECORD_CACHE",
    default=Path(".cache"),
)
@click.option("--per-state", type=click.IntRange(10, 1000), default=80, show_default=True)
@click.option("--seed", default=20261123, show_default=True)
@click.option("--processes", is_flag=True, help="The five services apart, with mutual TLS.")
def demo(
    out: Path,
    models: Path,
    policies: Path,
    cache: Path,
    per_state: int,
    seed: int,
    processes: bool,
) -> None:
    """Watch one search, on the record, on real face models. Nobody in it exists."""
    teller = Teller()
    clear(out)
    house = OwnHouse(out / "data", models, out / "server.log", apart=processes)
    held = play(house, Plot(out, models, policies, cache, per_state, seed), teller)
    _end(teller, out)
    if not held:
        raise click.ClickException("the demo did not end as it should; see above")


def clear(out: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    marker = out / ".onrecord-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise click.ClickException(f"{out} is not the folder of an earlier demo; choose another")
    lock = DataFolder(out / "data").lock
    if lock.exists():
        with exclusive(lock):
            pass  # not while `onrecord up` is running on what would be removed
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _end(teller: Teller, out: Path) -> None:
    teller.chapter(f"Done in {teller.elapsed()}. What to look at, and what to try next")
    for name, text in {
        "examination.png": "the probe and the candidates, as both examiners saw them",
        "lead.json": "what Detective Reyes got",
        "receipt.json": "the grant: entry, inclusion proof, signed checkpoint",
        "ledger/": "the public ledger, and the bodies an auditor may read (bodies.jsonl)",
        "ledger.vkey": "the ledger's public key; services.pem is the services' root certificate",
        "data/": "everything the system keeps; serve it again with `onrecord up`",
        "people/": "who was drawn: portraits, and truth.csv; photographs/ has the probes",
        "server.log": "what the server said",
    }.items():
        teller.fact(name, text)
    click.echo()
    for command in (
        f"onrecord ledger show {out}/ledger",
        f"onrecord ledger verify {out}/ledger --key {out}/ledger.vkey "
        f"--services {out}/services.pem",
        f"onrecord up --data {out}/data",
        "onrecord policy check policies/US-VT",
    ):
        click.echo(f"   $ .venv/bin/{command}")
