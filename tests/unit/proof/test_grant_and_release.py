"""Grants and releases are what the ledger proves, and nothing else (laws 1 and 6)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestor
from onrecord.proof.grant import read_grant
from onrecord.proof.notes import NoteSigner
from onrecord.proof.release import ReleaseProof, verify_release
from onrecord.proof.statements import mandate_id
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
    assert (grant.person, grant.agency) == ("asker", "us-ut-slcpd")
    assert (grant.search_id, grant.probe_sha256) == ("s-1", bodies.PROBE)


def test_a_grant_is_the_entry_that_was_verified() -> None:
    ledger = MemoryLedger()
    ledger.append(bodies.policy_activated())
    logged = ledger.log(bodies.granted())
    grant = read_grant(logged, ledger.key)
    assert grant.mandate == mandate_id(logged)
    assert (grant.index, grant.entry.index, grant.entry.body_bytes) == (1, 1, logged.body)
    assert (grant.granted_at, grant.expires_at) == (
        datetime(2026, 11, 23, 6, 30, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 6, 35, tzinfo=UTC),
    )
    assert (grant.list_size, grant.galleries["US-UT"].list_size) == (5, 5)


@pytest.mark.parametrize("size", [True, "5", None])
def test_a_list_size_is_a_whole_number(size: object) -> None:
    """R-13: in the request and in each gallery's part of it."""
    ledger = MemoryLedger()
    whole, part = bodies.granted(), bodies.granted()
    whole["list_size"] = size
    part["galleries"]["US-UT"]["list_size"] = size
    for body in (whole, part):
        with pytest.raises(OnRecordError) as refused:
            read_grant(ledger.log(body), ledger.key)
        assert refused.value.code is ErrorCode.GRANT_MALFORMED


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
    assert (release.grant.search_id, release.entry.index) == ("s-1", 5)


def test_a_release_the_examiners_did_not_support_is_refused(attestor: Attestor) -> None:
    """Law 6: even an entry in the ledger releases nothing that does not follow."""
    ledger = told(attestor, second=UNSURE)
    with pytest.raises(OnRecordError) as refused:
        verify_release(proof(ledger), ledger.key)
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED


def refused_release(attestor: Attestor, *, second: str = SAME, **changed: Any) -> str:
    """The same story, with its last entries told differently: why it is refused."""
    ledger = told(attestor, second=second)
    for index, body in changed.get("entries", {}).items():
        ledger.replace(int(index), body)
    with pytest.raises(OnRecordError) as refused:
        verify_release(proof(ledger), ledger.key)
    assert refused.value.code is ErrorCode.RELEASE_NOT_SUPPORTED
    return refused.value.message


@pytest.mark.parametrize("leads", [["b"], ["a", "b"]])
def test_a_release_of_another_than_the_derived_candidate_is_refused(
    attestor: Attestor, leads: list[str]
) -> None:
    """Law 6: both examiners support `a`, and the entry names somebody else."""
    assert "do not follow" in refused_release(attestor, entries={5: bodies.released(leads)})


def test_a_release_of_nobody_is_none(attestor: Attestor) -> None:
    nobody = {**bodies.released([]), "kind": "lead.released"}
    assert "do not follow" in refused_release(attestor, second=UNSURE, entries={5: nobody})


def test_a_lead_of_another_gallery_is_another(attestor: Attestor) -> None:
    body = bodies.released(["a"])
    body["leads"][0]["gallery"] = "US-VT"
    assert "do not follow" in refused_release(attestor, entries={5: body})


def test_a_release_by_the_one_who_asked_is_refused(attestor: Attestor) -> None:
    """R-15: the plane counts again who examined."""
    by_asker = bodies.decided("asker", {"a": SAME, "b": UNSURE})
    assert "own search" in refused_release(attestor, entries={4: by_asker})


@pytest.mark.parametrize("index", [2, 3, 4, 5])
@pytest.mark.parametrize("change", [{"search_id": "s-2"}, {"grant_index": 0}])
def test_every_entry_is_of_this_search_and_grant(
    attestor: Attestor, index: int, change: dict[str, Any]
) -> None:
    receipt = bodies.executed(bodies.receipt({"a": 800_000, "b": 300_000}), attestor)
    verdicts = {"a": SAME, "b": UNSURE}
    story = {
        2: receipt,
        3: bodies.decided("one", verdicts),
        4: bodies.decided("two", verdicts),
        5: bodies.released(["a"]),
    }
    why = refused_release(attestor, entries={index: {**story[index], **change}})
    assert "belongs to another" in why


@pytest.mark.parametrize("field", ["executed", "decided"])
def test_a_release_that_does_not_say_what_it_rests_on_is_refused(
    attestor: Attestor, field: str
) -> None:
    body = bodies.released(["a"])
    del body[field]
    refused_release(attestor, entries={5: body})


def test_a_release_does_not_rest_on_what_came_later(attestor: Attestor) -> None:
    ledger = told(attestor)
    ledger.append(bodies.decided("two", {"a": SAME, "b": UNSURE}))
    ledger.replace(5, bodies.released(["a"], decided_at=[3, 6]))
    late = replace(proof(ledger), decided=(ledger.logged(3), ledger.logged(6)))
    with pytest.raises(OnRecordError) as refused:
        verify_release(late, ledger.key)
    assert "later than" in refused.value.message


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
