"""Keys that sign notes, and the one way in which each is written as text.

Two kinds: Ed25519 over the text (type 0x01, C2SP signed-note), and the timestamped cosignature of
a witness (type 0x04, C2SP tlog-cosignature), which signs the text under a header line and a time
line. Text forms as in Go's `sumdb/note`: `name+id+base64` and `PRIVATE+KEY+name+id+base64`.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.verified import Verified, digest_of

ED25519 = 0x01
COSIGNATURE_V1 = 0x04

LINE_START = "\u2014 "
_ALGORITHMS = (ED25519, COSIGNATURE_V1)
_PRIVATE_PREFIX = "PRIVATE+KEY+"
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")  # all but the newline
_NO_NAME = re.compile("[+\\s\x00-\x1f\ud800-\udfff]")
_SIGNATURE_SIZES = {ED25519: 64, COSIGNATURE_V1: 8 + 64}
# One checkpoint is opened by every service and for every gallery of a search. A verifier is a
# value, so what is remembered stands beside the class; it is by content, key and all.
_VERIFIED = Verified(4096)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, not yet checked."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, newline included."""
        return f"{LINE_START}{self.name} {_encode(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key with its name: what a reader of notes trusts.

    `public_key` is 32 bytes; `algorithm` is `ED25519` or `COSIGNATURE_V1`. `ValueError` otherwise.
    """

    name: str
    public_key: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        _check_key(self.name, self.algorithm)
        if len(self.public_key) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, say which key and algorithm signed."""
        hashed = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key
        return hashlib.sha256(hashed).digest()[:4]

    @property
    def text(self) -> str:
        """The verifier key as text, `name+id+base64`."""
        return (
            f"{self.name}+{self.key_id.hex()}+{_encode(bytes([self.algorithm]) + self.public_key)}"
        )

    @classmethod
    def parse(cls, vkey: str) -> "NoteVerifier":
        """The key written as `vkey`. Raises `OnRecordError(SIGNATURE_INVALID)`."""
        name, key_id, material = _parse_key(vkey.split("+", 2))
        try:
            verifier = cls(name, material[1:], material[0])
        except ValueError as error:
            raise invalid(f"not a verifier key: {error}") from error
        if verifier.key_id.hex() != key_id:
            raise invalid(f"the verifier key of {name} does not have the id it states")
        return verifier

    def made(self, signature: NoteSignature) -> bool:
        """Whether the line claims to be by this key."""
        return signature.name == self.name and signature.key_id == self.key_id

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether `signature` (the bytes after the key id) is this key's over `text`."""
        if len(signature) != _SIGNATURE_SIZES[self.algorithm]:
            return False
        if self.algorithm == COSIGNATURE_V1:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time >= 2**63:
                return False
            message = cosigned_message(text, time)
        else:
            message = text.encode()
        content = digest_of(self.public_key, signature, message)
        if _VERIFIED.knows(content):
            return True
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        _VERIFIED.add(content)
        return True


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key with its name. The key never appears in `repr`."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        _check_key(self.name, self.algorithm)

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> "NoteSigner":
        """A fresh key. `ValueError` where the name is empty or holds a space or a plus."""
        return cls(name, Ed25519PrivateKey.generate(), algorithm)

    @property
    def verifier(self) -> NoteVerifier:
        return NoteVerifier(self.name, self.private.public_key().public_bytes_raw(), self.algorithm)

    @property
    def text(self) -> str:
        """The private key as text: a secret."""
        material = _encode(bytes([self.algorithm]) + self.private.private_bytes_raw())
        return f"{_PRIVATE_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, text: str) -> "NoteSigner":
        """The key in `text`. Raises `OnRecordError(SIGNATURE_INVALID)`, never quoting it."""
        if not text.startswith(_PRIVATE_PREFIX):
            raise invalid("not a private note key")
        name, key_id, material = _parse_key(text.removeprefix(_PRIVATE_PREFIX).split("+", 2))
        try:
            signer = cls(name, Ed25519PrivateKey.from_private_bytes(material[1:]), material[0])
        except ValueError as error:
            raise invalid("not a private note key") from error
        if signer.verifier.key_id.hex() != key_id:
            raise invalid(f"the private key of {name} does not have the id it states")
        return signer

    def sign(self, text: str) -> str:
        """The signature line over `text`, newline included. For `ED25519` keys only."""
        if self.algorithm != ED25519:
            raise ValueError("a cosigning key signs checkpoints at a time, through `cosign`")
        check_text(text)
        return self.line(self.private.sign(text.encode()))

    def line(self, signature: bytes) -> str:
        """The signature line that carries `signature` under this key's name and id."""
        return NoteSignature(self.name, self.verifier.key_id, signature).line


def check_text(text: str) -> None:
    """Raises `OnRecordError(SIGNATURE_INVALID)` unless `text` may stand in a note."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise invalid("text that is not UTF-8") from error
    if not text.endswith("\n"):
        raise invalid("the text of a note ends in a newline")
    if _CONTROL.search(text) is not None:
        raise invalid("a control character in the text of a note")


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs over the text of a checkpoint, at `time` in seconds since 1970."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling. Raises `ValueError`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("not base64") from error
    if _encode(data) != text:  # stray bits in the last character would make two spellings of one
        raise ValueError("not canonical base64")
    return data


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _parse_key(parts: list[str]) -> tuple[str, str, bytes]:
    if len(parts) != 3:
        raise invalid("a note key has a name, an id and a key, joined by +")
    name, key_id, encoded = parts
    try:
        material = decode_base64(encoded)
    except ValueError as error:
        raise invalid(f"the note key of {name!r} is not base64") from error
    if len(material) != 33 or material[0] not in _ALGORITHMS:
        raise invalid(f"the note key of {name!r} is of an unknown kind")
    return name, key_id, material


def _check_key(name: str, algorithm: int) -> None:
    check_name(name)
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"unknown signature type {algorithm}")


def check_name(name: str) -> None:
    """Raises `ValueError` unless `name` may name a key."""
    if not name or _NO_NAME.search(name) is not None:
        raise ValueError(f"a key name is not empty and has no space or plus: {name!r}")


def invalid(message: str) -> OnRecordError:
    """Why a note, a signature or a key is refused."""
    return OnRecordError(ErrorCode.SIGNATURE_INVALID, message)
