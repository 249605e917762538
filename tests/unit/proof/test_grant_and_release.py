"""Grants and releases are what the ledger proves, and nothing else (laws 1 and 6)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestor
from onrecord.proof.grant import read_grant
from onrecord.proof.notes import NoteSigner
from onrecord.proof.release import ReleaseProof, verify_release
from tests.builders import bodies
from tests.builders.ledger import ORIGIN, MemoryLedger

SAME, UNSURE = "supports_same", "inconclusive"


@pytest.fixture
def attestor(tmp_path: Path) -> Attestor:
    now = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
    identity = LocalAuthority.open(tmp_path, now=lambda: now).issue(Service.VECTOR_SEARCH)
    return Attestor(identity.key, identity.chain)


def told(attestor: Attestor, first: str = SAME, second: str = SAME) -> MemoryLedger:
    """policy, grant, receipt, two decisions, release of candidate `a`."""
    ledger = MemoryLedger()
    ledger.append(bodies.policy_activated())
    ledger.append(bodies.granted())
    ledger.append(bodies.executed(bodies.receipt({"a": 800_000, "b": 300_000}), attestor))
    ledger.append(bodies.decided("one", {"a": first, "b": UNSURE}))
    ledger.append(bodies.decided("two", {"a": second, "b": UNSURE}))
    ledger.append(bodies.released(["a"]))
    return ledger


def proof(ledger: MemoryLedger) -> ReleaseProof:
    return ReleaseProof(
        release=ledger.logged(5),
        grant=ledger.logged(1),
        executed=(ledger.logged(2),),
        decided=(ledger.logged(3), ledger.logged(4)),
    )


def test_a_grant_says_what_was_allowed() -> None:
    ledger = MemoryLedger()
    grant = read_grant(ledger.log(bodies.granted(["US-UT", "US-MD"])), ledger.key)
    assert sorted(grant.galleries) == ["US-MD", "US-UT"]
    assert grant.galleries["US-UT"].policy == bodies.POLICY
    assert grant.model_ids == (bodies.MODEL,)
    assert grant.person == "asker"


def test_a_refused_gallery_is_not_in_the_grant() -> None:
    ledger = MemoryLedger()
    body = bodies.granted(["US-UT", "US-VT"])
    body["galleries"]["US-VT"] = {"decision": "refused", "policy": None, "reasons": []}
    assert list(read_grant(ledger.log(body), ledger.key).galleries) == ["US-UT"]


@pytest.mark.parametrize("field", ["search_id", "probe_sha256", "expires_at", "galleries", "by"])
def test_a_grant_with_a_field_missing_is_refused(field: str) -> None:
    ledger = MemoryLedger()
    body = bodies.granted()
    del body[field]
    with pytest.raises(OnRecordError) as refused:
        read_grant(ledger.log(body), ledger.key)
    assert refused.value.code is ErrorCode.GRANT_MALFORMED


def test_an_entry_of_another_kind_is_no_grant() -> None:
    ledger = MemoryLedger()
    with pytest.raises(OnRecordError) as refused:
        read_grant(ledger.log({**bodies.granted(), "kind": "request.refused"}), ledger.key)
    assert refused.value.code is ErrorCode.GRANT_MALFORMED


def test_a_grant_that_was_never_logged_is_refused() -> None:
    """Law 1: the body is perfect, and the ledger does not hold it."""
    ledger = MemoryLedger()
    logged = ledger.log(bodies.granted())
    forged = replace(logged, body=logged.body.replace(b'"list_size":5', b'"list_size":9'))
    with pytest.raises(OnRecordError) as refused:
        read_grant(forged, ledger.key)
    assert refused.value.code is ErrorCode.GRANT_NOT_IN_LEDGER


def test_a_ledger_signed_by_another_key_proves_nothing() -> None:
    other = MemoryLedger(NoteSigner.generate(ORIGIN))
    with pytest.raises(OnRecordError) as refused:
        read_grant(other.log(bodies.granted()), MemoryLedger().key)
    assert refused.value.code is ErrorCode.GRANT_CHECKPOINT_INVALID


def test_a_release_is_derived_again_from_its_entries(attestor: Attestor) -> None:
    ledger = told(attestor)
    release = verify_release(proof(ledger), ledger.key)
    assert [lead.candidate_ref for lead in release.leads] == ["a"]


def test_a_release_the_examiners_did_not_support_is_refused(attestor: Attestor) -> None:
    """Law 6: even an entry in the ledger releases nothing that does not follow."""
    ledger = told(attestor, second=UNSURE)
    with pytest.raises(OnRecordError) as refused:
        verify_release(proof(ledger), ledger.key)
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED


@pytest.mark.parametrize("change", ["one_decision", "twice_one", "no_receipt", "other_search"])
def test_a_release_with_its_reasons_changed_is_refused(attestor: Attestor, change: str) -> None:
    ledger = told(attestor)
    good = proof(ledger)
    if change == "one_decision":
        bad = replace(good, decided=good.decided[:1])
    elif change == "twice_one":
        bad = replace(good, decided=(good.decided[0], good.decided[0]))
    elif change == "no_receipt":
        bad = replace(good, executed=())
    else:
        other = ledger.log(bodies.granted(search_id="s-2"))
        bad = replace(good, grant=other)
    with pytest.raises(OnRecordError) as refused:
        verify_release(bad, ledger.key)
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED
