"""Law 1: what is decided stands in the entry, and no quota or key is beaten by being quick."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from onrecord.contracts.audit import Authorization
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import parse_body, verify_entry
from onrecord.proof.grant import read_grant
from tests.builders.audit import MODEL, POLICIES, PROBE, START, AuditForTest, SetClock, soon
from tests.unit.audit.test_one_search import verify


def code_of(act: Callable[[], Any]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def reasons(authorization: Authorization) -> list[str]:
    return [code for one in authorization.galleries for code, _ in one.reasons]


def size(audit: AuditForTest) -> int:
    return len(audit.service.bodies(0, 1000, audit.token("a", Role.AUDITOR), soon()))


def with_quota(audit: AuditForTest, **quotas: int) -> None:
    """Utah activates a next version with these quotas."""
    yaml = (POLICIES / "US-UT" / "authority.yaml").read_text()
    for name, limit in quotas.items():
        before = next(line for line in yaml.splitlines() if line.strip().startswith(f"{name}:"))
        yaml = yaml.replace(before, f"  {name}: {limit}")
    first = audit.bundle("US-UT")
    bundle = audit.bundle("US-UT", version=2, previous=first.digest, authority=yaml.encode())
    audit.service.activate_policy(bundle, audit.custodian("US-UT"), soon())


def test_a_grant_says_all_that_was_decided(audit: AuditForTest) -> None:
    authorization = audit.authorize(galleries=["US-UT", "US-VT"])
    grant = read_grant(authorization.entry, audit.signer.verifier)
    body, _, _ = parse_body(authorization.entry.body)
    assert grant.search_id == authorization.search_id
    assert (grant.person, grant.agency, grant.probe_sha256) == ("olsen", "us-ut-slcpd", PROBE)
    assert grant.galleries["US-UT"].policy == audit.bundle("US-UT").digest
    assert grant.galleries["US-UT"].model_id == MODEL
    assert grant.expires_at == START + timedelta(minutes=5)
    assert list(grant.galleries) == ["US-UT"]
    refused = body["galleries"]["US-VT"]
    assert refused["decision"] == "refused"
    assert refused["reasons"][0]["code"] == "policy_forbidden"
    assert body["time"] == format_time(START)
    assert body["source"] == "req-1"
    assert body["by"]["token_id"]


def test_when_every_state_refuses_there_is_an_entry_and_no_grant(audit: AuditForTest) -> None:
    authorization = audit.authorize(galleries=["US-VT", "US-MD"])
    assert not authorization.granted
    assert reasons(authorization) == ["policy_forbidden", "policy_expired"]
    entry = verify_entry(authorization.entry, audit.signer.verifier)
    assert entry.kind == "request.refused"
    assert "expires_at" not in entry.body
    with pytest.raises(OnRecordError):
        read_grant(authorization.entry, audit.signer.verifier)


def test_missing_training_is_an_entry_with_reasons_in_every_gallery(audit: AuditForTest) -> None:
    """R-12."""
    untrained = audit.token("olsen", Role.REQUESTER, training_completed=None)
    authorization = audit.authorize(token=untrained, galleries=["US-UT", "US-VT"])
    assert not authorization.granted
    assert reasons(authorization).count("training_missing") == 2
    old = audit.token("olsen", Role.REQUESTER, training_completed=date(2025, 1, 1))
    assert reasons(audit.authorize(token=old)) == ["training_expired"]


def test_a_sketch_is_refused_on_the_record(audit: AuditForTest) -> None:
    """R-11."""
    probe = {
        "kind": "sketch",
        "source": "other",
        "authority": "a witness",
        "captured_at": "2026-11-02T21:14:00Z",
    }
    authorization = audit.service.authorize(_call(audit, probe=probe), soon())
    assert reasons(authorization) == ["probe_kind_refused"]


def _call(audit: AuditForTest, **changes: Any) -> Any:
    from onrecord.contracts.audit import AuthorizeCall
    from tests.builders.audit import REQUEST

    return AuthorizeCall(
        {**REQUEST, **changes}, PROBE, audit.token("olsen", Role.REQUESTER), "one-key", "r"
    )


def test_tokens_and_forms_are_refused_without_an_entry(audit: AuditForTest) -> None:
    before = size(audit)
    examiner = audit.token("olsen", Role.EXAMINER)
    past = audit.token("olsen", Role.REQUESTER, now=START - timedelta(hours=1))
    elsewhere = audit.token("olsen", Role.REQUESTER, audience="elsewhere")
    for token, code in (
        ("", ErrorCode.TOKEN_MISSING),
        ("nonsense", ErrorCode.TOKEN_INVALID),
        (past, ErrorCode.TOKEN_EXPIRED),
        (elsewhere, ErrorCode.TOKEN_AUDIENCE),
        (examiner, ErrorCode.ROLE_MISSING),
    ):
        assert code_of(lambda token=token: audit.authorize(token=token)) is code  # type: ignore[misc]
    assert code_of(lambda: audit.authorize(key="")) is ErrorCode.IDEMPOTENCY_KEY_MISSING
    assert code_of(lambda: audit.authorize(key="x" * 256)) is ErrorCode.FIELD_TOO_LONG
    assert code_of(lambda: audit.authorize(probe="x")) is ErrorCode.FIELD_INVALID
    assert code_of(lambda: audit.authorize(list_size=1)) is ErrorCode.LIST_SIZE_OUT_OF_RANGE
    assert size(audit) == before


def test_the_same_key_gives_the_same_entry(audit: AuditForTest) -> None:
    """R-9."""
    first = audit.authorize(key="k")
    before = size(audit)
    again = audit.authorize(key="k")
    assert again.replayed and not first.replayed
    assert (again.search_id, again.entry.index) == (first.search_id, first.entry.index)
    assert again.entry.body == first.entry.body
    assert again.galleries == first.galleries
    assert size(audit) == before


def test_the_same_key_for_something_else_is_a_conflict(audit: AuditForTest) -> None:
    """R-9: another body, and another probe."""
    audit.authorize(key="k")
    conflict = ErrorCode.IDEMPOTENCY_CONFLICT
    assert code_of(lambda: audit.authorize(key="k", list_size=6)) is conflict
    assert code_of(lambda: audit.authorize(key="k", probe="ab" * 32)) is conflict


def test_a_key_is_its_persons_own(audit: AuditForTest) -> None:
    first, other = audit.authorize("olsen", key="k"), audit.authorize("diaz", key="k")
    assert not other.replayed
    assert other.search_id != first.search_id


def test_one_key_at_once_is_one_entry(audit: AuditForTest) -> None:
    """R-9, R-22: sixteen repeats that arrive together."""
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: audit.authorize(key="k"), range(16)))
    assert len({one.entry.index for one in found}) == 1
    assert sum(not one.replayed for one in found) == 1


def test_the_last_unit_of_a_quota_is_given_once(audit: AuditForTest) -> None:
    """R-9: 32 threads, 5 units, 5 grants; every refusal is an entry too."""
    with_quota(audit, per_probe=5)
    before = size(audit)
    start = threading.Barrier(32)

    def ask(number: int) -> Authorization:
        start.wait()
        return audit.authorize(f"person-{number}", case_number=f"case-{number}")

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(ask, range(32)))
    assert sum(one.granted for one in found) == 5
    assert {code for one in found for code in reasons(one)} == {"quota_exhausted"}
    assert sorted(one.entry.index for one in found) == list(range(before, before + 32))
    verify(audit)


@pytest.mark.parametrize(
    ("quota", "same", "other"),
    [
        ("per_person_per_day", {}, {"person": "diaz"}),
        ("per_agency_per_day", {"person": "diaz"}, None),
        ("per_gallery_per_day", {"person": "diaz"}, None),
        ("per_case", {"person": "diaz"}, {"case_number": "another"}),
        ("per_probe", {"person": "diaz", "case_number": "another"}, {"probe": "ab" * 32}),
    ],
)
def test_each_quota_counts_its_own_thing(
    audit: AuditForTest, quota: str, same: dict[str, Any], other: dict[str, Any] | None
) -> None:
    """R-9."""
    with_quota(audit, **{quota: 1})
    assert audit.authorize().granted
    assert reasons(audit.authorize(**same)) == ["quota_exhausted"]
    if other is not None:
        assert audit.authorize(**other).granted


def test_a_days_quota_is_new_the_next_utc_day(audit: AuditForTest, clock: SetClock) -> None:
    with_quota(audit, per_person_per_day=1)
    assert audit.authorize().granted
    clock.at = START.replace(hour=23, minute=59, second=59)
    assert not audit.authorize().granted
    clock.pass_(seconds=1)
    assert audit.authorize().granted


def test_a_refusal_uses_up_no_quota(audit: AuditForTest) -> None:
    with_quota(audit, per_person_per_day=1)
    assert not audit.authorize(suspicion="none").granted
    assert audit.authorize().granted


def test_entry_time_never_falls(audit: AuditForTest, clock: SetClock) -> None:
    """R-25: the later of the clock and the last entry."""
    audit.authorize()
    clock.pass_(seconds=-60)
    entry = audit.authorize().entry
    assert parse_body(entry.body)[1] == START


def test_a_clock_that_was_far_ahead_stops_the_ledger_and_is_told_of(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Law 4, R-25: planes would refuse what is dated in the future, so nothing is dated so."""
    clock.pass_(hours=1)
    audit.authorize()
    clock.pass_(minutes=-59)
    with pytest.raises(OnRecordError) as caught:
        audit.authorize()
    assert caught.value.code is ErrorCode.LEDGER_UNAVAILABLE
    assert "clock" in caught.value.message
    before = size(audit)
    with pytest.raises(OnRecordError):
        audit.running.reconciliation.step()
    assert size(audit) == before
    clock.pass_(minutes=58)
    assert audit.running.reconciliation.step() == 1
    assert audit.running.reconciliation.step() == 0
    newest = parse_body(audit.running.ledger.entries([before])[0].body)[0]
    assert (newest["kind"], newest["what"]) == ("alarm.raised", "clock")
    assert newest["last_entry"] == format_time(START + timedelta(hours=1))
    audit.authorize()
    verify(audit)


