"""Two people, blind to each other, decide on every candidate; what follows is derived by audit."""

from datetime import date
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Conclusion, Role
from tests.builders.gateway import Office


@pytest.fixture
def examining(office: Office) -> tuple[str, dict[str, str]]:
    """A search under examination: its id, and the task of each of its two examiners."""
    search_id = str(office.search().json()["search_id"])
    office.join("lee", "ray")
    return search_id, office.tasks("lee", "ray")


def test_a_search_stays_sealed_until_there_are_two_examiners(office: Office) -> None:
    """R-15: the requester does not count, and one is not enough."""
    search_id = office.search().json()["search_id"]
    office.join("olsen", "lee")
    assert office.status(search_id) == "sealed"
    assert office.tasks("olsen", "lee") == {}
    office.join("ray")
    assert office.status(search_id) == "examining"
    assert set(office.tasks("olsen", "lee", "ray")) == {"lee", "ray"}


def test_the_team_of_a_case_does_not_examine_it(office: Office) -> None:
    """R-15: who has searched in the same case is known to it."""
    headers = {**office.bearer("berg", Role.REQUESTER), "Idempotency-Key": "bergs"}
    office.search(headers=headers)
    search_id = office.search().json()["search_id"]
    office.join("berg", "lee")
    assert office.status(search_id) == "sealed"
    office.join("ray")
    assert office.tasks("berg") == {}


