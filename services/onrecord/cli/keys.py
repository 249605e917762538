"""`onrecord keys`: what an installation holds that no certificate authority makes."""

from pathlib import Path

import click

from onrecord.chassis.certificates import write_secret
from onrecord.cli.kubernetes_secrets import manifest, read_given, written
from onrecord.kernel.errors import OnRecordError
from onrecord.standalone.folder import CASEWORK_KEY, LEDGER_KEY, PUBLIC_LEDGER_KEY
from onrecord.standalone.secrets import casework_seal, ledger_signer


@click.command()
@click.option(
    "--origin",
    required=True,
    help="The ledger's name for ever, as the deployment's host and `/onrecord`: it is in every "
    "checkpoint, and whoever follows the ledger knows it by this name.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Made where it is missing, for its owner alone; what stands there is kept.",
)
@click.option(
    "--kubernetes",
    "release",
    metavar="RELEASE",
    help="Also write kubernetes.json there: every Secret that this Helm release expects, for "
    "`kubectl apply -f`. Certificates come from a local authority in the same folder.",
)
@click.option("--plane", "planes", multiple=True, help="Its planes, by name.", default=("main",))
@click.option(
    "--secrets",
    "given",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What only you know, for kubernetes.json: lines of SECRET.KEY=VALUE, such as "
    "`database-gateway.url=postgresql+psycopg://...`.",
)
def keys(
    origin: str, out: Path, release: str | None, planes: tuple[str, ...], given: Path | None
) -> None:
    """Mint the ledger's checkpoint key and the casework key, once, into a folder.

    Keep a copy of both where no service reaches it: without the first the ledger cannot go on
    under its name, without the second no open search can be examined. Repeatable: a key that
    stands there is never replaced, a certificate when it nears its end.
    """
    if given is not None and release is None:
        raise click.UsageError("--secrets is for --kubernetes")
    try:
        own = read_given(given.read_text("utf-8")) if given is not None else {}
    except OnRecordError as error:
        raise click.UsageError(f"{given}: {error.message}") from error
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        signer = ledger_signer(out, origin)
    except ValueError as error:
        raise click.UsageError(f"--origin: {error}") from error
    except OnRecordError as error:
        raise click.UsageError(f"{out / LEDGER_KEY}: {error.message}") from error
    if signer.name != origin:
        raise click.UsageError(
            f"{out / LEDGER_KEY} is the key of {signer.name}; give another folder for {origin}"
        )
    casework_seal(out)
    click.echo(f"{out / LEDGER_KEY}    signs checkpoints, for audit alone (ledger_signing_key)")
    click.echo(f"{out / PUBLIC_LEDGER_KEY}   its public half, for everybody (ledger_key)")
    click.echo(f"{out / CASEWORK_KEY}  seals casework, for the gateway alone (casework_key)")
    click.echo(signer.verifier.text)
    if release is not None:
        path = out / "kubernetes.json"
        path.unlink(missing_ok=True)
        write_secret(path, written(manifest(release, out, planes, own)))
        click.echo(f"kubectl apply -f {path}  # then keep it as you keep the keys, or delete it")
