"""Law 3: every granted gallery reaches one end, and a receipt that breaks a rule is an alarm."""

from collections.abc import Callable
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry, parse_body
from tests.builders.audit import MODEL, POLICIES, START, AuditForTest, SetClock, soon
from tests.unit.audit.test_one_search import verify


def refused(act: Callable[[], Any]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value


def record(audit: AuditForTest, receipt: Attestation) -> LoggedEntry:
    return audit.told(receipt)


def alarmed(audit: AuditForTest, receipt: Attestation) -> dict[str, Any]:
    """The alarm that a receipt became."""
    body, _, kind = parse_body(record(audit, receipt).body)
    assert kind == "alarm.raised"
    assert body["attestation"] == receipt.to_json()
    return body


def kinds(audit: AuditForTest) -> list[str]:
    bodies = audit.service.bodies(0, 1000, audit.token("a", Role.AUDITOR), soon())
    return [parse_body(one.body)[2] for one in bodies]


def test_a_receipt_is_the_end_of_its_gallery_and_repeats_harmlessly(audit: AuditForTest) -> None:
    grant = audit.authorize().entry
    receipt = audit.receipt(grant)
    first, again = record(audit, receipt), record(audit, receipt)
    assert first.index == again.index
    body, _, kind = parse_body(first.body)
    assert kind == "search.executed"
    assert body["receipt"] == statements.read(receipt)
    assert body["attestation"] == receipt.to_json()
    assert body["grant_index"] == grant.index


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gallery": "US-VT"}, "not granted"),
        ({"probe_sha256": "ab" * 32}, "another probe"),
        ({"model_id": "other"}, "another model_id"),
        ({"policy": "00" * 32}, "another policy"),
        ({"list_size": 6}, "longer"),
        ({"list_size": 1}, "longer"),
        ({"time": "2026-11-23T06:35:00.01Z"}, "expired"),
        ({"time": "2026-11-23T06:28:59.99Z"}, "before it was granted"),
        ({"time": "2026-11-23T06:31:00.01Z"}, "in the future"),
        ({"mandate": "grant:" + "0" * 64}, "another mandate"),
        ({"search_id": "another"}, "another search"),
        ({"grant_index": 0}, "no grant"),
        ({"previous": "ab" * 32}, "does not follow"),
        ({"sequence": 0}, "does not follow"),
    ],
)
def test_a_signed_receipt_that_breaks_a_rule_is_logged_as_an_alarm(
    audit: AuditForTest, changes: dict[str, Any], why: str
) -> None:
    authorization = audit.authorize()
    receipt = audit.receipt(authorization.entry, **changes)
    assert why in alarmed(audit, receipt)["why"]
    alarmed(audit, receipt)
    assert kinds(audit).count("alarm.raised") == 1
    assert refused(lambda: audit.look("berg", authorization.search_id)).code is (
        ErrorCode.SEARCH_STATE
    )


def test_after_an_alarm_the_ledger_still_verifies_and_goes_on(audit: AuditForTest) -> None:
    """Law 3: the chain of receipts runs through the alarm; a fork is told and not followed."""
    late = audit.authorize()
    refusal = audit.refusal(late.entry)
    audit.service.record_quality_refusal(late.search_id, refusal, soon())
    alarmed(audit, audit.receipt(late.entry))
    audit.executed(case_number="next")
    sequence, digest = audit.receipts["US-UT"]
    fork = audit.receipt(audit.authorize(probe="ab" * 32).entry, sequence=2)
    alarmed(audit, fork)
    audit.receipts["US-UT"] = (sequence, digest)
    audit.executed(case_number="another", probe="cd" * 32)
    assert kinds(audit).count("alarm.raised") == 2
    verify(audit)


def test_a_quality_refusal_ends_every_granted_gallery(audit: AuditForTest) -> None:
    authorization = audit.authorize()
    refusal = audit.refusal(authorization.entry, "face_not_single")
    entry = audit.service.record_quality_refusal(authorization.search_id, refusal, soon())
    body, _, kind = parse_body(entry.body)
    assert (kind, body["galleries"], body["code"]) == (
        "search.refused_quality",
        ["US-UT"],
        "face_not_single",
    )
    again = audit.service.record_quality_refusal(authorization.search_id, refusal, soon())
    assert again.index == entry.index
    assert "already ended" in alarmed(audit, audit.receipt(authorization.entry))["why"]


