"""A search from upload to sealed candidates, and everything that may stop it on the way."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import LoggedEntry, verify_entry
from tests.builders.databases import database_held
from tests.builders.gateway import REQUEST, Office
from tests.builders.gateway_services import BLURRED, CROWD


def test_a_granted_search_is_sealed_and_its_receipt_proves_it(office: Office) -> None:
    """R-40, law 1: the answer carries the entry with a proof that anyone can check."""
    answer = office.search()
    assert answer.status_code == 201
    said = answer.json()
    assert said["status"] == "sealed"
    entry = verify_entry(LoggedEntry.from_json(said["receipt"]), office.audit.ledger.key)
    assert entry.kind == "request.granted"
    assert entry.body["search_id"] == said["search_id"]
    assert entry.body["source"] == answer.headers["x-request-id"]


def test_investigators_never_see_candidates(office: Office) -> None:
    """Law 6: nothing in what the requester gets names a candidate, a score or how many."""
    said = office.search()
    reference = office.best(said.json()["search_id"])
    assert reference not in said.text
    assert "similarity" not in said.text
    assert "900000" not in said.text


def test_every_gallery_is_named_with_its_end(office: Office) -> None:
    """Law 8: searched, refused and unavailable stand side by side."""
    office.plane.failing["US-VT"] = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "out of reach")
    said = office.search(galleries=["US-UT", "US-VT", "US-TX"]).json()
    found = {one["gallery"]: one for one in said["galleries"]}
    assert found["US-UT"]["status"] == "searched"
    assert found["US-UT"]["receipt"]["sequence"] == 1
    assert (found["US-VT"]["status"], found["US-VT"]["retryable"]) == ("unavailable", True)
    assert found["US-VT"]["reasons"][0]["code"] == "plane_unavailable"
    assert (found["US-TX"]["status"], found["US-TX"]["retryable"]) == ("refused", False)
    assert found["US-TX"]["reasons"][0]["code"] == "policy_missing"
    assert said["status"] == "sealed"
    assert sorted(office.audit.ended(said["search_id"])) == ["US-UT", "US-VT"]


def test_planes_make_ready_while_the_face_is_looked_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hear of the grant, and of nothing that detection has found."""
    heard, detect = threading.Event(), office.detection.detect

    def foresee(grant: LoggedEntry, deadline: Deadline) -> None:
        office.plane.foreseen.append(grant)
        heard.set()

    def looking(*asked: Any) -> Any:
        assert heard.wait(20.0)
        return detect(*asked)

    monkeypatch.setattr(office.plane, "foresee", foresee)
    monkeypatch.setattr(office.detection, "detect", looking)
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    assert said["status"] == "sealed"
    (grant,) = office.plane.foreseen
    assert grant == LoggedEntry.from_json(said["receipt"])


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_search_waits_for_no_plane_that_makes_ready(
    office: Office, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever comes of it, the search is the same (law 8)."""
    free = threading.Event()

    def foresee(grant: LoggedEntry, deadline: Deadline) -> None:
        if how == "hangs":
            free.wait(20.0)
        raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "nothing is ready here")

    monkeypatch.setattr(office.plane, "foresee", foresee)
    try:
        for number in range(20):  # more than may be told at once
            said = office.search(key=f"told-{number}").json()
            assert said["status"] == "sealed"
    finally:
        free.set()


def test_a_search_that_every_gallery_refuses_is_an_answer_not_an_error(office: Office) -> None:
    """CONTRACTS: 201 with status `refused`, since an entry exists."""
    answer = office.search(galleries=["US-TX"])
    assert answer.status_code == 201
    assert answer.json()["status"] == "refused"
    assert office.audit.kinds() == ["request.refused"]
    assert office.detection.looked_at == []


@pytest.mark.parametrize(
    ("probe", "code"), [(BLURRED, "quality_sharpness"), (CROWD, "face_not_single")]
)
def test_a_probe_that_cannot_be_used_ends_the_grant(
    office: Office, probe: bytes, code: str
) -> None:
    """R-32: what is wrong with the image is found after the grant, and is its end."""
    answer = office.search(probe=probe)
    assert answer.status_code == 201
    said = answer.json()
    assert said["status"] == "refused_quality"
    assert [reason["code"] for reason in said["reasons"]] == [code]
    assert office.audit.kinds() == ["request.granted", "search.refused_quality"]
    assert office.plane.searched == []


def test_without_the_ledger_nothing_is_looked_at(office: Office) -> None:
    """Law 4."""
    office.audit.down = True
    answer = office.search()
    assert answer.status_code == 503
    assert answer.json()["code"] == "ledger_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert office.detection.looked_at == []
    assert office.plane.searched == []


def test_the_answer_names_each_receipt_before_the_ledger_holds_it(office: Office) -> None:
    """Law 3, R-40: sequence and hash at once; the entry's index as soon as audit has it."""
    office.audit.behind = True
    said = office.search().json()
    assert said["status"] == "sealed"
    receipt = said["galleries"][0]["receipt"]
    (published,) = office.plane.receipts("US-UT", 0, Deadline.after(30))
    hashed = hashlib.sha256(published.statement).hexdigest()
    assert receipt == {"sequence": 1, "statement_sha256": hashed, "entry_index": None}
    path = f"/v1/searches/{said['search_id']}"
    assert office.get(path, "olsen", Role.REQUESTER).json() == said
    office.audit.catch_up()
    now = office.get(path, "olsen", Role.REQUESTER).json()
    index = now["galleries"][0]["receipt"]["entry_index"]
    assert office.audit.kinds()[index] == "search.executed"


def test_a_receipt_that_came_after_the_ledger_had_ended_its_gallery_is_told_so(
    office: Office,
) -> None:
    """Law 3: one end a gallery, and it is the ledger's; not a receipt that is awaited for ever."""
    office.audit.behind = True
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    search_id = said["search_id"]
    assert {one["status"] for one in said["galleries"]} == {"searched"}
    office.audit.expire(search_id, "US-UT")
    office.audit.catch_up()  # Utah's receipt comes too late, Vermont's in time

    def told() -> dict[str, Any]:
        galleries = office.get(f"/v1/searches/{search_id}", "olsen", Role.REQUESTER).json()
        return {one["gallery"]: one for one in galleries["galleries"]}

    utah, vermont = told()["US-UT"], told()["US-VT"]
    assert (utah["status"], utah["retryable"]) == ("expired", False)
    (reason,) = utah["reasons"]
    assert reason["code"] == "grant_expired"
    assert "search.expired, entry 1" in reason["message"]
    assert office.audit.kinds()[1] == "search.expired"
    before = next(one for one in said["galleries"] if one["gallery"] == "US-UT")
    assert utah["receipt"] == before["receipt"], "what the plane has signed is told as it is"
    assert vermont["status"] == "searched"
    assert office.audit.kinds()[vermont["receipt"]["entry_index"]] == "search.executed"
    calls = office.audit.calls.count("ends")
    told()
    assert office.audit.calls.count("ends") == calls, "it is known, and not asked for again"


def test_where_every_receipt_came_too_late_nobody_is_told_to_wait(office: Office) -> None:
    """There is nothing to examine, today or tomorrow."""
    office.audit.behind = True
    search_id = office.search().json()["search_id"]
    office.join("lee", "ray")
    office.audit.expire(search_id, "US-UT")
    path = f"/v1/tasks/{office.tasks('lee')['lee']}/probe"
    answer = office.get(path, "lee", Role.EXAMINER)
    assert (answer.status_code, answer.json()["code"]) == (409, "search_state")


def test_the_ledgers_entry_of_a_receipt_is_asked_for_until_it_is_known(office: Office) -> None:
    """R-40: and not again, whether or not audit answers then."""
    search_id = office.search().json()["search_id"]
    path = f"/v1/searches/{search_id}"
    for _ in range(3):
        assert office.get(path, "olsen", Role.REQUESTER).status_code == 200
    assert office.audit.calls.count("ends") == 1
    office.audit.down = True
    receipt = office.get(path, "olsen", Role.REQUESTER).json()["galleries"][0]["receipt"]
    assert receipt["entry_index"] == 1


def test_a_ledger_that_is_away_hides_no_search(office: Office) -> None:
    """Law 8: what is known here is told; the entry's index follows."""
    search_id = office.search().json()["search_id"]
    office.audit.down = True
    said = office.get(f"/v1/searches/{search_id}", "olsen", Role.REQUESTER).json()
    assert said["status"] == "sealed"
    assert said["galleries"][0]["receipt"]["entry_index"] is None


def test_a_repeat_under_the_same_key_is_the_same_search(office: Office) -> None:
    """R-9: the same grant, and nothing looked at twice."""
    first = office.search(key="one").json()
    looked = len(office.detection.looked_at)
    second = office.search(key="one")
    assert second.status_code == 201
    assert second.json()["search_id"] == first["search_id"]
    assert second.json()["receipt"]["index"] == first["receipt"]["index"]
    assert len(office.detection.looked_at) == looked
    assert office.audit.kinds() == ["request.granted", "search.executed"]


@pytest.mark.parametrize("changed", ["probe", "request"])
def test_the_same_key_with_another_body_is_a_conflict(office: Office, changed: str) -> None:
    """R-9: 409, and the ledger has one request."""
    office.search(key="one")
    answer = (
        office.search(key="one", probe=b"another probe")
        if changed == "probe"
        else office.search(key="one", case_number="SLC-2026-009999")
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_conflict"
    assert answer.json()["field"] == "Idempotency-Key"
    assert office.audit.kinds() == ["request.granted", "search.executed"]


def test_two_people_may_use_the_same_key(office: Office) -> None:
    """R-9: keys belong to a person."""
    first = office.search(key="one").json()
    headers = {**office.bearer("berg", Role.REQUESTER), "Idempotency-Key": "one"}
    second = office.search(headers=headers).json()
    assert first["search_id"] != second["search_id"]


def test_a_lost_answer_of_the_plane_is_asked_for_again(office: Office) -> None:
    """CONTRACTS: the caller retries within the grant, and the plane repeats its answer."""
    office.plane.lose_answers.add("US-UT")
    said = office.search().json()
    assert said["status"] == "sealed"
    assert len(office.plane.receipts("US-UT", 0, Deadline.after(30))) == 1
    assert office.audit.kinds() == ["request.granted", "search.executed"]


@pytest.mark.parametrize(
    "lost",
    [
        OnRecordError(ErrorCode.BUS_UNAVAILABLE, "kept, and not published"),
        UnansweredError(ErrorCode.PLANE_UNAVAILABLE, "the connection broke"),
    ],
)
def test_a_gallery_that_may_have_been_searched_is_not_said_to_have_failed(
    office: Office, lost: OnRecordError
) -> None:
    """R-23: its receipt may come; `search.failed` before it would make an alarm of it. A repeat
    gets all answers again, one receipt each, and the list is whole."""
    office.plane.failing["US-VT"] = lost
    wanted = ["US-UT", "US-VT"]
    first = office.search(galleries=wanted, key="one").json()
    assert first["status"] == "processing"
    assert {one["gallery"]: one["retryable"] for one in first["galleries"]}["US-VT"] is True
    assert "search.failed" not in office.audit.kinds()
    # Out of reach altogether now: what was open stays open.
    office.plane.failing["US-VT"] = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "out of reach")
    assert office.search(galleries=wanted, key="one").json()["status"] == "processing"
    assert "search.failed" not in office.audit.kinds()
    office.plane.failing.clear()
    said = office.search(galleries=wanted, key="one").json()
    assert said["status"] == "sealed"
    assert [one["status"] for one in said["galleries"]] == ["searched", "searched"]
    for gallery in ("US-UT", "US-VT"):
        assert len(office.plane.receipts(gallery, 0, Deadline.after(30))) == 1


def test_a_gallery_in_doubt_is_left_to_the_ledger_when_its_search_fails(office: Office) -> None:
    """R-23: what ends the search for the others says nothing of a gallery that may be searched."""
    office.plane.failing["US-VT"] = UnansweredError(ErrorCode.DEADLINE_EXCEEDED, "no answer")
    wanted = ["US-UT", "US-VT"]
    assert office.search(galleries=wanted, key="one").json()["status"] == "processing"
    office.detection.error = OnRecordError(ErrorCode.MODEL_UNKNOWN, "the model was withdrawn")
    said = office.search(galleries=wanted, key="one").json()
    assert said["status"] == "failed"
    assert "search.failed" not in office.audit.kinds()
    assert office.audit.ended(said["search_id"]) == ["US-UT"]  # by its receipt


def test_when_no_gallery_answers_a_repeat_tries_again(office: Office) -> None:
    """Law 8: nothing is given up while the grant lives and nothing was found."""
    office.plane.failing["US-UT"] = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "out of reach")
    first = office.search(key="one").json()
    assert first["status"] == "processing"
    assert first["galleries"][0]["retryable"] is True
    assert office.audit.ended(first["search_id"]) == []
    office.plane.failing.clear()
    assert office.search(key="one").json()["status"] == "sealed"


