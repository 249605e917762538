"""`activate`: a signed bundle into force, through the gateway."""

import json
from pathlib import Path
from typing import Any

import click

from onrecord.cli.policy.sources import ExistingFile, read_bundle
from onrecord.proof.authority import read_manifest

_SECONDS = 30.0


@click.command()
@click.argument("bundle_file", metavar="BUNDLE", type=ExistingFile)
@click.option("--url", required=True, help="The gateway, such as http://127.0.0.1:8420.")
@click.option("--token", required=True, envvar="ONRECORD_TOKEN", help="The custodian's own token.")
def activate(bundle_file: Path, url: str, token: str) -> None:
    """Put a signed BUNDLE in force. The gateway answers with the entry that says so."""
    import httpx

    bundle = read_bundle(bundle_file)
    jurisdiction = read_manifest(bundle.manifest).jurisdiction
    try:
        answer = httpx.post(
            f"{url.rstrip('/')}/v1/galleries/{jurisdiction}/policy",
            json=bundle.to_json(),
            headers={"Authorization": f"Bearer {token}"},
            timeout=_SECONDS,
        )
    except httpx.HTTPError as error:
        raise click.ClickException(f"the gateway at {url} cannot be reached: {error}") from error
    if not answer.is_success:
        raise click.ClickException(problem(answer))
    click.echo(f"In force in {jurisdiction}: {bundle.digest}")
    click.echo(json.dumps(answer.json(), indent=1))


def problem(answer: Any) -> str:
    """What the gateway had against it, in one line."""
    try:
        said = answer.json()
        return f"{said.get('code', answer.status_code)}: {said.get('detail', '')}"
    except ValueError:
        return f"the gateway answered {answer.status_code}"