@pytest.mark.parametrize(
    ("completed", "code"),
    [(None, "training_missing"), (date(2025, 11, 22), "training_expired")],
)
def test_only_the_trained_enter_the_pool(office: Office, completed: date | None, code: str) -> None:
    """R-12: twelve months, and no longer."""
    headers = office.bearer("lee", Role.EXAMINER, training_completed=completed)
    answer = office.http.put("/v1/examiners/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_nobody_is_drawn_whose_training_has_run_out_since(office: Office) -> None:
    """R-12, R-15: the pool is asked on the day of the draw."""
    office.join("lee", training_completed=date(2025, 12, 1))
    office.join("ray")
    office.clock.at = office.clock.at.replace(month=12, day=2)
    search_id = office.search().json()["search_id"]
    assert office.status(search_id) == "sealed"


def test_a_task_shows_candidates_without_scores_galleries_or_rank(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-15: nothing but names that say nothing."""
    _, tasks = examining
    said = office.task("lee", tasks["lee"])
    assert set(said) == {"task_id", "status", "candidates"}
    assert all(set(one) == {"candidate_ref"} for one in said["candidates"])
    assert len(said["candidates"]) == 3


def test_both_tasks_hold_the_same_candidates(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    _, tasks = examining
    lists = [
        [one["candidate_ref"] for one in office.task(person, tasks[person])["candidates"]]
        for person in ("lee", "ray")
    ]
    assert sorted(lists[0]) == sorted(lists[1])


def test_the_second_examiner_sees_nothing_of_the_first(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-15: the second is blind: every answer is byte for byte what it was before."""
    search_id, tasks = examining

    def seen() -> list[bytes]:
        path = f"/v1/tasks/{tasks['ray']}"
        return [
            office.get(one, "ray", Role.EXAMINER).content
            for one in ("/v1/tasks", path, f"{path}/probe")
        ]

    before = seen()
    assert office.decide("lee", tasks["lee"], [office.best(search_id)]).status_code == 200
    assert seen() == before
    assert office.status(search_id) == "examining"


def test_each_look_is_in_the_ledger_before_it_is_opened(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """Law 6: no entry, no look."""
    _, tasks = examining
    path = f"/v1/tasks/{tasks['lee']}"
    reference = office.task("lee", tasks["lee"])["candidates"][0]["candidate_ref"]
    probe = office.get(f"{path}/probe", "lee", Role.EXAMINER)
    portrait = office.get(f"{path}/candidates/{reference}/portrait", "lee", Role.EXAMINER)
    assert probe.content == b"the probe"
    assert portrait.content.startswith(b"\xff\xd8\xffportrait of US-UT-")
    assert portrait.headers["content-type"] == "image/jpeg"
    for answer in (probe, portrait):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert office.audit.kinds().count("look.granted") == 2
    office.audit.down = True
    for one in ("probe", f"candidates/{reference}/portrait"):
        refused = office.get(f"{path}/{one}", "lee", Role.EXAMINER)
        assert (refused.status_code, refused.json()["code"]) == (503, "ledger_unavailable")


def test_an_unknown_candidate_is_not_looked_at(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    _, tasks = examining
    path = f"/v1/tasks/{tasks['lee']}/candidates/0123456789abcdef/portrait"
    answer = office.get(path, "lee", Role.EXAMINER)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "look.granted" not in office.audit.kinds()


def test_another_examiners_task_is_closed(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    _, tasks = examining
    for path in ("", "/probe", "/candidates/x/portrait"):
        answer = office.get(f"/v1/tasks/{tasks['lee']}{path}", "ray", Role.EXAMINER)
        assert (answer.status_code, answer.json()["code"]) == (403, "task_not_yours")
    answer = office.decide("ray", tasks["lee"])
    assert (answer.status_code, answer.json()["code"]) == (403, "task_not_yours")


def test_two_who_agree_release_a_lead(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-15, R-16: stamped, with what was searched and how good the probe was."""
    search_id, tasks = examining
    best = office.best(search_id)
    for person, task_id in tasks.items():
        assert office.decide(person, task_id, [best]).status_code == 200
    assert office.status(search_id) == "released"
    said = office.get(f"/v1/searches/{search_id}/leads", "olsen", Role.REQUESTER).json()
    assert said["stamps"] == ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"]
    assert [one["record_id"] for one in said["leads"]] == ["US-UT-0"]
    assert said["threshold"] == "uncalibrated"
    assert said["probe_quality"][0]["component"] == "sharpness"
    assert said["models"] == [said["galleries"][0]["model_id"]]
    assert office.audit.kinds()[said["entry_index"]] == "lead.released"


def test_a_lead_is_unwitnessed_until_a_quorum_has_cosigned_what_covers_it(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-16: exactly until then, whatever the entry itself says."""
    search_id, tasks = examining
    best = office.best(search_id)
    for person, task_id in tasks.items():
        assert office.decide(person, task_id, [best]).status_code == 200

    def said() -> dict[str, Any]:
        answer = office.get(f"/v1/searches/{search_id}/leads", "olsen", Role.REQUESTER)
        told: dict[str, Any] = answer.json()
        return told

    index = said()["entry_index"]
    for cosigned, stamps in (
        (0, ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"]),
        (index, ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"]),
        (index + 1, ["INVESTIGATIVE LEAD ONLY"]),
    ):
        office.audit.witnessed = cosigned
        assert said()["stamps"] == stamps


def test_without_agreement_there_is_no_lead_and_the_probe_is_gone(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-29: probe and candidates are destroyed in the step that closes the search."""
    search_id, tasks = examining
    for person, task_id in tasks.items():
        office.decide(person, task_id)
    assert office.status(search_id) == "no_lead"
    answer = office.get(f"/v1/searches/{search_id}/leads", "olsen", Role.REQUESTER)
    assert (answer.status_code, answer.json()["code"]) == (409, "search_state")
    with office.parts.database.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT wrapped_key, sealed_probe, sealed_candidates FROM searches"
        ).one()
        orders = connection.exec_driver_sql("SELECT sealed_order FROM tasks").scalars().all()
    assert tuple(kept) == (None, None, None)
    assert orders == [None, None]
    assert office.task("lee", tasks["lee"])["candidates"] == []


def test_opposite_conclusions_end_without_a_lead(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-15."""
    search_id, tasks = examining
    office.decide("lee", tasks["lee"], [office.best(search_id)])
    office.decide("ray", tasks["ray"])
    assert office.status(search_id) == "no_lead"


def test_a_search_that_found_nobody_is_examined_and_closed(office: Office) -> None:
    """R-14: an empty list is decided like any other; "no lead" is as easy as "lead"."""
    office.plane.records["US-UT"].clear()
    search_id = office.search().json()["search_id"]
    office.join("lee", "ray")
    for person, task_id in office.tasks("lee", "ray").items():
        assert office.decide(person, task_id).status_code == 200
    assert office.status(search_id) == "no_lead"


@pytest.mark.parametrize("face", ["probe", "candidate"])
def test_a_decision_without_a_look_is_refused_and_may_follow_the_look(
    office: Office, examining: tuple[str, dict[str, str]], face: str
) -> None:
    """Law 6, R-14: nobody decides on what they have not looked at."""
    _, tasks = examining
    path = f"/v1/tasks/{tasks['lee']}"
    listed = [one["candidate_ref"] for one in office.task("lee", tasks["lee"])["candidates"]]
    if face == "candidate":
        for looked in ("probe", f"candidates/{listed[0]}/portrait"):
            office.get(f"{path}/{looked}", "lee", Role.EXAMINER)
    answer = office.decide("lee", tasks["lee"], looks=False)
    assert (answer.status_code, answer.json()["code"]) == (422, "decision_incomplete")
    field = {"probe": "probe", "candidate": "decisions[1].candidate_ref"}[face]
    assert answer.json()["field"] == field
    assert "examination.decided" not in office.audit.kinds()
    assert office.task("lee", tasks["lee"])["status"] == "open"
    assert office.decide("lee", tasks["lee"]).status_code == 200


def test_a_look_before_the_receipts_are_in_the_ledger_is_to_be_repeated(office: Office) -> None:
    """Law 3: they come over the bus; until then nothing is looked at, and it is no conflict."""
    office.audit.behind = True
    office.search()
    office.join("lee", "ray")
    path = f"/v1/tasks/{office.tasks('lee')['lee']}/probe"
    answer = office.get(path, "lee", Role.EXAMINER)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    office.audit.catch_up()
    assert office.get(path, "lee", Role.EXAMINER).status_code == 200


def test_a_decision_the_ledger_cannot_take_yet_is_to_be_repeated(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """R-14: told as what passes, and the very same decision stands afterwards."""
    _, tasks = examining
    not_yet = OnRecordError(ErrorCode.SEARCH_STATE, "a gallery has not ended yet")
    office.audit.failing["decide"] = not_yet
    answer = office.decide("lee", tasks["lee"])
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
    office.audit.failing.clear()
    assert office.decide("lee", tasks["lee"]).status_code == 200


def test_deciding_twice_is_refused(office: Office, examining: tuple[str, dict[str, str]]) -> None:
    """R-14: a decision stands."""
    search_id, tasks = examining
    assert office.decide("lee", tasks["lee"]).status_code == 200
    again = office.decide("lee", tasks["lee"], [office.best(search_id)])
    assert (again.status_code, again.json()["code"]) == (409, "task_decided")
    look = office.get(f"/v1/tasks/{tasks['lee']}/probe", "lee", Role.EXAMINER)
    assert (look.status_code, look.json()["code"]) == (409, "task_decided")
    assert office.audit.kinds().count("examination.decided") == 1


@pytest.mark.parametrize(("changes_mind", "status"), [(False, 200), (True, 409)])
def test_a_decision_whose_answer_was_lost_may_be_repeated_but_not_changed(
    office: Office, examining: tuple[str, dict[str, str]], changes_mind: bool, status: int
) -> None:
    """R-22: the entry stands, the gateway did not hear of it."""
    search_id, tasks = examining
    decide = office.audit.decide

    def logged_but_unheard(*arguments: object) -> None:
        decide(*arguments)  # type: ignore[arg-type]
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "the answer was lost")

    office.audit.decide = logged_but_unheard  # type: ignore[method-assign, assignment]
    assert office.decide("lee", tasks["lee"]).status_code == 503
    office.audit.decide = decide  # type: ignore[method-assign]
    same = [office.best(search_id)] if changes_mind else []
    again = office.decide("lee", tasks["lee"], same)
    assert again.status_code == status
    assert again.json().get("code") == ("task_decided" if changes_mind else None)
    assert office.task("lee", tasks["lee"])["status"] == "decided"
    assert office.decide("ray", tasks["ray"]).status_code == 200
    assert office.status(search_id) == "no_lead"
    assert office.audit.kinds().count("examination.decided") == 2


def test_the_requester_may_not_examine_even_with_the_role(office: Office) -> None:
    """R-15: an examiner on a search of their own is refused by the ledger, and never drawn."""
    office.join("olsen", "lee", "ray")
    for _ in range(12):
        office.search()
    assert office.tasks("olsen") == {}
    assert set(office.tasks("lee", "ray")) == {"lee", "ray"}


def test_a_release_the_ledger_cannot_take_now_follows_later(
    office: Office, examining: tuple[str, dict[str, str]]
) -> None:
    """Law 4: decided, not released, until the ledger can be written."""
    search_id, tasks = examining
    office.audit.failing["release"] = OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "gone")
    best = office.best(search_id)
    for person, task_id in tasks.items():
        assert office.decide(person, task_id, [best]).status_code == 200
    assert office.status(search_id) == "examining"
    office.audit.failing.clear()
    assert office.status(search_id) == "released"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"method": ""}, "field_invalid", "method"),
        ({"method": None}, "field_invalid", "method"),
        ({"method": "x" * 65}, "field_too_long", "method"),
        ({"verdict": "same"}, "field_unknown", "verdict"),
        ({"decisions": []}, "decision_incomplete", "decisions"),
        ({"decisions": "all same"}, "field_invalid", "decisions"),
        ({"decisions": ["same"]}, "field_invalid", "decisions[0]"),
    ],
)
def test_a_decision_must_be_complete_and_well_formed(
    office: Office,
    examining: tuple[str, dict[str, str]],
    change: dict[str, object],
    code: str,
    field: str,
) -> None:
    """R-14: nothing of a refused decision is written."""
    _, tasks = examining
    answer = office.http.post(
        f"/v1/tasks/{tasks['lee']}/decision",
        json={"method": "morphological_analysis", "decisions": [], **change},
        headers=office.bearer("lee", Role.EXAMINER),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["field"] == field
    assert "examination.decided" not in office.audit.kinds()


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"candidate_ref": "f" * 16}, "decision_unknown_candidate", "candidate_ref"),
        ({"conclusion": "identified"}, "field_invalid", "conclusion"),
        ({"reasons": []}, "field_invalid", "reasons"),
        ({"reasons": ["a\u0000b"]}, "field_invalid", "reasons[0]"),
        ({"seconds": -1}, "field_invalid", "seconds"),
        ({"seconds": 1.5}, "field_invalid", "seconds"),
        ({"seconds": True}, "field_invalid", "seconds"),
        ({"similarity": 900000}, "field_unknown", "similarity"),
    ],
)
def test_each_candidates_decision_is_checked(
    office: Office,
    examining: tuple[str, dict[str, str]],
    change: dict[str, object],
    code: str,
    field: str,
) -> None:
    """R-14: conclusion, reasons and time spent, for every candidate."""
    _, tasks = examining
    reference = office.task("lee", tasks["lee"])["candidates"][0]["candidate_ref"]
    decision = {
        "candidate_ref": reference,
        "conclusion": Conclusion.INCONCLUSIVE.value,
        "reasons": ["too dark"],
        "seconds": 30,
        **change,
    }
    answer = office.http.post(
        f"/v1/tasks/{tasks['lee']}/decision",
        json={"method": "morphological_analysis", "decisions": [decision]},
        headers=office.bearer("lee", Role.EXAMINER),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["field"] == f"decisions[0].{field}"
    assert "examination.decided" not in office.audit.kinds()