def test_a_gallery_that_refuses_for_good_ends_the_search_as_failed(office: Office) -> None:
    """Law 3: the grant's end is in the ledger."""
    office.plane.failing["US-UT"] = OnRecordError(ErrorCode.GRANT_POLICY_UNSIGNED, "not signed")
    said = office.search().json()
    assert said["status"] == "failed"
    assert said["galleries"][0]["retryable"] is False
    assert office.audit.ended(said["search_id"]) == ["US-UT"]


@pytest.mark.parametrize("service", ["detection", "embedding"])
def test_a_service_that_is_away_is_told_and_the_search_resumes(
    office: Office, service: str
) -> None:
    """Law 4: 503, nothing searched; the same call later takes it up under the same grant."""
    away = office.detection if service == "detection" else office.embedding
    code = ErrorCode(f"{service}_unavailable")
    away.error = OnRecordError(code, "away")
    answer = office.search(key="one")
    assert (answer.status_code, answer.json()["code"]) == (503, code.value)
    assert office.plane.searched == []
    away.error = None
    assert office.search(key="one").json()["status"] == "sealed"
    assert office.audit.kinds().count("request.granted") == 1


def test_a_repeat_after_the_grant_has_expired_finds_the_search_expired(office: Office) -> None:
    """CONTRACTS, states: `processing` becomes `expired`, and no gallery is searched any more."""
    office.plane.failing["US-UT"] = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "out of reach")
    office.search(key="one")
    office.plane.failing.clear()
    searched = len(office.plane.searched)
    office.clock.at += timedelta(minutes=6)
    said = office.search(key="one").json()
    assert said["status"] == "expired"
    assert said["galleries"][0]["status"] == "expired"
    assert len(office.plane.searched) == searched


