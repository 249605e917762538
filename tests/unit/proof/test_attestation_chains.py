"""Which chains of certificates speak for a service, and for how long (law 2)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
KIND = "onrecord.test/v1"


class Certified:
    """A key and its certificate, by itself or by another."""

    certificate: x509.Certificate

    def __init__(
        self,
        name: str,
        by: "Certified | None" = None,
        *,
        uri: str | None = None,
        starts: datetime = NOW - DAY,
        ends: datetime = NOW + DAY,
        ca: bool | None = True,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if by is None else by.certificate.subject
        built = (
            x509.CertificateBuilder(issuer, subject, self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(starts)
            .not_valid_after(ends)
        )
        if ca is not None:
            built = built.add_extension(x509.BasicConstraints(ca, None), critical=True)
        if uri is not None:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
            built = built.add_extension(names, critical=False)
        self.certificate = built.sign((by or self).key, hashes.SHA256())

    def attest(self, *above: "Certified", at: datetime = NOW) -> Attestation:
        chain = [self.certificate, *(one.certificate for one in above)]
        return Attestor(self.key, chain).attest({"type": KIND, "time": format_time(at)})


def service(by: Certified, name: str = "detection", **options: datetime) -> Certified:
    return Certified(name, by, uri=Service.DETECTION.spiffe_id, ca=False, **options)


def verify(verifier: AttestationVerifier, attestation: Attestation) -> None:
    verifier.verify(attestation, Service.DETECTION, KIND)


def refused(roots: Sequence[Certified] | AttestationVerifier, attestation: Attestation) -> str:
    verifier = roots if isinstance(roots, AttestationVerifier) else trusting(*roots)
    with pytest.raises(OnRecordError) as caught:
        verify(verifier, attestation)
    assert caught.value.code is ErrorCode.ATTESTATION_INVALID
    return caught.value.message


def trusting(*roots: Certified) -> AttestationVerifier:
    return AttestationVerifier([root.certificate for root in roots])


ROOT = Certified("root")
MIDDLE = Certified("middle", ROOT)
LEAF, DEEP = service(ROOT), service(MIDDLE)


def test_a_chain_has_one_to_three_certificates_and_may_leave_its_root_out() -> None:
    verifier = trusting(ROOT)
    for attestation in (
        LEAF.attest(),
        LEAF.attest(ROOT),
        DEEP.attest(MIDDLE),
        DEEP.attest(MIDDLE, ROOT),
    ):
        verify(verifier, attestation)
    lower = Certified("lower", MIDDLE)
    deepest = service(lower)
    verify(verifier, deepest.attest(lower, MIDDLE))
    assert "length" in refused([ROOT], deepest.attest(lower, MIDDLE, ROOT))
    nobodys = Attestation(LEAF.attest().statement, LEAF.attest().signature, ())
    assert "length" in refused([ROOT], nobodys)


def test_a_chain_leads_to_a_root_that_is_known_by_its_last_certificate() -> None:
    stranger = Certified("stranger")
    assert "no root we know" in refused([stranger], LEAF.attest(ROOT))
    assert "no root we know" in refused([], LEAF.attest(ROOT))
    assert "not issued by the next" in refused([ROOT], LEAF.attest(stranger))
    # The one in the middle is believed; what stands above it is nobody's.
    assert "not issued" in refused([MIDDLE], DEEP.attest(MIDDLE, stranger))
    verify(trusting(MIDDLE), DEEP.attest(MIDDLE))
    verify(trusting(stranger, ROOT), LEAF.attest(ROOT))


def test_a_next_root_of_the_same_name_is_tried_after_the_old() -> None:
    again = Certified("root")
    by_again = service(again)
    for roots in ((ROOT, again), (again, ROOT)):
        verify(trusting(*roots), by_again.attest())
        verify(trusting(*roots), LEAF.attest())
    assert "not issued" in refused([ROOT], by_again.attest())


@pytest.mark.parametrize("ca", [False, None])
def test_who_may_not_issue_has_not_issued(ca: bool | None) -> None:
    middle = Certified("middle", ROOT, ca=ca)
    assert "issued by" in refused([ROOT], service(middle).attest(middle))


def test_a_statement_is_made_while_every_certificate_holds() -> None:
    """To the second at both ends; of the chain, the latest begin and the earliest end count."""
    starts, ends = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    short = service(ROOT, starts=starts, ends=ends)
    middle = Certified("middle", ROOT, starts=starts, ends=ends)
    for leaf, above in ((short, ()), (service(middle), (middle,))):
        for at in (starts, NOW, ends):
            verify(trusting(ROOT), leaf.attest(*above, at=at))
        for at in (starts - timedelta(milliseconds=10), ends + timedelta(milliseconds=10)):
            assert "not valid" in refused([ROOT], leaf.attest(*above, at=at))


def test_roots_come_and_go_with_whoever_knows_them() -> None:
    """A root that is believed no more takes with it what it had vouched for, at once."""
    stranger = Certified("stranger")
    known = [ROOT.certificate]
    asked = AttestationVerifier(lambda: known)
    verify(asked, LEAF.attest())
    verify(asked, LEAF.attest())
    known[:] = [stranger.certificate]
    assert "no root we know" in refused(asked, LEAF.attest())
    verify(asked, service(stranger).attest())
    known[:] = [ROOT.certificate, stranger.certificate]
    verify(asked, LEAF.attest())
    known.clear()
    assert "no root we know" in refused(asked, LEAF.attest())


def test_a_signature_that_was_seen_is_its_own_keys_alone() -> None:
    """Another certificate of the same service did not make it, and is no evidence for it."""
    verifier = trusting(ROOT)
    good = LEAF.attest(ROOT)
    verify(verifier, good)
    other = service(ROOT, "another instance")
    moved = Attestation(good.statement, good.signature, other.attest(ROOT).chain)
    assert "signature" in refused(verifier, moved)


@pytest.mark.parametrize("time", [{}, {"time": None}, {"time": "2026-11-23T06:30:00+01:00"}])
def test_a_statement_without_a_time_is_none(time: dict[str, object]) -> None:
    """Refused as every other statement that proves nothing, whatever is wrong with its time."""
    timeless = Attestor(LEAF.key, [LEAF.certificate]).attest({"type": KIND, **time})
    assert "when it was made" in refused([ROOT], timeless)
