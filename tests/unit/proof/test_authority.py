"""An authority bundle is what its state signed, byte for byte (R-1)."""

from dataclasses import replace

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.authority import (
    MAX_FILE_BYTES,
    AuthorityBundle,
    build_bundle,
    key_name,
    read_key,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner

POLICY, AUTHORITY = b"permit(principal, action, resource);", b"jurisdiction: US-UT\n"


def signer(jurisdiction: str = "US-UT") -> NoteSigner:
    return NoteSigner.generate(key_name(jurisdiction))


def bundle(by: NoteSigner, jurisdiction: str = "US-UT") -> AuthorityBundle:
    return build_bundle(
        POLICY, AUTHORITY, jurisdiction=jurisdiction, version=1, previous="", signer=by
    )


def test_a_signed_bundle_verifies_and_survives_json() -> None:
    state = signer()
    again = AuthorityBundle.from_json(bundle(state).to_json())
    assert verify_bundle(again, [state.verifier]).jurisdiction == "US-UT"


@pytest.mark.parametrize("part", ["policy", "authority", "manifest"])
def test_a_bundle_has_one_spelling(part: str) -> None:
    """Letters that base64 does not know are refused, not passed over."""
    written = bundle(signer()).to_json()
    written[part] = written[part][:4] + "!" + written[part][4:]
    with pytest.raises(OnRecordError) as refused:
        AuthorityBundle.from_json(written)
    assert refused.value.code is ErrorCode.POLICY_INVALID


@pytest.mark.parametrize("part", ["policy", "authority", "manifest"])
def test_each_file_is_bounded(part: str) -> None:
    """Of two that are not what was signed, the larger is refused for its size."""
    state = signer()
    good = bundle(state)
    fits = b" " * MAX_FILE_BYTES
    for content, told in ((fits + b" ", "too large"), (fits, "manifest")):
        bad = {
            "policy": replace(good, policy=content),
            "authority": replace(good, authority=content),
            "manifest": replace(good, manifest=content),
        }[part]
        with pytest.raises(OnRecordError) as refused:
            verify_bundle(bad, [state.verifier])
        assert refused.value.code is ErrorCode.POLICY_INVALID
        assert told in refused.value.message


def test_a_key_of_another_name_or_kind_is_no_authority_key() -> None:
    good = signer().verifier
    assert read_key(good.text, "US-UT") == good
    witness = NoteSigner.generate(key_name("US-UT"), COSIGNATURE_V1).verifier
    for bad in (witness, signer("US-VT").verifier):
        with pytest.raises(OnRecordError) as refused:
            read_key(bad.text, "US-UT")
        assert (refused.value.code, refused.value.field) == (ErrorCode.SIGNATURE_INVALID, "key")


@pytest.mark.parametrize("part", ["policy", "authority"])
def test_a_changed_file_is_not_the_bundle(part: str) -> None:
    state = signer()
    good = bundle(state)
    bad = (
        replace(good, policy=good.policy + b" ")
        if part == "policy"
        else replace(good, authority=good.authority + b" ")
    )
    with pytest.raises(OnRecordError) as refused:
        verify_bundle(bad, [state.verifier])
    assert refused.value.code is ErrorCode.POLICY_INVALID


def test_another_key_of_the_same_name_does_not_speak_for_the_state() -> None:
    with pytest.raises(OnRecordError) as refused:
        verify_bundle(bundle(signer()), [signer().verifier])
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID


def test_one_state_cannot_sign_for_another() -> None:
    vermont = signer("US-VT")
    with pytest.raises(OnRecordError) as refused:
        verify_bundle(bundle(vermont), [vermont.verifier])
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID


def test_a_signature_over_another_manifest_is_refused() -> None:
    state = signer()
    first = bundle(state)
    second = build_bundle(
        POLICY, AUTHORITY, jurisdiction="US-UT", version=2, previous="", signer=state
    )
    with pytest.raises(OnRecordError) as refused:
        verify_bundle(replace(second, signature=first.signature), [state.verifier])
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": True},
        {"policy_sha256": 1},
        {"key": ""},
        {"key": 1},
        {"jurisdiction": "Utah"},
        {"extra": 1},
        {"version": "1"},
    ],
)
def test_a_manifest_of_another_form_is_refused(change: dict[str, object]) -> None:
    state = signer()
    good = bundle(state)
    manifest = canonical.decode(good.manifest)
    assert isinstance(manifest, dict)
    bad = replace(good, manifest=canonical.encode({**manifest, **change}))
    with pytest.raises(OnRecordError) as refused:
        verify_bundle(bad, [state.verifier])
    assert refused.value.code is ErrorCode.POLICY_INVALID


@pytest.mark.parametrize("manifest", [b"[]", b'"jurisdiction"', b"1", b"{}", b"{", b""])
def test_what_is_no_manifest_is_refused_as_one(manifest: bytes) -> None:
    with pytest.raises(OnRecordError) as refused:
        read_manifest(manifest)
    assert refused.value.code is ErrorCode.POLICY_INVALID
