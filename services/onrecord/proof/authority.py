"""Authority bundles: a state's policy, what it rests on, and the state's own signature.

A bundle is `policy.cedar`, `authority.yaml`, `manifest.json` (canonical: jurisdiction, version,
previous bundle, SHA-256 of both files) and `signature` (a C2SP signed note over the manifest's
hash). The bundle's digest is the SHA-256 of its manifest; ledger entries name it.

A state changes its key with a bundle: its manifest also names the new key, and both keys sign it.
From then on the new one signs. Bundles name the one before, so whoever holds the state's first key
can follow the chain to its newest (`follow_key`).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.notes import ED25519, NoteSigner, NoteVerifier, open_note, sign_note

_JURISDICTION = re.compile(r"US-[A-Z]{2}")
_FIELDS = {"jurisdiction", "version", "previous", "policy_sha256", "authority_sha256"}
_KEY = "key"
MAX_FILE_BYTES = 256 * 1024
MAX_FOLLOWED = 100
"""How many bundles `follow_key` goes back at most."""


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
    """What a bundle's manifest says. `previous` is the digest of the bundle it replaces, or ''.

    `key`: the state's new key (verifier key text), where the bundle changes it; else ''.
    """

    jurisdiction: str
    version: int
    previous: str
    policy_sha256: str
    authority_sha256: str
    key: str = ""


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
    next_signer: NoteSigner | None = None,
) -> AuthorityBundle:
    """Make the manifest and sign it with the state's key; with the next one too, if it changes."""
    said: dict[str, Any] = {
        "jurisdiction": jurisdiction,
        "version": version,
        "previous": previous,
        "policy_sha256": hashlib.sha256(policy).hexdigest(),
        "authority_sha256": hashlib.sha256(authority).hexdigest(),
    }
    signers = [signer]
    if next_signer is not None:
        said[_KEY] = next_signer.verifier.text
        signers.append(next_signer)
    manifest = canonical.encode(said)
    return AuthorityBundle(policy, authority, manifest, sign_note(_note_text(manifest), signers))


def verify_bundle(bundle: AuthorityBundle, keys: Sequence[NoteVerifier]) -> Manifest:
    """The manifest, if its files are the ones it names and one of the state's keys signed it.

    Where it names a new key, that one must have signed it too: nobody can name a key that they do
    not hold. Raises POLICY_INVALID for the content and SIGNATURE_INVALID for the signature.
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
    _check_signed(bundle, own)
    if manifest.key:
        _check_signed(bundle, [read_key(manifest.key, manifest.jurisdiction)])
    return manifest


def follow_key(
    bundle: AuthorityBundle,
    pinned: NoteVerifier,
    fetch: Callable[[str], AuthorityBundle],
) -> tuple[NoteVerifier, ...]:
    """The state's keys after the pinned one, oldest first, if the chain that ends in `bundle` is
    whole: from a bundle that the pinned key signed on, each is signed by the key in force, and
    only a bundle that both keys signed changes it. Empty where the pinned key signed `bundle` and
    it changes none.

    `fetch` gives a bundle by its digest. Raises as `verify_bundle` does, and what `fetch` raises.
    """
    chain = [bundle]
    while True:
        try:
            verify_bundle(chain[-1], [pinned])
            break
        except OnRecordError as error:
            previous = read_manifest(chain[-1].manifest).previous
            no_more = not previous or len(chain) == MAX_FOLLOWED
            if error.code is not ErrorCode.SIGNATURE_INVALID or no_more:
                raise
        chain.append(fetch(previous))
        if chain[-1].digest != previous:
            raise _invalid("the bundle it follows is not the one it names")
    keys, key, version = [], pinned, 0
    for one in reversed(chain):
        manifest = verify_bundle(one, [key])
        if manifest.version <= version:
            raise _invalid("the versions of the bundles before it do not rise")
        version = manifest.version
        if manifest.key and manifest.key != key.text:
            key = read_key(manifest.key, manifest.jurisdiction)
            keys.append(key)
    return tuple(keys)


def read_key(text: str, jurisdiction: str) -> NoteVerifier:
    """A state's authority key. Raises SIGNATURE_INVALID for any other."""
    verifier = NoteVerifier.parse(text)
    if verifier.name != key_name(jurisdiction) or verifier.algorithm != ED25519:
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID,
            f"an authority key of {jurisdiction} is an Ed25519 key named {key_name(jurisdiction)}",
            field=_KEY,
        )
    return verifier


def _check_signed(bundle: AuthorityBundle, keys: Sequence[NoteVerifier]) -> None:
    if open_note(bundle.signature, keys).text != _note_text(bundle.manifest):
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID, "the signature is over another manifest than this one"
        )


def read_manifest(encoded: bytes) -> Manifest:
    """What the manifest says, whoever signed it. Raises POLICY_INVALID."""
    try:
        value = canonical.decode(encoded)
    except OnRecordError as error:
        raise _invalid("manifest.json is not canonical JSON") from error
    if not isinstance(value, dict) or set(value) - {_KEY} != _FIELDS:
        raise _invalid("manifest.json does not have exactly the fields of a manifest")
    version = value["version"]
    texts = {name: text for name, text in value.items() if isinstance(text, str)}
    if len(texts) != len(value) - 1:
        raise _invalid("a field of the manifest is not text")
    if texts.get(_KEY, "-") == "":
        raise _invalid("the manifest's key is empty")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _invalid("the manifest's version is a whole number from 1")
    if not _JURISDICTION.fullmatch(texts["jurisdiction"]):
        raise _invalid("the manifest's jurisdiction is not of the form US-UT")
    return Manifest(version=version, **texts)


def _note_text(manifest: bytes) -> str:
    return f"onrecord/authority/v1\n{hashlib.sha256(manifest).hexdigest()}\n"


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.POLICY_INVALID, f"the authority bundle is refused: {why}")