def test_a_quality_refusal_after_the_ledger_has_called_it_expired_is_told_so(
    office: Office,
) -> None:
    """Law 3: a receipt of a later search showed that none of this grant comes, while detection
    was at work on its probe; one end a gallery, and it is the ledger's.
    """
    kept = office.audit.record_quality_refusal

    def too_late(search_id: str, *said: Any) -> Any:
        office.clock.at += timedelta(minutes=6)
        office.audit.expire(search_id, "US-UT")
        return kept(search_id, *said)

    office.audit.record_quality_refusal = too_late  # type: ignore[method-assign, assignment]
    said = office.search(probe=BLURRED).json()
    assert (said["status"], said["galleries"][0]["status"]) == ("expired", "expired")
    assert office.audit.kinds() == ["request.granted", "search.expired"]


def test_an_abandoned_search_expires_when_it_is_looked_at(office: Office) -> None:
    """A client that never comes back leaves no search processing for ever."""
    office.detection.error = OnRecordError(ErrorCode.DETECTION_UNAVAILABLE, "away")
    office.search()
    assert office.status("search-0000") == "processing"
    office.clock.at += timedelta(minutes=6)
    assert office.status("search-0000") == "expired"


def test_one_search_over_two_models_merges_within_a_model_only(office: Office) -> None:
    """R-38: each gallery is searched with its own model's template."""
    said = office.search(galleries=["US-UT", "US-MD"]).json()
    models = {one["gallery"]: one["model_id"] for one in said["galleries"]}
    assert models["US-UT"] != models["US-MD"]
    assert {one["status"] for one in said["galleries"]} == {"searched"}


