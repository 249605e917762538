"""A service's identity and the world's public keys, from the files its settings name."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from onrecord.chassis.certificates import ServiceIdentity
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service


def read_identity(
    service: Service, certificate: Path, certificate_key: Path, roots: Path
) -> ServiceIdentity:
    """The service's key and chain, leaf first, ending in a root.

    Raises SETTINGS_INVALID where a file cannot be read, the key is not the certificate's, or the
    certificate is another service's.
    """
    chain = _certificates(certificate, "certificate")
    key = _key(certificate_key)
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise _invalid("certificate_key", f"{certificate_key} is not the key of {certificate}")
    if service.spiffe_id not in _names(leaf):
        raise _invalid("certificate", f"{certificate} does not name {service.spiffe_id}")
    trusted = tuple(read_roots(roots))
    for root in trusted:
        if root in chain:
            return ServiceIdentity(service, key, tuple(chain), trusted)
        if _issued(chain[-1], root):
            return ServiceIdentity(service, key, (*chain, root), trusted)
    raise _invalid("certificate", f"{certificate} was signed by none of {roots}")


def read_roots(roots: Path) -> Sequence[x509.Certificate]:
    """The root certificates. Raises SETTINGS_INVALID."""
    return _certificates(roots, "roots")


class KeySetFile:
    """An identity provider's public keys (JWKS) in a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        """Raises SETTINGS_INVALID where it cannot be read."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            with self._lock:
                if stamp != self._stamp:
                    self._keys = dict(json.loads(self._path.read_text("utf-8")))
                    self._stamp = stamp
                return self._keys
        except (OSError, ValueError, TypeError) as error:
            raise _invalid("token_keys", f"{self._path} holds no key set: {error}") from error

    def newer(self) -> dict[str, Any]:
        """As it stands: a file is looked at each time anyway."""
        return self()


def read_line(path: Path, field: str) -> str:
    """The one line of a file. Raises SETTINGS_INVALID naming the setting `field`."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(field, f"{path} cannot be read: {error}") from error


def read_secret(path: Path, field: str) -> bytes:
    """The bytes of a secret file. Raises SETTINGS_INVALID naming the setting `field`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _invalid(field, f"{path} cannot be read: {error.strerror}") from error


def _certificates(path: Path, field: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _invalid(field, f"{path} holds no certificate: {error}") from error


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _invalid("certificate_key", f"{path} holds no usable key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _invalid("certificate_key", f"{path} does not hold an ECDSA key")
    return key


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


def _issued(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _invalid(field: str, message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SETTINGS_INVALID, message, field=field)
