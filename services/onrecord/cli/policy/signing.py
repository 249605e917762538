"""`new-key` and `sign`: the state's own key, and what it signs."""

import json
from pathlib import Path

import click

from onrecord.chassis.certificates import write_secret
from onrecord.cli.policy.sources import ExistingFile, Folder, NewFile, read_bundle, read_source
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.proof.authority import build_bundle, key_name, verify_bundle
from onrecord.proof.notes import NoteSigner


@click.command("new-key")
@click.argument("jurisdiction")
@click.argument("out", type=NewFile)
def new_key(jurisdiction: str, out: Path) -> None:
    """Mint an authority key for JURISDICTION into the file OUT, and print its public half."""
    parse_jurisdiction(jurisdiction, "jurisdiction")
    if out.exists():
        raise click.UsageError(f"{out} exists; a key is never overwritten")
    _there_is_a_folder_for(out)
    signer = NoteSigner.generate(key_name(jurisdiction))
    write_secret(out, (signer.text + "\n").encode())
    click.echo(f"The private key is in {out}. Keep it where only the state reaches it.")
    click.echo("The public key, for the gallery's operator to pin:")
    click.echo(signer.verifier.text)


@click.command()
@click.argument("folder", metavar="DIR", type=Folder)
@click.option("--key", "key_file", type=ExistingFile, required=True, help="From `new-key`.")
@click.option("--out", type=NewFile, required=True, help="Where the signed bundle goes (JSON).")
@click.option("--previous", type=ExistingFile, help="The signed bundle that this one replaces.")
@click.option(
    "--new-key",
    "new_key_file",
    type=ExistingFile,
    help="The key that signs from the next version on. Both keys sign this one.",
)
def sign(
    folder: Path, key_file: Path, out: Path, previous: Path | None, new_key_file: Path | None
) -> None:
    """Check DIR and sign it into one file, ready to be activated.

    With --new-key the state's key changes when the bundle is activated: the plane follows, and
    the old key signs nothing that is new.
    """
    _there_is_a_folder_for(out)
    source = read_source(folder)
    signer = _signer(key_file, source.jurisdiction)
    next_signer = None if new_key_file is None else _signer(new_key_file, source.jurisdiction)
    if next_signer is not None and next_signer.verifier == signer.verifier:
        raise click.UsageError("the new key is the old one")
    if next_signer is not None and previous is None:
        raise click.UsageError("a key is changed with a later version: give --previous")
    version, before = 1, ""
    if previous is not None:
        replaced = read_bundle(previous)
        manifest = verify_bundle(replaced, [signer.verifier])
        if manifest.key and manifest.key != signer.verifier.text:
            raise click.UsageError(f"{previous} changed the key: sign with the one that it names")
        version, before = manifest.version + 1, replaced.digest
    bundle = build_bundle(
        source.policy,
        source.authority,
        jurisdiction=source.jurisdiction,
        version=version,
        previous=before,
        signer=signer,
        next_signer=next_signer,
    )
    out.write_text(json.dumps(bundle.to_json(), indent=1) + "\n", "utf-8")
    click.echo(f"Signed as version {version} of {source.jurisdiction}: {out}")
    if next_signer is not None:
        click.echo(f"Once it is active, this key signs: {next_signer.verifier.text}")
    click.echo(f"Its digest, by which the ledger will name it: {bundle.digest}")


def _signer(path: Path, jurisdiction: str) -> NoteSigner:
    signer = NoteSigner.parse(path.read_text("utf-8").strip())
    if signer.name != key_name(jurisdiction):
        raise click.UsageError(f"the key is {signer.name}'s, the policy is {jurisdiction}'s")
    return signer


def _there_is_a_folder_for(out: Path) -> None:
    if not out.parent.is_dir():
        raise click.UsageError(f"there is no folder {out.parent}")