def test_only_its_requester_can_see_a_search(office: Office) -> None:
    """Law 10: to anyone else it does not exist."""
    search_id = office.search().json()["search_id"]
    for path in (f"/v1/searches/{search_id}", f"/v1/searches/{search_id}/leads"):
        answer = office.get(path, "berg", Role.REQUESTER)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_person_lists_their_own_searches_page_by_page(office: Office) -> None:
    """R-40: cursors."""
    made = [office.search().json()["search_id"] for _ in range(3)]
    headers = {**office.bearer("berg", Role.REQUESTER), "Idempotency-Key": "other"}
    office.search(headers=headers)
    first = office.get("/v1/searches?limit=2", "olsen", Role.REQUESTER).json()
    rest = office.get(f"/v1/searches?after={first['next']}", "olsen", Role.REQUESTER).json()
    assert [one["search_id"] for one in first["searches"] + rest["searches"]] == made
    assert rest["next"] is None


def test_nothing_readable_of_a_search_is_kept(office: Office) -> None:
    """Law 6: neither probe, nor record ids, nor candidates stand in the casework database."""
    probe = b"a probe that is easily found again"
    search_id = office.search(probe=probe).json()["search_id"]
    office.join("lee", "ray")
    kept = database_held(office.folder, "casework")
    assert search_id.encode() in kept
    assert probe not in kept
    assert b"US-UT-0" not in kept
    assert office.best(search_id).encode() not in kept


