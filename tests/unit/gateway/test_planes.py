"""Two planes: each gallery is searched where it is, and one that is away is said aloud (law 8)."""

from dataclasses import replace

import pytest

from onrecord.contracts.vector_search import GalleryAnswer, PlaneSearch
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office
from tests.builders.gateway_audit import MODEL
from tests.builders.gateway_services import FakePlane


@pytest.fixture
def utah(office: Office) -> FakePlane:
    """A second plane, which Utah runs itself, beside the first that holds the others."""
    plane = FakePlane(office.audit, office.clock, ["US-UT"], "utah")
    plane.hold("US-UT", "UT-a", "UT-b")
    for held in (office.plane.records, office.plane.keys):
        held.pop("US-UT")
    office.parts = replace(office.parts, planes={"first": office.plane, "utah": plane})
    renewed = office.restarted()
    office.gateway, office.http = renewed.gateway, renewed.http
    return plane


def test_one_search_over_two_planes_is_merged(office: Office, utah: FakePlane) -> None:
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    assert {one["status"] for one in said["galleries"]} == {"searched"}
    assert (utah.searched, office.plane.searched) == (["US-UT"], ["US-VT"])
    office.join("lee", "ray")
    task = office.tasks("lee")["lee"]
    assert len(office.task("lee", task)["candidates"]) == 5  # two of one plane, three of the other


def test_a_plane_is_asked_once_for_all_of_its_galleries(office: Office, utah: FakePlane) -> None:
    """Law 8: and again for those alone that failed in passing."""
    away = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the index is down")
    office.plane.failing["US-MD"] = away
    said = office.search(galleries=["US-UT", "US-VT", "US-MD"]).json()
    found = {one["gallery"]: one["status"] for one in said["galleries"]}
    assert found == {"US-UT": "searched", "US-VT": "searched", "US-MD": "unavailable"}
    assert utah.calls == [("US-UT",)]
    assert [set(call) for call in office.plane.calls] == [{"US-VT", "US-MD"}, {"US-MD"}]


