"""A state changes its key, on the record (R-21)."""

from collections.abc import Callable
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import NoteSigner
from tests.builders.audit import POLICIES, AuditForTest, soon


def bundle(
    by: NoteSigner, to: NoteSigner | None = None, *, version: int, previous: str
) -> AuthorityBundle:
    folder = POLICIES / "US-UT"
    return build_bundle(
        (folder / "policy.cedar").read_bytes(),
        (folder / "authority.yaml").read_bytes(),
        jurisdiction="US-UT",
        version=version,
        previous=previous,
        signer=by,
        next_signer=to,
    )


def activate(audit: AuditForTest, one: AuthorityBundle) -> int:
    return audit.service.activate_policy(one, audit.custodian("US-UT"), soon()).index


def refused(act: Callable[[], Any]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def test_a_key_change_is_an_entry_and_then_the_new_key_alone_signs(audit: AuditForTest) -> None:
    old = audit.state_keys["US-UT"]
    new = NoteSigner.generate(key_name("US-UT"))
    first = audit.bundle("US-UT").digest
    changing = bundle(old, new, version=2, previous=first)
    index = activate(audit, changing)
    key = parse_body(audit.service.entry(index - 1, soon()).body)[0]
    assert (key["kind"], key["what"], key["jurisdiction"]) == ("key.changed", "authority", "US-UT")
    assert (key["key"], key["previous_key"]) == (new.verifier.text, old.verifier.text)
    assert key["bundle"] == changing.digest
    assert parse_body(audit.service.entry(index, soon()).body)[0]["kind"] == "policy.activated"
    assert activate(audit, changing) == index
    assert audit.authorize().granted

    by_old = bundle(old, version=3, previous=changing.digest)
    with pytest.raises(OnRecordError) as caught:
        activate(audit, by_old)
    assert caught.value.code is ErrorCode.SIGNATURE_INVALID
    assert new.verifier.text.rpartition("+")[0] in caught.value.message
    by_new = bundle(new, version=3, previous=changing.digest)
    assert activate(audit, by_new) == index + 2  # a search stands between
    again = audit.reopen()
    assert again.authorize().galleries[0].policy == by_new.digest
    again.close()


def test_a_key_is_not_changed_without_both_signatures(audit: AuditForTest) -> None:
    old, thief = audit.state_keys["US-UT"], NoteSigner.generate(key_name("US-UT"))
    first = audit.bundle("US-UT").digest
    by_thief = bundle(thief, NoteSigner.generate(key_name("US-UT")), version=2, previous=first)
    assert refused(lambda: activate(audit, by_thief)) is ErrorCode.SIGNATURE_INVALID
    skipping = bundle(old, thief, version=3, previous="0" * 64)
    assert refused(lambda: activate(audit, skipping)) is ErrorCode.POLICY_INVALID
    still = bundle(old, version=2, previous=first)
    activate(audit, still)


def test_a_key_that_was_replaced_does_not_come_back(audit: AuditForTest) -> None:
    old = audit.state_keys["US-UT"]
    new = NoteSigner.generate(key_name("US-UT"))
    changing = bundle(old, new, version=2, previous=audit.bundle("US-UT").digest)
    activate(audit, changing)
    back = bundle(new, old, version=3, previous=changing.digest)
    assert refused(lambda: activate(audit, back)) is ErrorCode.SIGNATURE_INVALID


def test_who_dies_between_the_two_entries_sends_the_bundle_once_more(
    audit: AuditForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-22: the key has changed, the policy has not; sending again finishes, with one of each."""
    old, new = audit.state_keys["US-UT"], NoteSigner.generate(key_name("US-UT"))
    changing = bundle(old, new, version=2, previous=audit.bundle("US-UT").digest)
    ledger = audit.running.ledger
    append, calls = ledger.append, 0

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "killed")
        return append(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(type(ledger), "append", lambda _, *arguments: dying(*arguments))
        assert refused(lambda: activate(audit, changing)) is ErrorCode.LEDGER_UNAVAILABLE
    assert audit.authorize().galleries[0].policy == audit.bundle("US-UT").digest
    index = activate(audit, changing)
    assert audit.authorize().galleries[0].policy == changing.digest
    kinds = [
        parse_body(audit.service.entry(at, soon()).body)[0]["kind"]
        for at in range(index - 2, index + 1)
    ]
    assert kinds == ["key.changed", "request.granted", "policy.activated"]
