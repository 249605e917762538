"""R-22: the gateway dies between any two writes; after a restart everyone repeats their call.

The death is an exception that nothing in the service may catch. Ledger and plane live on, as the
other processes do; the gateway begins again from its database.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from onrecord.gateway.core import write_points
from onrecord.gateway.core.write_points import WRITE_POINTS
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office, build_office
from tests.builders.gateway_services import BLURRED


class Death(BaseException):
    """The process ends here."""


class DiesAt:
    """A listener that ends the process at the `times`-th passing of one point."""

    def __init__(self, point: str, times: int = 1) -> None:
        self.point = point
        self.left = times
        self.passed = False

    def __call__(self, name: str) -> None:
        if name == self.point and not self.passed:
            self.left -= 1
            if self.left == 0:
                self.passed = True
                raise Death


IN_A_SEARCH = (
    write_points.SEARCH_AUTHORIZED,
    write_points.SEARCH_OPENED,
    write_points.SEARCH_PLANE_ANSWERED,
    write_points.SEARCH_SEALED,
    write_points.SEARCH_DRAWN,
)
IN_AN_EXAMINATION = (
    write_points.LOOK_LOGGED,
    write_points.DECISION_INTENDED,
    write_points.DECISION_LOGGED,
    write_points.DECISION_KEPT,
    write_points.RELEASE_LOGGED,
    write_points.RELEASE_KEPT,
)


def survives(office: Office, dies: DiesAt, call: Callable[[], object]) -> None:
    """Make the call; if the gateway dies of it, begin again.

    Its event loop dies with it. Whether the client sees the death itself or finds the loop gone
    is a race between two threads, so the listener says whether this call was the deadly one.
    """
    before = dies.passed
    try:
        call()
    except (Death, RuntimeError):
        if dies.passed == before:
            raise
        renewed = office.restarted()
        office.gateway, office.http = renewed.gateway, renewed.http
        office.gateway.recovery.run()


def check_ends(office: Office, search_id: str) -> None:
    """Every granted gallery has exactly one end, and every receipt is in the ledger once."""
    ended = office.audit.ended(search_id)
    assert sorted(ended) == sorted(set(ended))
    assert set(ended) == {"US-UT", "US-VT"}
    assert office.audit.kinds().count("request.granted") == 1


@pytest.mark.parametrize("point", IN_A_SEARCH)
def test_a_search_is_taken_up_again(tmp_path: Path, point: str) -> None:
    dies = DiesAt(point)
    office = build_office(tmp_path, reached=dies)
    office.join("lee", "ray")
    survives(office, dies, lambda: office.search(key="one", galleries=["US-UT", "US-VT"]))
    assert dies.passed
    said = office.search(key="one", galleries=["US-UT", "US-VT"]).json()
    assert said["status"] == "examining"
    assert {one["status"] for one in said["galleries"]} == {"searched"}
    check_ends(office, said["search_id"])
    tasks = office.tasks("lee", "ray")
    assert set(tasks) == {"lee", "ray"}
    assert len(office.task("lee", tasks["lee"])["candidates"]) == 5


@pytest.mark.parametrize(
    "point", [write_points.SEARCH_GIVEN_UP, write_points.SEARCH_FAILURE_LOGGED]
)
def test_a_gallery_that_was_given_up_is_not_searched_after_all(tmp_path: Path, point: str) -> None:
    """Law 3: its failure may be in the ledger, so it must not get a receipt beside it."""
    dies = DiesAt(point)
    office = build_office(tmp_path, reached=dies)
    away = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "out of reach")
    office.plane.failing["US-VT"] = away
    survives(office, dies, lambda: office.search(key="one", galleries=["US-UT", "US-VT"]))
    assert dies.passed
    office.plane.failing.clear()
    said = office.search(key="one", galleries=["US-UT", "US-VT"]).json()
    assert said["status"] == "sealed"
    check_ends(office, said["search_id"])
    assert {one["gallery"]: one["status"] for one in said["galleries"]} == {
        "US-UT": "searched",
        "US-VT": "unavailable",
    }


def test_a_quality_refusal_is_found_again(tmp_path: Path) -> None:
    dies = DiesAt(write_points.SEARCH_QUALITY_LOGGED)
    office = build_office(tmp_path, reached=dies)
    survives(office, dies, lambda: office.search(key="one", probe=BLURRED))
    assert dies.passed
    assert office.search(key="one", probe=BLURRED).json()["status"] == "refused_quality"
    assert office.audit.kinds() == ["request.granted", "search.refused_quality"]


@pytest.mark.parametrize("agree", [True, False], ids=["lead", "no_lead"])
@pytest.mark.parametrize("point", IN_AN_EXAMINATION)
def test_an_examination_comes_to_its_end(tmp_path: Path, point: str, agree: bool) -> None:
    dies = DiesAt(point)
    office = build_office(tmp_path, reached=dies)
    search_id = str(office.search().json()["search_id"])
    office.join("lee", "ray")
    tasks = office.tasks("lee", "ray")
    same = [office.best(search_id)] if agree else []
    for person, task_id in tasks.items():
        for _ in range(2):  # everyone repeats what they have no answer to
            survives(
                office,
                dies,
                lambda person=person, task_id=task_id: (  # type: ignore[misc]
                    office.get(f"/v1/tasks/{task_id}/probe", person, Role.EXAMINER),
                    office.decide(person, task_id, same),
                ),
            )
    assert dies.passed
    assert office.status(search_id) == ("released" if agree else "no_lead")
    kinds = office.audit.kinds()
    assert kinds.count("examination.decided") == 2
    assert kinds.count("lead.released") + kinds.count("search.closed") == 1
    released = office.get(f"/v1/searches/{search_id}/leads", "olsen", Role.REQUESTER)
    assert released.status_code == (200 if agree else 409)


def test_what_a_dead_process_left_is_finished_at_the_next_start(tmp_path: Path) -> None:
    """Both have decided and nobody calls again: the start itself brings the release."""
    dies = DiesAt(write_points.DECISION_LOGGED, times=2)
    office = build_office(tmp_path, reached=dies)
    search_id = str(office.search().json()["search_id"])
    office.join("lee", "ray")
    for person, task_id in office.tasks("lee", "ray").items():
        survives(
            office,
            dies,
            lambda person=person, task_id=task_id: office.decide(  # type: ignore[misc]
                person, task_id, [office.best(search_id)]
            ),
        )
    assert dies.passed
    assert "lead.released" in office.audit.kinds()


@pytest.mark.parametrize(
    "point", [write_points.GALLERY_KEY_PINNED, write_points.GALLERY_MODEL_REGISTERED]
)
def test_the_making_of_a_gallery_is_repeated(tmp_path: Path, point: str) -> None:
    from tests.builders.gateway_audit import MODEL

    dies = DiesAt(point)
    office = build_office(tmp_path, reached=dies)

    def create() -> int:
        document = {"model_id": MODEL, "authority_key": "US-NV/authority+key"}
        headers = office.bearer("otto", Role.OPERATOR)
        return int(
            office.http.put("/v1/galleries/US-NV", json=document, headers=headers).status_code
        )

    survives(office, dies, create)
    assert dies.passed
    assert create() == 200
    assert "US-NV" in office.plane.setups


OF_A_SEARCH = ("search", "look", "decision", "release", "gallery")


def test_every_write_point_of_a_search_is_a_crash_test_here() -> None:
    """A new point without a test of its own would go unnoticed."""
    tested = {
        *IN_A_SEARCH,
        *IN_AN_EXAMINATION,
        write_points.SEARCH_GIVEN_UP,
        write_points.SEARCH_FAILURE_LOGGED,
        write_points.SEARCH_QUALITY_LOGGED,
        write_points.GALLERY_KEY_PINNED,
        write_points.GALLERY_MODEL_REGISTERED,
    }
    assert tested == {one for one in WRITE_POINTS if one.split(".")[1] in OF_A_SEARCH}
    assert len(WRITE_POINTS) == len(set(WRITE_POINTS))
