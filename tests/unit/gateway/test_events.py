"""R-40: a client learns what has changed of its own, in order, without asking everywhere."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from onrecord.chassis.database import write_transaction
from onrecord.gateway.store import open_casework
from onrecord.gateway.store.events import CHUNK_CLOSED, custodian
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office
from tests.builders.gateway_services import BLURRED

SOON = 20.0


def events(
    office: Office, person: str, role: Role, query: str = "", **changes: Any
) -> dict[str, Any]:
    headers = office.bearer(person, role, **changes)
    answer = office.http.get(f"/v1/events{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def released(office: Office) -> str:
    """A search that ends with a lead."""
    search_id = str(office.search().json()["search_id"])
    office.join("lee", "ray")
    for person, task_id in office.tasks("lee", "ray").items():
        office.decide(person, task_id, [office.best(search_id)])
    return search_id


def test_the_requester_hears_of_every_state_of_a_search_in_order(office: Office) -> None:
    """R-40: from sealed to released, without polling the search."""
    search_id = released(office)
    said = events(office, "olsen", Role.REQUESTER)
    assert [(one["kind"], one["ref"], one["data"]["status"]) for one in said["events"]] == [
        ("search.changed", search_id, status) for status in ("sealed", "examining", "released")
    ]
    assert said["next"] == said["events"][-1]["id"]


@pytest.mark.parametrize(
    ("galleries", "probe", "status"),
    [(["US-TX"], b"a probe", "refused"), (["US-UT"], BLURRED, "refused_quality")],
)
def test_a_search_that_goes_nowhere_is_told_too(
    office: Office, galleries: list[str], probe: bytes, status: str
) -> None:
    office.search(galleries=galleries, probe=probe)
    said = events(office, "olsen", Role.REQUESTER)
    assert [one["data"] for one in said["events"]] == [{"status": status}]


def test_both_examiners_hear_of_their_tasks_alike(office: Office) -> None:
    """R-15: in kind, timing and words; and of nothing else."""
    released(office)
    found = [events(office, person, Role.EXAMINER)["events"] for person in ("lee", "ray")]
    for listed, person in zip(found, ("lee", "ray"), strict=True):
        (one,) = listed
        assert office.task(person, one["ref"])["task_id"] == one["ref"]
        assert (one["kind"], one["data"]) == ("task.assigned", {})
    assert found[0][0]["time"] == found[1][0]["time"]


def test_nobody_hears_of_anybody_elses(office: Office) -> None:
    """Law 10: nor under another agency, nor in another role."""
    released(office)
    assert events(office, "berg", Role.REQUESTER)["events"] == []
    assert events(office, "olsen", Role.REQUESTER, agency="us-vt-vsp")["events"] == []
    assert events(office, "lee", Role.REQUESTER)["events"] == []
    assert events(office, "cora", Role.CUSTODIAN, gallery="US-UT")["events"] == []


def test_an_event_names_no_candidate_and_no_score(office: Office) -> None:
    """Law 6."""
    search_id = released(office)
    best = office.best(search_id)
    for person, role in (("olsen", Role.REQUESTER), ("lee", Role.EXAMINER)):
        said = office.http.get("/v1/events", headers=office.bearer(person, role)).text
        assert best not in said
        assert "similarity" not in said
        assert "US-UT" not in said


def test_a_cursor_misses_none_and_repeats_none(office: Office) -> None:
    """R-40: page by page, whatever happens in between."""
    seen: list[int] = []
    after = 0
    for _ in range(3):
        office.search()
        page = events(office, "olsen", Role.REQUESTER, f"?after={after}&limit=1")
        seen += [one["id"] for one in page["events"]]
        after = page["next"]
    rest = events(office, "olsen", Role.REQUESTER, f"?after={after}")
    assert rest == {"events": [], "next": after}
    assert seen == sorted(set(seen))
    assert len(seen) == 3


def test_a_client_that_waits_is_woken_by_what_it_waits_for(office: Office) -> None:
    """R-40: long before its time is up."""
    answer: dict[str, Any] = {}

    def wait() -> None:
        answer.update(events(office, "olsen", Role.REQUESTER, "?wait=25"))

    with office.http:  # one event loop for both calls
        waiter = threading.Thread(target=wait)
        begun = time.monotonic()
        waiter.start()
        office.search()
        waiter.join(SOON)
    assert not waiter.is_alive()
    assert time.monotonic() - begun < SOON
    assert [one["data"] for one in answer["events"]] == [{"status": "sealed"}]


def test_a_gateway_that_is_leaving_keeps_nobody_waiting(office: Office) -> None:
    """R-45."""
    office.gateway.readiness.drain()
    begun = time.monotonic()
    assert events(office, "olsen", Role.REQUESTER, "?wait=25")["events"] == []
    assert time.monotonic() - begun < SOON


def test_waiting_has_its_own_bound_and_takes_no_place_of_work(office: Office) -> None:
    """One that waits must not keep others from searching; too many are shed with 429."""
    from dataclasses import replace

    office.parts = replace(office.parts, limits=replace(office.parts.limits, waiting=0))
    renewed = office.restarted()
    answer = renewed.http.get("/v1/events?wait=5", headers=renewed.bearer("olsen", Role.REQUESTER))
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert renewed.search().status_code == 201


def test_a_custodian_hears_of_their_gallery(office: Office) -> None:
    """R-42: what is written in a transaction that commits, and nothing of one that does not."""
    store = open_casework(office.parts.database, office.clock)
    with write_transaction(office.parts.database) as connection:
        store.events.add(
            connection, custodian("US-UT"), CHUNK_CLOSED, "manifest/0", {"accepted": 9}
        )
    with pytest.raises(RuntimeError), write_transaction(office.parts.database) as connection:
        store.events.add(connection, custodian("US-UT"), CHUNK_CLOSED, "manifest/1", {})
        raise RuntimeError
    said = events(office, "cora", Role.CUSTODIAN, gallery="US-UT")
    assert [(one["ref"], one["data"]) for one in said["events"]] == [
        ("manifest/0", {"accepted": 9})
    ]
    assert events(office, "cora", Role.CUSTODIAN, gallery="US-VT")["events"] == []


def test_ids_are_not_given_again_after_old_events_are_forgotten(office: Office) -> None:
    """R-40: a cursor stays good."""
    office.search()
    last = events(office, "olsen", Role.REQUESTER)["next"]
    office.clock.at += timedelta(days=31)
    office.gateway.forgetting.run()
    assert events(office, "olsen", Role.REQUESTER)["events"] == []
    office.search()
    (one,) = events(office, "olsen", Role.REQUESTER, f"?after={last}")["events"]
    assert one["id"] > last


@pytest.mark.parametrize("query", ["?wait=26", "?wait=-1", "?after=-1", "?limit=0", "?limit=101"])
def test_what_cannot_be_asked_is_a_problem(office: Office, query: str) -> None:
    headers = office.bearer("olsen", Role.REQUESTER)
    answer = office.http.get(f"/v1/events{query}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")


def test_an_operator_has_no_events(office: Office) -> None:
    answer = office.http.get("/v1/events", headers=office.bearer("otto", Role.OPERATOR))
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
