"""Authority bundles: a state's policy, what it rests on, and the state's own signature.

A bundle is `policy.cedar`, `authority.yaml`, `manifest.json` (canonical: jurisdiction, version,
previous bundle, SHA-256 of both files) and `signature` (a C2SP signed note over the manifest's
hash). The bundle's digest is the SHA-256 of its manifest; ledger entries name it.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.notes import NoteSigner, NoteVerifier, open_note, sign_note

_JURISDICTION = re.compile(r"US-[A-Z]{2}")
_FIELDS = {"jurisdiction", "version", "previous", "policy_sha256", "authority_sha256"}
MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class AuthorityBundle:
    """The four files, as bytes and text."""

    policy: bytes
    authority: bytes
    manifest: bytes
    signature: str

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, in hexadecimal."""
        return hashlib.sha256(self.manifest).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "policy": base64.b64encode(self.policy).decode(),
            "authority": base64.b64encode(self.authority).decode(),
            "manifest": base64.b64encode(self.manifest).decode(),
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, value: Any) -> "AuthorityBundle":
        """Raises POLICY_INVALID when a part is missing or is not base64."""
        try:
            return cls(
                policy=base64.b64decode(value["policy"], validate=True),
                authority=base64.b64decode(value["authority"], validate=True),
                manifest=base64.b64decode(value["manifest"], validate=True),
                signature=str(value["signature"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _invalid("a part of the bundle is missing or is not base64") from error


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle's manifest says. `previous` is the digest of the bundle it replaces, or ''."""

    jurisdiction: str
    version: int
    previous: str
    policy_sha256: str
    authority_sha256: str


def key_name(jurisdiction: str) -> str:
    """The name a state's authority key must bear."""
    return f"{jurisdiction}/authority"


def build_bundle(
    policy: bytes,
    authority: bytes,
    *,
    jurisdiction: str,
    version: int,
    previous: str,
    signer: NoteSigner,
) -> AuthorityBundle:
    """Make the manifest and sign it with the state's key."""
    manifest = canonical.encode(
        {
            "jurisdiction": jurisdiction,
            "version": version,
            "previous": previous,
            "policy_sha256": hashlib.sha256(policy).hexdigest(),
            "authority_sha256": hashlib.sha256(authority).hexdigest(),
        }
    )
    return AuthorityBundle(policy, authority, manifest, sign_note(_note_text(manifest), [signer]))


def verify_bundle(bundle: AuthorityBundle, keys: Sequence[NoteVerifier]) -> Manifest:
    """The manifest, if its files are the ones it names and one of the state's keys signed it.

    Raises POLICY_INVALID for the content and SIGNATURE_INVALID for the signature.
    """
    if max(len(bundle.policy), len(bundle.authority), len(bundle.manifest)) > MAX_FILE_BYTES:
        raise _invalid("a file of the bundle is too large")
    manifest = read_manifest(bundle.manifest)
    if hashlib.sha256(bundle.policy).hexdigest() != manifest.policy_sha256:
        raise _invalid("policy.cedar is not the file the manifest names")
    if hashlib.sha256(bundle.authority).hexdigest() != manifest.authority_sha256:
        raise _invalid("authority.yaml is not the file the manifest names")
    own = [key for key in keys if key.name == key_name(manifest.jurisdiction)]
    if not own:
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID,
            f"no authority key of {manifest.jurisdiction} is known here",
        )
    note = open_note(bundle.signature, own)
    if note.text != _note_text(bundle.manifest):
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID, "the signature is over another manifest than this one"
        )
    return manifest


def read_manifest(encoded: bytes) -> Manifest:
    """What the manifest says, whoever signed it. Raises POLICY_INVALID."""
    try:
        value = canonical.decode(encoded)
    except OnRecordError as error:
        raise _invalid("manifest.json is not canonical JSON") from error
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise _invalid("manifest.json does not have exactly the fields of a manifest")
    version = value["version"]
    texts = {name: str(value[name]) for name in _FIELDS - {"version"}}
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _invalid("the manifest's version is a whole number from 1")
    if not _JURISDICTION.fullmatch(texts["jurisdiction"]):
        raise _invalid("the manifest's jurisdiction is not of the form US-UT")
    return Manifest(version=version, **texts)


def _note_text(manifest: bytes) -> str:
    return f"onrecord/authority/v1\n{hashlib.sha256(manifest).hexdigest()}\n"


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.POLICY_INVALID, f"the authority bundle is refused: {why}")
