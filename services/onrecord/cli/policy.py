"""`onrecord policy`: what a state does with its authority. Check it, sign it, put it in force."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import PURPOSE, TIER
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.chassis.certificates import write_secret
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import (
    AuthorityBundle,
    build_bundle,
    key_name,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.notes import NoteSigner

_POLICY, _AUTHORITY = "policy.cedar", "authority.yaml"
_SECONDS = 30.0

Folder = click.Path(exists=True, file_okay=False, path_type=Path)
ExistingFile = click.Path(exists=True, dir_okay=False, path_type=Path)
NewFile = click.Path(dir_okay=False, path_type=Path)


@click.group()
def policy() -> None:
    """A state's authority: policy.cedar and authority.yaml, signed with the state's own key."""


@policy.command()
@click.argument("folder", metavar="DIR", type=Folder)
def check(folder: Path) -> None:
    """Hold DIR to the schema and the canonical form, and say in words what it allows."""
    state, _, _ = _read(folder)
    _describe(state)


@policy.command("new-key")
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


@policy.command()
@click.argument("folder", metavar="DIR", type=Folder)
@click.option("--key", "key_file", type=ExistingFile, required=True, help="From `new-key`.")
@click.option("--out", type=NewFile, required=True, help="Where the signed bundle goes (JSON).")
@click.option("--previous", type=ExistingFile, help="The signed bundle that this one replaces.")
def sign(folder: Path, key_file: Path, out: Path, previous: Path | None) -> None:
    """Check DIR and sign it into one file, ready to be activated."""
    _there_is_a_folder_for(out)
    state, policy_text, authority_text = _read(folder)
    jurisdiction = state.authority.jurisdiction
    signer = NoteSigner.parse(key_file.read_text("utf-8").strip())
    if signer.name != key_name(jurisdiction):
        raise click.UsageError(f"the key is {signer.name}'s, the policy is {jurisdiction}'s")
    version, before = 1, ""
    if previous is not None:
        replaced = _bundle(previous)
        manifest = verify_bundle(replaced, [signer.verifier])
        version, before = manifest.version + 1, replaced.digest
    bundle = build_bundle(
        policy_text,
        authority_text,
        jurisdiction=jurisdiction,
        version=version,
        previous=before,
        signer=signer,
    )
    out.write_text(json.dumps(bundle.to_json(), indent=1) + "\n", "utf-8")
    click.echo(f"Signed as version {version} of {jurisdiction}: {out}")
    click.echo(f"Its digest, by which the ledger will name it: {bundle.digest}")


@policy.command()
@click.argument("bundle_file", metavar="BUNDLE", type=ExistingFile)
@click.option("--url", required=True, help="The gateway, such as http://127.0.0.1:8420.")
@click.option("--token", required=True, envvar="ONRECORD_TOKEN", help="The custodian's own token.")
def activate(bundle_file: Path, url: str, token: str) -> None:
    """Put a signed BUNDLE in force. The gateway answers with the entry that says so."""
    import httpx

    bundle = _bundle(bundle_file)
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
        raise click.ClickException(_problem(answer))
    click.echo(f"In force in {jurisdiction}: {bundle.digest}")
    click.echo(json.dumps(answer.json(), indent=1))


def _there_is_a_folder_for(out: Path) -> None:
    if not out.parent.is_dir():
        raise click.UsageError(f"there is no folder {out.parent}")


def _read(folder: Path) -> tuple[StatePolicy, bytes, bytes]:
    for name in (_POLICY, _AUTHORITY):
        if not (folder / name).is_file():
            raise click.UsageError(f"there is no {name} in {folder}")
    policy_text, authority_text = (
        (folder / _POLICY).read_bytes(),
        (folder / _AUTHORITY).read_bytes(),
    )
    jurisdiction = read_authority(authority_text).jurisdiction
    return read_policy(policy_text, authority_text, jurisdiction), policy_text, authority_text


def _bundle(path: Path) -> AuthorityBundle:
    try:
        return AuthorityBundle.from_json(json.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise OnRecordError(ErrorCode.POLICY_INVALID, f"{path} is not a bundle") from error


def _describe(state: StatePolicy) -> None:
    authority = state.authority
    rests_on, limits, quotas = authority.instrument, authority.limits, authority.quotas
    click.echo(f"{authority.name} ({authority.jurisdiction})")
    voted = "voted on" if rests_on.legislature_voted else "not voted on"
    click.echo(f"  rests on     {rests_on.citation} ({rests_on.kind}, {voted} by the legislature)")
    click.echo(
        f"  in force     from {authority.effective} until {authority.expires}{_today(authority)}"
    )
    click.echo(f"  legal review {authority.legal_review}")
    if authority.prohibition is not None:
        prohibition = authority.prohibition
        click.echo(f"  forbids      {prohibition.summary} ({prohibition.citation})")
    for permit in state.text.permits:
        click.echo(f"  permits      {permit.label}")
        for line in _allowed(permit, authority):
            click.echo(f"               {line}")
    for forbid in state.text.forbids:
        click.echo(f"  forbids      {forbid.label}: {forbid.summary or 'no summary'}")
    sought = ", ".join(sorted(authority.roles_sought)) or "nobody"
    click.echo(f"  may be sought: {sought}")
    click.echo(
        f"  lists of up to {limits.list_size}, grants of {limits.grant_minutes} min; a day "
        f"{quotas.per_person_per_day} a person, {quotas.per_agency_per_day} an agency, "
        f"{quotas.per_gallery_per_day} in all; {quotas.per_case} a case, {quotas.per_probe} a probe"
    )
    click.echo("It is in canonical form and fits the schema.")


def _today(authority: Authority) -> str:
    now = datetime.now(UTC)
    if now >= authority.expires:
        return " (over)"
    return " (not yet)" if now < authority.effective else ""


def _allowed(permit: Permit, authority: Authority) -> list[str]:
    names = [authority.agencies[agency].name for agency in sorted(permit.agencies)]
    lines = [f"to {', '.join(names)}"]
    titles = {PURPOSE: "for", TIER: "in"}
    for attribute, words in permit.conditions.items():
        title = titles.get(attribute, f"with {attribute.replace('_', ' ')}")
        lines.append(f"{title} {', '.join(sorted(words))}")
    return lines


def _problem(answer: Any) -> str:
    try:
        problem = answer.json()
        return f"{problem.get('code', answer.status_code)}: {problem.get('detail', '')}"
    except ValueError:
        return f"the gateway answered {answer.status_code}"