def test_a_plane_that_answers_for_others_than_it_was_asked_for_has_answered_for_none(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 3: nothing of it is sealed."""
    answers = office.plane.search_galleries

    def swapped(search: PlaneSearch, deadline: Deadline) -> tuple[GalleryAnswer, ...]:
        return answers(search, deadline)[:1]

    monkeypatch.setattr(office.plane, "search_galleries", swapped)
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    assert said["status"] == "processing"
    assert {one["status"] for one in said["galleries"]} == {"unavailable"}


def test_a_plane_that_is_down_leaves_the_others(office: Office, utah: FakePlane) -> None:
    """Law 8: its gallery is named as unavailable, and why."""
    office.http.get("/v1/galleries", headers=office.bearer("olsen", Role.REQUESTER))
    utah.down = True
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    found = {one["gallery"]: one for one in said["galleries"]}
    assert said["status"] == "sealed"
    assert found["US-VT"]["status"] == "searched"
    assert (found["US-UT"]["status"], found["US-UT"]["retryable"]) == ("unavailable", True)
    assert found["US-UT"]["reasons"][0]["code"] == "plane_unavailable"
    assert sorted(office.audit.ended(said["search_id"])) == ["US-UT", "US-VT"]


def test_a_plane_that_was_never_seen_hides_no_gallery(office: Office, utah: FakePlane) -> None:
    """Law 8: not "unknown", since it may well be there."""
    utah.down = True
    said = office.search(galleries=["US-UT", "US-VT"]).json()
    reasons = {one["gallery"]: one["reasons"] for one in said["galleries"]}
    assert [one["code"] for one in reasons["US-UT"]] == ["plane_unavailable"]


def test_leads_of_two_planes_come_from_each(office: Office, utah: FakePlane) -> None:
    """Law 10: with the person's own token."""
    search_id = office.search(galleries=["US-UT", "US-VT"]).json()["search_id"]
    office.join("lee", "ray")
    best = office.best(search_id)
    for person, task_id in office.tasks("lee", "ray").items():
        assert office.decide(person, task_id, [best]).status_code == 200
    utah.tokens.clear()
    headers = office.bearer("olsen", Role.REQUESTER)
    said = office.http.get(f"/v1/searches/{search_id}/leads", headers=headers).json()
    assert [one["record_id"] for one in said["leads"]] == ["UT-a"]
    assert utah.tokens == [headers["Authorization"].removeprefix("Bearer ")]


def test_the_list_shows_what_is_reachable_and_names_what_is_not(
    office: Office, utah: FakePlane
) -> None:
    """Law 8: one plane that is away does not take the list with it."""
    headers = office.bearer("olsen", Role.REQUESTER)
    said = office.http.get("/v1/galleries", headers=headers).json()
    assert {one["gallery"]: one["plane"] for one in said["galleries"]} == {
        "US-MD": "first",
        "US-UT": "utah",
        "US-VT": "first",
    }
    assert said["unavailable"] == []
    found = {one["gallery"]: one for one in said["galleries"]}
    assert found["US-UT"]["policy"] == {"version": 1, "expires": "2027-01-01T00:00:00.00Z"}
    assert found["US-VT"]["policy"] is None
    assert (found["US-UT"]["live_records"], found["US-UT"]["last_sequence"]) == (2, 0)

    utah.down, office.audit.down = True, True
    answer = office.http.get("/v1/galleries", headers=headers)
    assert answer.status_code == 200
    said = answer.json()
    assert {one["gallery"] for one in said["galleries"]} == {"US-MD", "US-VT"}
    assert [(one["name"], one["code"]) for one in said["unavailable"]] == [
        ("utah", "plane_unavailable"),
        ("audit", "ledger_unavailable"),
    ]


def create(office: Office, gallery: str, **more: str) -> tuple[int, str | None]:
    document = {"model_id": MODEL, "authority_key": f"{gallery}/authority+key", **more}
    headers = office.bearer("otto", Role.OPERATOR)
    answer = office.http.put(f"/v1/galleries/{gallery}", json=document, headers=headers)
    return answer.status_code, answer.json().get("code") or answer.json()["plane"]


def test_a_new_gallery_goes_to_the_plane_that_is_named(office: Office, utah: FakePlane) -> None:
    """Law 10: with the operator's own token; without a name to the first."""
    assert create(office, "US-NV", plane="utah") == (200, "utah")
    assert create(office, "US-CA") == (200, "first")
    assert create(office, "US-NV") == (200, "utah")  # a repeat finds it
    assert utah.tokens and office.plane.tokens


def test_a_gallery_is_never_made_twice(office: Office, utah: FakePlane) -> None:
    """Law 4: while a plane that may hold it cannot be asked, nothing is made or logged."""
    create(office, "US-NV", plane="utah")
    assert create(office, "US-NV", plane="first") == (409, "gallery_exists")
    assert create(office, "US-OR", plane="nowhere") == (422, "field_invalid")
    before = office.audit.kinds()
    utah.down = True
    assert create(office, "US-OR") == (503, "plane_unavailable")
    assert office.audit.kinds() == before


def test_a_state_that_runs_its_own_plane_has_its_gallery_there(
    office: Office, utah: FakePlane
) -> None:
    planes = {"first": office.plane, "utah": utah}
    assert PlaneDirectory(planes, {"US-NV": "utah"}).home("US-NV") == ("utah", utah)
    assert PlaneDirectory(planes, {"US-NV": "utah"}).home("US-CA") == ("first", office.plane)
    with pytest.raises(ValueError, match="no plane elsewhere"):
        PlaneDirectory(planes, {"US-NV": "elsewhere"})


def test_a_gallery_nobody_holds_is_unknown_only_when_all_have_answered(
    office: Office, utah: FakePlane
) -> None:
    directory = PlaneDirectory({"first": office.plane, "utah": utah})
    for down, code in ((False, ErrorCode.GALLERY_UNKNOWN), (True, ErrorCode.PLANE_UNAVAILABLE)):
        utah.down = down
        with pytest.raises(OnRecordError) as caught:
            directory.of("US-AK", Deadline.after(30))
        assert caught.value.code is code