def test_a_policy_that_changes_in_between_is_evaluated_again(audit: AuditForTest) -> None:
    """Law 1: the entry names the policy that is in force where the entry stands."""
    shelf = audit.service._policies.shelf()
    with_quota(audit, per_case=10)  # a new version: the shelf we took is stale
    object.__setattr__(audit.service._policies, "_shelf", shelf)
    grant = read_grant(audit.authorize().entry, audit.signer.verifier)
    assert grant.galleries["US-UT"].policy != audit.bundle("US-UT").digest
    verify(audit)


def test_a_policy_that_runs_out_before_the_entry_grants_nothing(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Law 5: the ledger's own time is ahead of a clock that went back."""
    clock.at = datetime(2028, 1, 1, 7, 0, 20, tzinfo=UTC)
    audit.authorize(token=_trained(audit))
    clock.pass_(seconds=-40)
    authorization = audit.authorize(token=_trained(audit))
    assert reasons(authorization) == ["policy_expired"]


def _trained(audit: AuditForTest) -> str:
    return audit.token("olsen", Role.REQUESTER, training_completed=date(2027, 6, 1))


def test_nothing_is_begun_after_the_deadline(audit: AuditForTest) -> None:
    before = size(audit)
    with pytest.raises(OnRecordError) as caught:
        audit.service.authorize(_call(audit), Deadline.after(0.0))
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert size(audit) == before


def test_another_agencys_bearer_of_the_same_id_does_not_replay_a_grant(
    audit: AuditForTest,
) -> None:
    """Law 10, R-9: `person` is issued by an agency; two agencies may well issue the same one."""
    ours = audit.authorize("olsen", key="one")
    token = audit.token("olsen", Role.REQUESTER, agency="us-ut-dps")
    theirs = audit.authorize(token=token, key="one")
    assert not theirs.replayed
    assert theirs.search_id != ours.search_id
    assert parse_body(theirs.entry.body)[0]["by"]["agency"] == "us-ut-dps"
