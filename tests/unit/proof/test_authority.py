"""An authority bundle is what its state signed, byte for byte (R-1)."""

from dataclasses import replace

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name, verify_bundle
from onrecord.proof.notes import NoteSigner

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
    [{"version": 0}, {"version": True}, {"jurisdiction": "Utah"}, {"extra": 1}, {"version": "1"}],
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
