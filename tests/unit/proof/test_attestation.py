"""Attestations: what is remembered of a verification spares work and never a check (law 2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
KIND = "onrecord.test/v1"


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority.open(tmp_path / "ca", now=lambda: NOW)


def attestor(authority: LocalAuthority, service: Service = Service.DETECTION) -> Attestor:
    identity = authority.issue(service)
    return Attestor(identity.key, identity.chain)


def said(at: datetime = NOW, **more: object) -> dict[str, object]:
    return {"type": KIND, "time": format_time(at), **more}


def refused(verifier: AttestationVerifier, attestation: Attestation) -> str:
    with pytest.raises(OnRecordError) as raised:
        verifier.verify(attestation, Service.DETECTION, KIND)
    assert raised.value.code is ErrorCode.ATTESTATION_INVALID
    return raised.value.message


@pytest.mark.parametrize("part", ["statement", "signature", "chain"])
def test_an_attestation_has_one_spelling(authority: LocalAuthority, part: str) -> None:
    """Letters that base64 does not know are refused, not passed over."""
    written = attestor(authority).attest(said()).to_json()
    assert Attestation.from_json(written).to_json() == written
    whole = written[part]
    written[part] = [whole[0] + "!"] if part == "chain" else whole[:4] + "!" + whole[4:]
    with pytest.raises(OnRecordError) as raised:
        Attestation.from_json(written)
    assert raised.value.code is ErrorCode.ATTESTATION_INVALID


class TestAfterOneOfTheSameChainWasVerified:
    """The first verification of each test fills every memory; the attack comes second."""

    @pytest.fixture
    def verifier(self, authority: LocalAuthority) -> AttestationVerifier:
        verifier = AttestationVerifier([authority.root])
        good = attestor(authority).attest(said(number=1))
        for _ in range(2):
            assert verifier.verify(good, Service.DETECTION, KIND) == said(number=1)
        return verifier

    def test_a_statement_made_before_or_after_its_certificate(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        for at in (NOW - timedelta(days=1), NOW + timedelta(days=91)):
            late = attestor(authority).attest(said(at))
            assert "not valid when" in refused(verifier, late)

    def test_another_statement_under_a_signature_that_was_seen(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        good = attestor(authority).attest(said(number=1))
        assert verifier.verify(good, Service.DETECTION, KIND)
        for changed in (
            replace(good, statement=canonical.encode(said(number=2))),
            replace(good, signature=good.signature[:-1] + bytes([good.signature[-1] ^ 1])),
            replace(good, signature=b""),
        ):
            assert "signature" in refused(verifier, changed)

    def test_the_chain_of_another_service_under_a_statement_that_was_seen(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        good = attestor(authority).attest(said(number=1))
        other = attestor(authority, Service.EMBEDDING).attest(said(number=1))
        assert "detection" in refused(verifier, replace(good, chain=other.chain))
        assert "detection" in refused(verifier, other)

    def test_another_kind_and_another_service_are_asked_for_each_time(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        good = attestor(authority).attest(said(number=1))
        for service, kind in ((Service.DETECTION, "x"), (Service.EMBEDDING, KIND)):
            with pytest.raises(OnRecordError):
                verifier.verify(good, service, kind)

    def test_a_chain_that_was_seen_with_another_root_behind_it(
        self, authority: LocalAuthority, verifier: AttestationVerifier, tmp_path: Path
    ) -> None:
        stranger = LocalAuthority.open(tmp_path / "stranger", now=lambda: NOW)
        forged = attestor(stranger).attest(said(number=1))
        assert "not issued" in refused(verifier, forged)  # a root of the same name
        leaf_of_theirs = (forged.chain[0], *authority_chain(authority)[1:])
        assert "not issued" in refused(verifier, replace(forged, chain=leaf_of_theirs))

    def test_what_was_refused_is_refused_again(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        good = attestor(authority).attest(said(number=1))
        bad = replace(good, statement=canonical.encode(said(number=3)))
        assert refused(verifier, bad) == refused(verifier, bad)

    def test_what_is_given_is_the_callers_to_change(
        self, authority: LocalAuthority, verifier: AttestationVerifier
    ) -> None:
        good = attestor(authority).attest(said(list=[1]))
        verifier.verify(good, Service.DETECTION, KIND)["list"].append(2)
        assert verifier.verify(good, Service.DETECTION, KIND) == said(list=[1])


def authority_chain(authority: LocalAuthority) -> tuple[bytes, ...]:
    return attestor(authority).attest(said()).chain
