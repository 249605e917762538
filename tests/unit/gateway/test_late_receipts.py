"""Law 3: a gallery whose receipt came too late is in no list. The ledger's list, the examiners'
and the one that a release is derived from are one and the same.
"""

from typing import Any

import pytest

from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office

UTAH, VERMONT = "US-UT", "US-VT"


@pytest.fixture
def half(office: Office) -> tuple[str, dict[str, str]]:
    """Utah and Vermont were searched, and the ledger had ended Utah before it heard of it."""
    office.plane.hold(VERMONT, *(f"{VERMONT}-more-{number}" for number in range(3)))
    office.audit.behind = True
    said = office.search(galleries=[UTAH, VERMONT], list_size=4).json()
    office.join("lee", "ray")
    tasks = office.tasks("lee", "ray")
    assert sorted(_galleries(office, "lee", tasks)) == [UTAH] * 2 + [VERMONT] * 2
    office.audit.expire(str(said["search_id"]), UTAH)
    office.audit.catch_up()
    assert office.audit.kinds()[-2:] == ["alarm.raised", "search.executed"]
    return str(said["search_id"]), tasks


def test_its_candidates_leave_the_list_and_the_next_ones_move_up(
    office: Office, half: tuple[str, dict[str, str]]
) -> None:
    """R-13: four of Vermont's in the place of two and two; no examiner may look at Utah's."""
    _, tasks = half
    before = [one["candidate_ref"] for one in office.task("ray", tasks["ray"])["candidates"]]
    assert _galleries(office, "lee", tasks) == [VERMONT] * 4
    assert sorted(_refs(office, "lee", tasks)) == sorted(before)
    for reference in _refs(office, "lee", tasks):
        assert _look(office, tasks["lee"], reference).status_code == 200
    utahs = [ref for ref, held in office.plane._refs.items() if held.record_id.startswith(UTAH)]
    assert utahs
    for reference in utahs:
        assert _look(office, tasks["lee"], reference).status_code == 404
    listed = {body["target"].get("candidate_ref") for body in _looks(office)}
    assert not listed & set(utahs), "what is in no list is asked of nobody"


def test_both_decide_on_what_the_ledger_lists_and_a_lead_follows(
    office: Office, half: tuple[str, dict[str, str]]
) -> None:
    search_id, tasks = half
    best = next(ref for ref, held in office.plane._refs.items() if held.record_id == f"{VERMONT}-0")
    for person, task_id in tasks.items():
        answer = office.decide(person, task_id, [best])
        assert answer.status_code == 200, answer.text
    assert office.status(search_id) == "released"
    said = office.get(f"/v1/searches/{search_id}/leads", "olsen", Role.REQUESTER).json()
    assert [one["record_id"] for one in said["leads"]] == [f"{VERMONT}-0"]
    assert {one["gallery"]: one["status"] for one in said["galleries"]} == {
        UTAH: "expired",
        VERMONT: "searched",
    }


def test_drawn_after_the_ledger_has_spoken_it_is_the_same(office: Office) -> None:
    """The search waited, sealed, for examiners."""
    office.audit.behind = True
    search_id = office.search(galleries=[UTAH, VERMONT], list_size=4).json()["search_id"]
    office.audit.expire(search_id, UTAH)
    office.audit.catch_up()
    office.join("lee", "ray")
    tasks = office.tasks("lee", "ray")
    assert set(_galleries(office, "lee", tasks)) == {VERMONT}
    assert office.decide("lee", tasks["lee"]).status_code == 200


def _refs(office: Office, person: str, tasks: dict[str, str]) -> list[str]:
    said = office.task(person, tasks[person])["candidates"]
    return [str(one["candidate_ref"]) for one in said]


def _galleries(office: Office, person: str, tasks: dict[str, str]) -> list[str]:
    """Of the candidates that somebody is shown."""
    held = office.plane._refs
    return [held[ref].record_id[:5] for ref in _refs(office, person, tasks)]


def _look(office: Office, task_id: str, reference: str) -> Any:
    return office.get(f"/v1/tasks/{task_id}/candidates/{reference}/portrait", "lee", Role.EXAMINER)


def _looks(office: Office) -> list[dict[str, Any]]:
    return [body for _, body in office.audit._bodies("look.granted")]
