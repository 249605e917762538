"""A local certificate authority, for where there is none.

Between processes there is always mutual TLS, and each service signs what it hands on with the key
of its own certificate. In a cluster the certificates come from outside; here they are minted once
into a folder and renewed when they near their end.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from onrecord.kernel.vocabulary import Service

_ROOT_DAYS = 3650
_SERVICE_DAYS = 90
_RENEW_BEFORE = timedelta(days=30)
_BACKDATE = timedelta(minutes=5)  # a neighbour's clock may be a little behind


@dataclass(frozen=True, slots=True)
class ServiceIdentity:
    """One service's key and certificate chain (leaf first, root last).

    `roots`: all that others are believed by; while an authority is being changed, the old and the
    new. Empty: the root of its own chain alone.
    """

    service: Service
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]
    roots: tuple[x509.Certificate, ...] = ()

    def current(self) -> "ServiceIdentity":
        """Itself: an identity that does not change is a source of one."""
        return self

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def chain_pem(self) -> bytes:
        return b"".join(
            certificate.public_bytes(serialization.Encoding.PEM) for certificate in self.chain
        )

    @property
    def root_pem(self) -> bytes:
        """Every root that is believed, the own chain's first."""
        trusted = dict.fromkeys((self.chain[-1], *self.roots))
        return b"".join(root.public_bytes(serialization.Encoding.PEM) for root in trusted)


class IdentitySource(Protocol):
    """Whatever knows which certificate a service has now."""

    def current(self) -> ServiceIdentity:
        """The same object as long as nothing has changed."""
        ...


class LocalAuthority:
    """A root key in a folder, and the service certificates it has issued beside it."""

    def __init__(
        self,
        folder: Path,
        key: ec.EllipticCurvePrivateKey,
        root: x509.Certificate,
        now: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._key = key
        self._root = root
        self._now = now

    @classmethod
    def open(
        cls, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> "LocalAuthority":
        """The authority kept in `folder`; minted there when there is none."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_path, root_path = folder / "root.key.pem", folder / "root.pem"
        if not root_path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            root = _root_certificate(key, now())
            write_secret(key_path, _key_pem(key))
            # The certificate comes last: where it stands, the key stands too.
            write_secret(root_path, root.public_bytes(serialization.Encoding.PEM))
        return cls(
            folder,
            _load_key(key_path),
            x509.load_pem_x509_certificate(root_path.read_bytes()),
            now,
        )

    @property
    def root(self) -> x509.Certificate:
        return self._root

    def issue(self, service: Service, name: str | None = None) -> ServiceIdentity:
        """The service's identity: the kept one, or a new one when it nears its end.

        `name`: of its files, where a service has several deployments, each with a key of its own.
        """
        name = name or service.value
        key_path = self._folder / f"{name}.key.pem"
        certificate_path = self._folder / f"{name}.pem"
        if certificate_path.exists():
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            if certificate.not_valid_after_utc - self._now() > _RENEW_BEFORE:
                return ServiceIdentity(service, _load_key(key_path), (certificate, self._root))
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._service_certificate(service, key)
        certificate_path.unlink(missing_ok=True)
        write_secret(key_path, _key_pem(key))
        write_secret(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
        return ServiceIdentity(service, key, (certificate, self._root))

    def _service_certificate(
        self, service: Service, key: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        now = self._now()
        names = x509.SubjectAlternativeName(
            [
                x509.UniformResourceIdentifier(service.spiffe_id),
                x509.DNSName(f"{service.value}.onrecord"),
                x509.DNSName("localhost"),
            ]
        )
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return (
            x509.CertificateBuilder()
            .subject_name(_name(f"OnRecord {service.value}"))
            .issuer_name(self._root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATE)
            .not_valid_after(now + timedelta(days=_SERVICE_DAYS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names, critical=False)
            # Which of two roots of one name it was: while an authority is changed there are two.
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _root_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("OnRecord local authority")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=_ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not hold an ECDSA key")
    return key
