"""`python -m deploy.local`: a cluster on this machine. `make cluster` and its kin call it."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import click

from deploy.local.cluster import standing
from deploy.local.cluster.cluster import Wanted
from deploy.local.cluster.demo import ClusterHouse, SeenBeforeError
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.identity import issuer_of
from deploy.local.cluster.parts import NAMES, asking
from deploy.local.cluster.supervising import keep
from onrecord.chassis.logs import prepare_log
from onrecord.cli.demo.command import clear
from onrecord.cli.demo.play import Plot, play
from onrecord.cli.demo.teller import Teller
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.standalone.lock import exclusive

_ROOT = Path(__file__).resolve().parents[2]
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")) / "tools"
_POLL_SECONDS = 0.1
_STOP_SECONDS = 180.0
_TAIL_LINES = 40
_ROLES = [one.value for one in Role]

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("onrecord-cluster"),
    show_default=True,
    help="Everything that the cluster keeps.",
)


@click.group()
def main() -> None:
    """OnRecord and everything it stands on, on this machine."""


@main.command()
@_data
@click.option("--models", type=click.Path(path_type=Path), default=Path("model_repository"))
@click.option("--without", default="", help="Parts to leave out, by commas; files instead.")
@click.option("--replicas", type=click.IntRange(1, 4), default=2, show_default=True)
@click.option("--port", default=0, help="The first gateway's; 0: the last one's, or a free one.")
@click.option("--otlp", default="", metavar="URL", help="Send spans to this OTLP collector (gRPC).")
@click.option("--attached", is_flag=True, help="Do not return; Ctrl-C ends the cluster.")
def up(
    data: Path, models: Path, without: str, replicas: int, port: int, otlp: str, attached: bool
) -> None:
    """Install what lacks, start everything, and say where it is."""
    folder = ClusterFolder(data.resolve())
    left_out = tuple(name for name in without.split(",") if name)
    if unknown := set(left_out) - set(NAMES):
        raise click.UsageError(f"no such part: {', '.join(sorted(unknown))}")
    if attached:
        prepare_log()
        parts = tuple(name for name in NAMES if name not in left_out)
        wanted = Wanted(
            models.resolve(), _TOOLS.resolve(), parts, replicas=replicas, port=port, otlp=otlp
        )
        sys.exit(keep(folder, wanted))
    if _lives(folder):
        raise click.ClickException(f"a cluster runs on {data}; `make cluster-status` shows it")
    folder.prepare()
    options = ["--data", str(folder.root), "--models", str(models.resolve())]
    options += ["--without", without, "--replicas", str(replicas), "--port", str(port)]
    options += ["--otlp", otlp]
    folder.standing.unlink(missing_ok=True)  # of one that was killed
    with folder.log.open("wb") as out:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up", "--attached", *options],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _follow(folder, keeper)
    _show(folder)


@main.command()
@_data
def status(data: Path) -> None:
    """How everything is, now. Exits 1 where something is not as it should be."""
    folder = ClusterFolder(data.resolve())
    found = standing.read(folder)
    if found is None or not _lives(folder):
        raise click.ClickException(f"no cluster runs on {data}")
    click.echo(f"{found.state}, kept by process {found.pid}")
    how = standing.how_they_are(found.rows, asking(folder))
    click.echo(standing.table(found.rows, how))
    if found.state != "ready" or set(how) != {standing.READY}:
        sys.exit(1)


@main.command()
@_data
@click.option("--part", default="", help="Of this part or process alone, by its name.")
@click.option("--lines", default=_TAIL_LINES, show_default=True)
def logs(data: Path, part: str, lines: int) -> None:
    """The end of what the cluster, or one part of it, said."""
    folder = ClusterFolder(data.resolve())
    found = sorted([*folder.parts.glob("*.log"), *folder.services.processes.glob("*.log")])
    named = {path.stem: path for path in found} | {"cluster": folder.log}
    if part and part not in named:
        raise click.UsageError(f"there is no log of {part}; there are {', '.join(named)}")
    path = named[part or "cluster"]
    click.echo(f"the end of {path}")
    for line in path.read_text("utf-8", "replace").splitlines()[-lines:]:
        click.echo(line)


@main.command()
@_data
def down(data: Path) -> None:
    """Stop everything in order; data stay."""
    folder = ClusterFolder(data.resolve())
    found = standing.read(folder)
    if found is None or not _lives(folder):
        click.echo(f"no cluster runs on {data}")
        return
    os.kill(found.pid, signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while _lives(folder) or _is_at_work(found.pid):
        if time.monotonic() > until:
            raise click.ClickException(f"process {found.pid} did not end; see {folder.log}")
        time.sleep(_POLL_SECONDS)
    click.echo(f"stopped; everything is in {folder.root}")


@main.command()
@_data
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-output"))
@click.option("--models", type=click.Path(path_type=Path), default=Path("model_repository"))
@click.option("--policies", type=click.Path(path_type=Path), default=Path("policies"))
@click.option("--per-state", type=click.IntRange(10, 1000), default=80, show_default=True)
@click.option("--seed", default=20261123, show_default=True)
def demo(data: Path, out: Path, models: Path, policies: Path, per_state: int, seed: int) -> None:
    """Watch one search, on the record, on the cluster that runs. Once on each cluster."""
    folder = ClusterFolder(data.resolve())
    found = standing.read(folder)
    if found is None or found.state != "ready" or not _lives(folder):
        raise click.ClickException(f"no cluster runs on {data}; `make cluster` starts one")
    teller, house = Teller(), ClusterHouse(folder, found, issuer_of(folder, found))
    try:
        house.refuse_again()  # before what the first one left is removed
        clear(out)
        held = play(house, Plot(out, models, policies, _TOOLS.parent, per_state, seed), teller)
    except SeenBeforeError as again:
        raise click.ClickException(
            f"{again}: `make cluster-down`, move {data} away, `make cluster`"
        ) from again
    teller.chapter(f"Done in {teller.elapsed()}; what to look at is in {out}")
    if not held:
        raise click.ClickException("the demo did not end as it should; see above")


@main.command()
@_data
@click.option("--person", required=True)
@click.option("--agency", required=True)
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([one.value for one in Role])
)
@click.option("--gallery", default="", help="A custodian's.")
@click.option("--trained", default="", help="The day of the last training, YYYY-MM-DD.")
def token(
    data: Path, person: str, agency: str, roles: tuple[str, ...], gallery: str, trained: str
) -> None:
    """A token of somebody, whom the cluster's identity provider knows from then on."""
    folder = ClusterFolder(data.resolve())
    found = standing.read(folder)
    if found is None or not _lives(folder):
        raise click.ClickException(f"no cluster runs on {data}")
    said = issuer_of(folder, found).issue(
        person=person,
        agency=agency,
        roles=tuple(Role(one) for one in roles),
        now=datetime.now(UTC),
        training_completed=date.fromisoformat(trained) if trained else None,
        gallery=gallery or None,
    )
    click.echo(said)