def test_a_refusal_of_another_image_or_by_somebody_else_ends_nothing(audit: AuditForTest) -> None:
    authorization = audit.authorize()
    said = statements.read(audit.refusal(authorization.entry))
    other_image = audit.attestor(Service.DETECTION).attest({**said, "image_sha256": "ab" * 32})
    other_grant = audit.refusal(audit.authorize().entry)
    by_gateway = audit.attestor(Service.GATEWAY).attest(said)
    for refusal in (other_image, other_grant, by_gateway):
        error = refused(
            lambda refusal=refusal: audit.service.record_quality_refusal(  # type: ignore[misc]
                authorization.search_id, refusal, soon()
            )
        )
        assert error.code is ErrorCode.ATTESTATION_INVALID
    record(audit, audit.receipt(authorization.entry))


def test_a_failure_ends_its_galleries_once(audit: AuditForTest) -> None:
    two_states(audit)
    authorization = audit.authorize(galleries=["US-UT", "US-CA"])
    search_id = authorization.search_id

    def fail(*galleries: str) -> LoggedEntry:
        return audit.service.record_failure(search_id, galleries, "plane_unavailable", soon())

    entry = fail("US-CA")
    assert fail("US-CA").index == entry.index
    assert parse_body(entry.body)[0]["code"] == "plane_unavailable"
    assert refused(lambda: fail("US-CA", "US-UT")).code is ErrorCode.SEARCH_STATE
    assert refused(lambda: fail("US-VT")).code is ErrorCode.SEARCH_STATE
    assert refused(lambda: fail()).code is ErrorCode.FIELD_INVALID
    record(audit, audit.receipt(authorization.entry))
    assert refused(lambda: fail("US-UT")).code is ErrorCode.SEARCH_STATE
    audit.look("berg", search_id, "c-1")
    verify(audit)


def test_a_gallery_that_never_ended_expires_a_minute_after_its_grant(
    audit: AuditForTest, clock: SetClock
) -> None:
    """R-23."""
    two_states(audit)
    authorization = audit.authorize(galleries=["US-UT", "US-CA"])
    record(audit, audit.receipt(authorization.entry))
    clock.pass_(minutes=5, seconds=59)
    search_id = authorization.search_id
    assert refused(lambda: audit.look("berg", search_id)).code is ErrorCode.SEARCH_STATE
    assert refused(lambda: audit.service.expire(search_id, soon())).code is ErrorCode.SEARCH_STATE
    clock.pass_(seconds=1)
    audit.take_in()
    audit.look("berg", search_id, "c-1")
    assert kinds(audit)[-2:] == ["search.expired", "look.granted"]
    expired = parse_body(audit.service.expire(search_id, soon()).body)[0]
    assert expired["galleries"] == ["US-CA"]
    late = audit.receipt(authorization.entry, gallery="US-CA", time=format_time(START))
    assert "already ended" in alarmed(audit, late)["why"]


def test_no_end_without_a_grant(audit: AuditForTest) -> None:
    refused_search = audit.authorize(galleries=["US-VT"]).search_id
    for search_id in (refused_search, "unheard-of"):
        error = refused(
            lambda search_id=search_id: audit.service.record_failure(  # type: ignore[misc]
                search_id, ["US-VT"], "plane_unavailable", soon()
            )
        )
        assert error.code is ErrorCode.NOT_FOUND


def two_states(audit: AuditForTest) -> None:
    """California, with Utah's rules, beside Utah."""
    cedar = (POLICIES / "US-UT" / "policy.cedar").read_text()
    yaml = (POLICIES / "US-UT" / "authority.yaml").read_text()
    bundle = audit.bundle(
        "US-CA",
        policy=cedar.replace('Gallery::"US-UT"', 'Gallery::"US-CA"').encode(),
        authority=yaml.replace("jurisdiction: US-UT\nname", "jurisdiction: US-CA\nname").encode(),
    )
    key = audit.state_keys["US-CA"].verifier.text
    audit.service.pin_authority_key("US-CA", key, audit.operator(), soon())
    audit.service.activate_policy(bundle, audit.custodian("US-CA"), soon())
    audit.service.register_gallery_model("US-CA", MODEL, audit.operator(), soon())
