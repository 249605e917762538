"""Keys, policies and models change on the record, by those who answer for them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from onrecord.chassis.database import write_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.proof.authority import AuthorityBundle, build_bundle
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import NoteSigner
from tests.builders.audit import (
    MODEL,
    POLICIES,
    AuditForTest,
    SetClock,
    open_audit,
    soon,
)


@pytest.fixture
def empty(tmp_path: Path, clock: SetClock) -> Iterator[AuditForTest]:
    """A ledger in which nothing is settled."""
    opened = open_audit(tmp_path, clock=clock)
    yield opened
    opened.close()


def code_of(act: Callable[[], Any]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def activate(audit: AuditForTest, bundle: AuthorityBundle, token: str | None = None) -> int:
    own = audit.custodian("US-UT") if token is None else token
    return audit.service.activate_policy(bundle, own, soon()).index


def pin(audit: AuditForTest, key: str | None = None, token: str | None = None) -> int:
    text = audit.state_keys["US-UT"].verifier.text if key is None else key
    by = audit.operator() if token is None else token
    return audit.service.pin_authority_key("US-UT", text, by, soon()).index


def test_a_states_first_key_is_pinned_once_by_an_operator(empty: AuditForTest) -> None:
    assert code_of(lambda: pin(empty, token=empty.custodian("US-UT"))) is ErrorCode.ROLE_MISSING
    index = pin(empty)
    assert pin(empty) == index
    body = parse_body(empty.service.entry(index, soon()).body)[0]
    assert (body["kind"], body["what"], body["jurisdiction"]) == (
        "key.changed",
        "authority",
        "US-UT",
    )
    another = NoteSigner.generate("US-UT/authority").verifier.text
    assert code_of(lambda: pin(empty, another)) is ErrorCode.SIGNATURE_INVALID
    vermont = NoteSigner.generate("US-VT/authority").verifier.text
    for wrong in (vermont, "nonsense", ""):
        assert code_of(lambda wrong=wrong: pin(empty, wrong)) is ErrorCode.SIGNATURE_INVALID  # type: ignore[misc]


def test_a_policy_is_put_in_force_by_its_own_custodian(empty: AuditForTest) -> None:
    pin(empty)
    bundle = empty.bundle("US-UT")
    for token in (empty.custodian("US-VT"), empty.operator(), _custodian_of_nothing(empty)):
        refused = code_of(lambda token=token: activate(empty, bundle, token))  # type: ignore[misc]
        assert refused is ErrorCode.ROLE_MISSING
    index = activate(empty, bundle)
    assert activate(empty, bundle) == index
    body = parse_body(empty.service.entry(index, soon()).body)[0]
    assert (body["kind"], body["version"], body["bundle"]) == (
        "policy.activated",
        1,
        bundle.digest,
    )
    assert body["instrument"]["citation"] == "Utah Code 77-23e"
    assert empty.service.policy(bundle.digest, soon()) == bundle
    assert code_of(lambda: empty.service.policy("0" * 64, soon())) is ErrorCode.POLICY_MISSING


def _custodian_of_nothing(audit: AuditForTest) -> str:
    return audit.token("custodian", Role.CUSTODIAN)


def test_without_a_pinned_key_nothing_is_signed(empty: AuditForTest) -> None:
    bundle = empty.bundle("US-UT")
    assert code_of(lambda: activate(empty, bundle)) is ErrorCode.SIGNATURE_INVALID


def test_only_the_states_key_signs(audit: AuditForTest) -> None:
    forged = build_bundle(
        (POLICIES / "US-UT" / "policy.cedar").read_bytes(),
        (POLICIES / "US-UT" / "authority.yaml").read_bytes(),
        jurisdiction="US-UT",
        version=2,
        previous=audit.bundle("US-UT").digest,
        signer=NoteSigner.generate("US-UT/authority"),
    )
    assert code_of(lambda: activate(audit, forged)) is ErrorCode.SIGNATURE_INVALID


def test_a_changed_file_is_not_what_was_signed(audit: AuditForTest) -> None:
    signed = audit.bundle("US-UT", version=2, previous=audit.bundle("US-UT").digest)
    changed = AuthorityBundle(
        signed.policy + b"\n", signed.authority, signed.manifest, signed.signature
    )
    assert code_of(lambda: activate(audit, changed)) is ErrorCode.POLICY_INVALID


def test_a_signed_policy_out_of_form_is_not_put_in_force(audit: AuditForTest) -> None:
    previous = audit.bundle("US-UT").digest
    for cedar in (b"permit (principal, action, resource);", b"nonsense", b"\xff"):
        bundle = audit.bundle("US-UT", version=2, previous=previous, policy=cedar)
        assert code_of(lambda bundle=bundle: activate(audit, bundle)) is ErrorCode.POLICY_INVALID  # type: ignore[misc]
    assert audit.authorize().granted


def test_versions_follow_one_another_and_none_comes_back(audit: AuditForTest) -> None:
    first = audit.bundle("US-UT")
    skipped = audit.bundle("US-UT", version=3, previous="0" * 64)
    assert code_of(lambda: activate(audit, skipped)) is ErrorCode.POLICY_INVALID
    same = audit.bundle("US-UT", version=1, previous=first.digest)
    assert code_of(lambda: activate(audit, same)) is ErrorCode.POLICY_INVALID
    second = audit.bundle("US-UT", version=2, previous=first.digest)
    activate(audit, second)
    # The first one, sent again, is answered with its old entry and changes nothing.
    activate(audit, first)
    active = {one.jurisdiction: one for one in audit.service.active_policies(soon())}
    assert (active["US-UT"].version, active["US-UT"].digest) == (2, second.digest)


def test_the_policies_in_force_are_public(audit: AuditForTest) -> None:
    """R-2, R-28."""
    active = {one.jurisdiction: one for one in audit.service.active_policies(soon())}
    assert list(active) == ["US-MD", "US-UT", "US-VT"]
    assert active["US-VT"].citation == "23 V.S.A. § 634(c)"
    assert active["US-MD"].expires == "2026-06-30T00:00:00-04:00"
    assert {one.legal_review for one in active.values()} == {"required"}


@pytest.mark.parametrize("change", ["policy || x'0a'", "CAST(policy || x'0a' AS BLOB)"])
def test_a_policy_changed_in_the_database_grants_nothing(audit: AuditForTest, change: str) -> None:
    """Law 5: a database is not a signature."""
    with write_transaction(audit.running.engine) as connection:
        connection.execute(text("DROP TRIGGER authority_bundles_no_update"))
        connection.execute(text(f"UPDATE authority_bundles SET policy = {change}"))  # noqa: S608
    again = audit.reopen()
    authorization = again.authorize()
    assert [code for code, _ in authorization.galleries[0].reasons] == ["policy_invalid"]
    again.close()


def test_the_model_of_a_gallery_changes_on_the_record(audit: AuditForTest) -> None:
    def use(model: str, token: str) -> int:
        return audit.service.register_gallery_model("US-UT", model, token, soon()).index

    assert code_of(lambda: use("m2", audit.custodian("US-UT"))) is ErrorCode.ROLE_MISSING
    before = use(MODEL, audit.operator())
    index = use("m2", audit.operator())
    assert index > before
    assert use("m2", audit.operator()) == index
    assert audit.authorize().galleries[0].model_id == "m2"
    use(MODEL, audit.operator())
    assert audit.authorize().galleries[0].model_id == MODEL


def test_bodies_are_for_auditors(audit: AuditForTest) -> None:
    """R-26."""
    auditor = audit.token("a", Role.AUDITOR)
    assert [one.index for one in audit.service.bodies(3, 2, auditor, soon())] == [3, 4]
    assert audit.service.bodies(10_000, 5, auditor, soon()) == ()
    for role in (Role.OPERATOR, Role.REQUESTER, Role.CUSTODIAN):
        token = audit.token("a", role)
        refused = code_of(lambda token=token: audit.service.bodies(0, 1, token, soon()))  # type: ignore[misc]
        assert refused is ErrorCode.ROLE_MISSING
