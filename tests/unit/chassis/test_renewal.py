"""Certificates that are renewed while calls run: nobody is turned away, nobody restarts."""

import logging
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from onrecord.chassis.certificates import LocalAuthority, write_secret
from onrecord.chassis.grpc import GrpcServer, ServerSettings, open_channel
from onrecord.chassis.renewal import IdentityFiles
from onrecord.clients.attesting import RenewedAttestor, believing
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation
from tests.unit.chassis.test_grpc import ALLOWED, call, refused, register


class Ticking:
    """A monotonic clock on which more than a second passes at every look."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        self._seconds += 2.0
        return self._seconds


class Place:
    """Where a cluster's authority puts the certificates of audit and gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "files"
        self.folder.mkdir()
        self._authorities = folder
        self._issued = 0
        self.trust("one")
        self.renew(Service.AUDIT, "one")
        self.renew(Service.GATEWAY, "one")

    def authority(self, name: str) -> LocalAuthority:
        return LocalAuthority.open(self._authorities / name)

    def trust(self, *names: str) -> None:
        roots = b"".join(
            (self._authorities / name / "root.pem").read_bytes()
            for name in names
            if self.authority(name)
        )
        self._put("roots.pem", roots)

    def renew(self, service: Service, authority: str) -> x509.Certificate:
        """A new key and certificate, the key's file first."""
        self._issued += 1
        made = self.authority(authority).issue(service, f"{service.value}-{self._issued}")
        self._put(f"{service.value}.key.pem", made.key_pem)
        self._put(f"{service.value}.pem", made.chain_pem)
        return made.chain[0]

    def identity(self, service: Service) -> IdentityFiles:
        name = service.value
        return IdentityFiles(
            service,
            self.folder / f"{name}.pem",
            self.folder / f"{name}.key.pem",
            self.folder / "roots.pem",
            monotonic=Ticking(),
        )

    def _put(self, name: str, content: bytes) -> None:
        write_secret(self.folder / name, content)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextmanager
def serving(place: Place) -> Iterator[tuple[int, list[x509.Certificate]]]:
    """An audit that answers, its port, and the certificates that callers showed it."""
    callers: list[x509.Certificate] = []

    def act(sent: bytes, context: grpc.ServicerContext) -> bytes:
        (pem,) = context.auth_context()["x509_pem_cert"]
        callers.append(x509.load_pem_x509_certificate(cast("bytes", pem)))
        return sent

    server = GrpcServer(
        ServerSettings("127.0.0.1:0", 4),
        place.identity(Service.AUDIT),
        ALLOWED,
        logging.getLogger("test"),
    )
    server.add(register(act))
    port = server.start()
    try:
        yield port, callers
    finally:
        server.stop(1.0)


def shown_by(port: int, place: Place) -> bytes:
    """The certificate that a new connection meets, DER."""
    context = ssl.create_default_context(cafile=str(place.folder / "roots.pem"))
    context.check_hostname = False
    context.load_cert_chain(place.folder / "gateway.pem", keyfile=place.folder / "gateway.key.pem")
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def test_both_sides_renew_while_calls_run(place: Place) -> None:
    """R-45: no call fails for it; what begins later shows the new certificates."""
    stop, failures = threading.Event(), []
    with (
        serving(place) as (port, callers),
        open_channel(f"127.0.0.1:{port}", place.identity(Service.GATEWAY), Service.AUDIT) as to,
    ):

        def steadily() -> None:
            while not stop.is_set():
                try:
                    call(to)
                except OnRecordError as error:
                    failures.append(error)

        calling = threading.Thread(target=steadily)
        calling.start()
        try:
            for _ in range(3):
                theirs = place.renew(Service.AUDIT, "one")
                ours = place.renew(Service.GATEWAY, "one")
                call(to)
                assert der(callers[-1]) == der(ours) or ours in callers
                assert shown_by(port, place) == der(theirs)
        finally:
            stop.set()
            calling.join()
    assert failures == []


def test_an_authority_is_changed_without_a_stop(place: Place) -> None:
    """Both are believed for a while; then the old one is no more."""
    audit, gateway = place.identity(Service.AUDIT), place.identity(Service.GATEWAY)
    believer, signer = believing(gateway), RenewedAttestor(audit)
    before = attest(signer)
    believer.verify(before, Service.AUDIT, "t/v1")
    with serving(place) as (port, _):
        place.trust("one", "two")
        place.renew(Service.AUDIT, "two")
        after = attest(signer)
        assert after.chain != before.chain
        believer.verify(before, Service.AUDIT, "t/v1")
        believer.verify(after, Service.AUDIT, "t/v1")
        place.renew(Service.GATEWAY, "two")
        with open_channel(f"127.0.0.1:{port}", gateway, Service.AUDIT) as to:
            assert call(to) == b"hello"
        place.trust("two")
        with pytest.raises(OnRecordError) as caught:
            believer.verify(before, Service.AUDIT, "t/v1")
        assert caught.value.code is ErrorCode.ATTESTATION_INVALID
        believer.verify(after, Service.AUDIT, "t/v1")
        with old_gateway(place, port) as to:
            assert refused(to).code is ErrorCode.PLANE_UNAVAILABLE


@contextmanager
def old_gateway(place: Place, port: int) -> Iterator[grpc.Channel]:
    made = place.authority("one").issue(Service.GATEWAY)
    credentials = grpc.ssl_channel_credentials(
        (place.folder / "roots.pem").read_bytes(), made.key_pem, made.chain_pem
    )
    options = [("grpc.ssl_target_name_override", "audit.onrecord")]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        yield channel


def test_files_that_do_not_fit_together_change_nothing(place: Place) -> None:
    """A key that came before its certificate, another service's, none: the old one stands."""
    source = place.identity(Service.AUDIT)
    before = source.current()
    kept = place.folder.parent / "kept"
    shutil.copytree(place.folder, kept)
    write_secret(
        place.folder / "audit.key.pem", place.authority("one").issue(Service.EMBEDDING).key_pem
    )
    assert source.current() is before
    shutil.copy(place.folder / "gateway.pem", place.folder / "audit.pem")
    assert source.current() is before
    (place.folder / "audit.pem").unlink()
    assert source.current() is before
    for name in ("audit.pem", "audit.key.pem"):
        shutil.copy(kept / name, place.folder / name)
    assert source.current() is before
    renewed = place.renew(Service.AUDIT, "one")
    assert source.current().chain[0] == renewed


def test_nothing_is_signed_with_a_certificate_that_has_run_out(place: Place) -> None:
    """R-22: whoever reads it would refuse it for good; what waits is signed after the renewal."""
    source = place.identity(Service.AUDIT)
    ends = source.current().chain[0].not_valid_after_utc
    signer = RenewedAttestor(source)

    def at(when: datetime) -> Attestation:
        return signer.attest({"type": "t/v1", "time": format_time(when)})

    believing(source).verify(at(ends), Service.AUDIT, "t/v1")
    for outside in (ends + timedelta(seconds=1), datetime(2020, 1, 1, tzinfo=UTC)):
        with pytest.raises(OnRecordError) as caught:
            at(outside)
        assert caught.value.code is ErrorCode.IDENTITY_UNAVAILABLE


def attest(signer: RenewedAttestor) -> Attestation:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.00Z")
    return signer.attest({"type": "t/v1", "time": now})