def _lives(folder: ClusterFolder) -> bool:
    """Whether a supervisor holds the folder."""
    if not folder.lock.exists():
        return False
    try:
        with exclusive(folder.lock):
            return False
    except OnRecordError:
        return True


def _is_at_work(pid: int) -> bool:
    """Whether there is such a process, that nobody has only yet to ask how it ended."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def _follow(folder: ClusterFolder, keeper: "subprocess.Popen[bytes]") -> None:
    """Show what the supervisor says until the cluster is ready. Raises where it ends before."""
    with folder.log.open("r", encoding="utf-8", errors="replace") as said:
        while True:
            ended = keeper.poll() is not None
            found = standing.read(folder)  # before the log: its last word is then in it
            click.echo(said.read(), nl=False)
            if ended:
                raise click.ClickException(f"the cluster did not start; see {folder.log}")
            if found is not None and found.state == "ready":
                return
            time.sleep(_POLL_SECONDS)


def _show(folder: ClusterFolder) -> None:
    found = standing.read(folder)
    if found is None:
        raise click.ClickException(f"the cluster has ended; see {folder.log}")
    click.echo()
    click.echo(standing.table(found.rows))
    click.echo(
        f"\n  kept by process {found.pid}, in {folder.root}\n\n"
        "  make cluster-status            how each of them is, now\n"
        "  make cluster-logs PART=kafka   what one of them said (without PART: what was done)\n"
        "  make demo-cluster              one search on the record, on this cluster\n"
        "  make cluster-down              stop all of it; data stay\n\n"
        f"  the API: {found.gateways[0]}/openapi.json"
    )


if __name__ == "__main__":
    main()
