"""R-10 over HTTP: an emergency is seen as one, followed up, lifted; audit says who may."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from onrecord.client import OnRecordClient
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office, build_office
from tests.builders.laws import EMERGENCY, WARRANT


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return build_office(tmp_path)


def post(office: Office, path: str, body: Any, role: Role = Role.REQUESTER, **by: Any) -> Response:
    headers = office.bearer(by.pop("person", "olsen"), role, **by)
    answer: Response = office.http.post(f"/v1/searches/{path}", json=body, headers=headers)
    return answer


def seen(office: Office, search_id: str) -> list[dict[str, Any]]:
    said = office.get(f"/v1/searches/{search_id}", "olsen", Role.REQUESTER).json()
    found: list[dict[str, Any]] = said["emergencies"]
    return found


def test_an_ordinary_search_says_nothing_of_emergencies(office: Office) -> None:
    said = office.search().json()
    assert said["emergencies"] == []
    assert seen(office, said["search_id"]) == []
    assert "emergencies" not in office.audit.calls


def test_an_emergency_is_due_then_followed_up(office: Office) -> None:
    said = office.search(emergency=EMERGENCY).json()
    assert [one["status"] for one in said["emergencies"]] == ["due"]
    assert said["emergencies"][0]["due"] == "2026-11-25T06:30:00.00Z"
    search_id = said["search_id"]
    answer = post(office, f"{search_id}/emergency/follow-up", {"instrument": WARRANT})
    assert answer.status_code == 201
    (now,) = seen(office, search_id)
    assert (now["status"], now["entry_index"]) == ("followed_up", answer.json()["entry_index"])
    assert office.audit.kinds()[-1] == "emergency.followed_up"


def test_an_overdue_emergency_is_lifted_on_the_record(office: Office) -> None:
    search_id = office.search(emergency=EMERGENCY).json()["search_id"]
    office.clock.at += timedelta(hours=48)
    assert seen(office, search_id)[0]["status"] == "overdue"
    office.audit.overdue(search_id)
    assert seen(office, search_id)[0]["entry_index"] is not None
    body = {"gallery": "US-UT", "reason": "The court was closed."}
    answer = post(office, f"{search_id}/emergency/lift", body, Role.AUDITOR, person="audrey")
    assert answer.status_code == 201
    assert seen(office, search_id)[0]["status"] == "lifted"


def test_while_the_ledger_is_away_nobody_says_how_it_stands(office: Office) -> None:
    """Law 8: what is not known is not told as if it were."""
    search_id = office.search(emergency=EMERGENCY).json()["search_id"]
    office.audit.failing["emergencies"] = OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "away")
    (now,) = seen(office, search_id)
    assert (now["status"], now["due"]) == ("unknown", "2026-11-25T06:30:00.00Z")


@pytest.mark.parametrize(
    ("what", "body", "code", "field"),
    [
        ("follow-up", {}, "field_missing", "instrument"),
        ("follow-up", {"instrument": {"type": "promise"}}, "field_invalid", "instrument.type"),
        ("follow-up", {"instrument": WARRANT, "now": 1}, "field_unknown", "now"),
        ("follow-up", [], "request_malformed", "body"),
        ("lift", {"gallery": "UT", "reason": "x"}, "jurisdiction_unknown", "gallery"),
        ("lift", {"gallery": "US-UT"}, "field_missing", "reason"),
        ("lift", {"gallery": "US-UT", "reason": "x" * 1001}, "field_too_long", "reason"),
    ],
)
def test_what_is_malformed_never_reaches_the_ledger(
    office: Office, what: str, body: Any, code: str, field: str
) -> None:
    search_id = office.search(emergency=EMERGENCY).json()["search_id"]
    said = post(office, f"{search_id}/emergency/{what}", body).json()
    assert (said["code"], said["field"]) == (code, field)
    assert not {"follow_up", "lift_suspension"} & set(office.audit.calls)


def test_what_audit_refuses_is_a_problem(office: Office) -> None:
    refusal = OnRecordError(ErrorCode.INSTRUMENT_REQUIRED, "no", field="instrument.type")
    office.audit.failing["follow_up"] = refusal
    answer = post(office, "any/emergency/follow-up", {"instrument": WARRANT})
    assert (answer.status_code, answer.json()["code"]) == (403, "instrument_required")


def test_the_client_can_do_it_all(office: Office) -> None:
    """R-40."""
    search_id = office.search(emergency=EMERGENCY).json()["search_id"]
    requester = OnRecordClient(
        "http://testserver/", lambda: office.token("olsen", Role.REQUESTER), office.http
    )
    (before,) = requester.get_search(search_id).emergencies
    assert (before.gallery, before.status) == ("US-UT", "due")
    logged = requester.follow_up(search_id, WARRANT)
    (after,) = requester.get_search(search_id).emergencies
    assert (after.status, after.entry_index) == ("followed_up", logged.entry_index)
    auditor = OnRecordClient(
        "http://testserver/", lambda: office.token("audrey", Role.AUDITOR), office.http
    )
    other = office.search(emergency=EMERGENCY, case_number="b").json()["search_id"]
    assert auditor.lift_suspension(other, "US-UT", "a storm").entry_index
