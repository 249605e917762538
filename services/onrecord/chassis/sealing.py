"""Sealing: bytes that only the holder of a key can read.

Two envelopes, one shape. A plaintext is encrypted with AES-256-GCM under a data key of its own;
the data key is wrapped, either to a gallery's public key (HPKE, RFC 9180, base mode: X25519,
HKDF-SHA256, AES-256-GCM), so that whoever ingests can encrypt and cannot read, or under one
symmetric key that a service keeps. Destroying the wrapped key makes the plaintext unreadable for
good. `aad` names what the bytes are (whose, of which kind): both layers are bound to it, so that a
ciphertext put in another's place does not open.
"""

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from onrecord.kernel.errors import ErrorCode, OnRecordError

KEY_SIZE = 32
_NONCE_SIZE = 12
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_WRAP_INFO = b"onrecord/data-key/v1\n"


@dataclass(frozen=True, slots=True)
class GalleryKey:
    """An X25519 key pair, 32 bytes each. The private half never appears in `repr`."""

    private: bytes = field(repr=False)
    public: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext (nonce of 12 bytes in front, tag at the end) and its wrapped data key."""

    ciphertext: bytes
    wrapped_key: bytes


def new_gallery_key() -> GalleryKey:
    """A fresh key pair from the system's random source."""
    private = X25519PrivateKey.generate()
    return GalleryKey(private.private_bytes_raw(), private.public_key().public_bytes_raw())


def public_half(private_key: bytes) -> bytes:
    """The public key (32 bytes) of an X25519 private key (32 bytes)."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def new_data_key() -> bytes:
    """32 bytes from the system's random source."""
    return AESGCM.generate_key(KEY_SIZE * 8)


def seal(public_key: bytes, plaintext: bytes, aad: bytes) -> Sealed:
    """Encrypt under a fresh data key, wrapped to `public_key` (X25519, 32 bytes).

    The data key is forgotten on return: only the private half opens what this wrote.
    """
    data_key = new_data_key()
    return Sealed(encrypt(data_key, plaintext, aad), wrap(public_key, data_key, aad))


def wrap(public_key: bytes, data_key: bytes, aad: bytes) -> bytes:
    """A data key wrapped to a public key: encapsulated key (32), ciphertext (32) and tag (16)."""
    recipient = X25519PublicKey.from_public_bytes(public_key)
    return _SUITE.encrypt(data_key, recipient, _WRAP_INFO + aad)


def unwrap(private_key: bytes, wrapped_key: bytes, aad: bytes) -> bytes:
    """The data key (32 bytes). Raises SEAL_INVALID for another key, context or altered bytes."""
    recipient = X25519PrivateKey.from_private_bytes(private_key)
    try:
        data_key = _SUITE.decrypt(wrapped_key, recipient, _WRAP_INFO + aad)
    except (InvalidTag, ValueError) as error:
        raise _unreadable() from error
    if len(data_key) != KEY_SIZE:
        raise _unreadable()
    return data_key


def open_sealed(private_key: bytes, sealed: Sealed, aad: bytes) -> bytes:
    """The plaintext that `seal` was given. Raises SEAL_INVALID."""
    return decrypt(unwrap(private_key, sealed.wrapped_key, aad), sealed.ciphertext, aad)


def encrypt(data_key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM with a random nonce, which stands in front of the ciphertext and its tag."""
    nonce = os.urandom(_NONCE_SIZE)
    return nonce + AESGCM(data_key).encrypt(nonce, plaintext, aad)


def decrypt(data_key: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """What `encrypt` was given. Raises SEAL_INVALID for another key, context or altered bytes."""
    try:
        return AESGCM(data_key).decrypt(ciphertext[:_NONCE_SIZE], ciphertext[_NONCE_SIZE:], aad)
    except (InvalidTag, ValueError) as error:
        raise _unreadable() from error


class SymmetricSeal:
    """Data keys wrapped under one symmetric key that a service keeps, such as the casework key.

    One data key serves all that stands or falls together (a search's probe, template and list);
    its wrapped form is stored beside them, and deleting that is deleting them. Random nonces:
    at most 2^32 data keys under one key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a sealing key has {KEY_SIZE} bytes")
        self._key = key

    def new_data_key(self, aad: bytes) -> bytes:
        """A fresh data key, wrapped for what `aad` names; 60 bytes to store."""
        return self._wrap(new_data_key(), aad)

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        """Encrypt under a fresh data key of its own."""
        data_key = new_data_key()
        return Sealed(encrypt(data_key, plaintext, aad), self._wrap(data_key, aad))

    def open(self, sealed: Sealed, aad: bytes) -> bytes:
        """What `seal` was given. Raises SEAL_INVALID."""
        return decrypt(self.unwrap(sealed.wrapped_key, aad), sealed.ciphertext, aad)

    def seal_under(self, wrapped_key: bytes, key_aad: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under a data key of `new_data_key(key_aad)`. Raises SEAL_INVALID."""
        return encrypt(self.unwrap(wrapped_key, key_aad), plaintext, aad)

    def open_under(
        self, wrapped_key: bytes, key_aad: bytes, ciphertext: bytes, aad: bytes
    ) -> bytes:
        """What `seal_under` was given. Raises SEAL_INVALID."""
        return decrypt(self.unwrap(wrapped_key, key_aad), ciphertext, aad)

    def unwrap(self, wrapped_key: bytes, aad: bytes) -> bytes:
        """The data key (32 bytes). Raises SEAL_INVALID."""
        return decrypt(self._key, wrapped_key, _WRAP_INFO + aad)

    def _wrap(self, data_key: bytes, aad: bytes) -> bytes:
        return encrypt(self._key, data_key, _WRAP_INFO + aad)


def _unreadable() -> OnRecordError:
    return OnRecordError(
        ErrorCode.SEAL_INVALID, "the sealed bytes cannot be opened: another key, place or content"
    )