def test_the_example_of_the_contract_is_accepted(office: Office) -> None:
    said = office.search({**REQUEST, "galleries": ["US-UT", "US-VT", "US-MD"], "list_size": 20})
    assert said.status_code == 201, said.text


def test_a_gallery_whose_grant_ran_out_does_not_hold_up_the_others(office: Office) -> None:
    """R-23: it gets its end at once, so that the examination can begin."""
    office.plane.failing["US-VT"] = OnRecordError(ErrorCode.GRANT_EXPIRED, "five seconds left")
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    found = {one["gallery"]: one["status"] for one in said["galleries"]}
    assert found == {"US-UT": "searched", "US-VT": "expired"}
    office.join("lee", "ray")
    tasks = office.tasks("lee", "ray")
    look = office.get(f"/v1/tasks/{tasks['lee']}/probe", "lee", Role.EXAMINER)
    assert look.status_code == 200


@pytest.mark.parametrize("code", [ErrorCode.MODEL_UNKNOWN, ErrorCode.ATTESTATION_INVALID])
def test_what_will_not_pass_ends_the_search_on_the_record(office: Office, code: ErrorCode) -> None:
    """Law 3: each granted gallery gets its own end."""
    office.embedding.error = OnRecordError(code, "no")
    said = office.search(galleries=["US-UT", "US-VT"], key="one").json()
    assert said["status"] == "failed"
    assert [one["code"] for one in said["reasons"]] == [code.value]
    assert sorted(office.audit.ended(said["search_id"])) == ["US-UT", "US-VT"]
    assert office.search(key="one", galleries=["US-UT", "US-VT"]).json()["status"] == "failed"
