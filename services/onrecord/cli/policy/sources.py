"""Policies as people have them: a folder with both files, a signed bundle, a folder of folders."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, read_manifest

POLICY, AUTHORITY = "policy.cedar", "authority.yaml"
ANY_MODEL = "any"

Folder = click.Path(exists=True, file_okay=False, path_type=Path)
ExistingFile = click.Path(exists=True, dir_okay=False, path_type=Path)
Existing = click.Path(exists=True, path_type=Path)
NewFile = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Source:
    """A policy that was read, its files, and the digest of its bundle where it is signed."""

    state: StatePolicy
    policy: bytes
    authority: bytes
    digest: str | None
    version: int | None

    @property
    def jurisdiction(self) -> str:
        return self.state.authority.jurisdiction


def read_source(path: Path) -> Source:
    """The policy in a folder or a bundle. The bundle's signature is not checked here: whose key it
    is, only the plane and audit know. Raises POLICY_INVALID.
    """
    if path.is_dir():
        for name in (POLICY, AUTHORITY):
            if not (path / name).is_file():
                raise click.UsageError(f"there is no {name} in {path}")
        return _read((path / POLICY).read_bytes(), (path / AUTHORITY).read_bytes(), None)
    return _read_bundle(read_bundle(path))


def read_sources(paths: Sequence[Path]) -> dict[str, Source]:
    """Policies by state; a folder may also hold one folder for each state."""
    found: dict[str, Source] = {}
    for path in paths:
        within = [path]
        if path.is_dir() and not (path / POLICY).is_file():
            within = sorted(one for one in path.iterdir() if (one / POLICY).is_file())
            if not within:
                raise click.UsageError(f"there is no policy in {path}")
        for one in within:
            source = read_source(one)
            if source.jurisdiction in found:
                raise click.UsageError(f"{source.jurisdiction} is given twice")
            found[source.jurisdiction] = source
    return found


def read_bundle(path: Path) -> AuthorityBundle:
    """A signed bundle, as `sign` writes it. Raises POLICY_INVALID."""
    try:
        return AuthorityBundle.from_json(json.loads(path.read_text("utf-8")))
    except (ValueError, RecursionError) as error:
        raise OnRecordError(ErrorCode.POLICY_INVALID, f"{path} is not a bundle") from error


def shelf_of(sources: dict[str, Source]) -> PolicyShelf:
    """The policies as audit would hold them, each gallery with a model."""
    return PolicyShelf(
        epoch=0,
        policies={
            name: PolicyInForce(name, one.version or 1, one.digest or "", one.state)
            for name, one in sources.items()
        },
        models=dict.fromkeys(sources, ANY_MODEL),
    )


def _read_bundle(bundle: AuthorityBundle) -> Source:
    manifest = read_manifest(bundle.manifest)
    source = _read(bundle.policy, bundle.authority, bundle.digest, manifest.version)
    if source.jurisdiction != manifest.jurisdiction:
        raise OnRecordError(ErrorCode.POLICY_INVALID, "the manifest names another state")
    return source


def _read(
    policy: bytes, authority: bytes, digest: str | None, version: int | None = None
) -> Source:
    jurisdiction = read_authority(authority).jurisdiction
    state = read_policy(policy, authority, jurisdiction)
    return Source(state, policy, authority, digest, version)
