"""One record over HTTP: on its way, waited for, rejected, repeated, deleted."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from onrecord.chassis.database import open_database
from onrecord.contracts.events import (
    EnrolmentRef,
    EnrolmentRejected,
    EnrolmentRequested,
    Event,
    FaceDetected,
    SealedBytes,
)
from onrecord.events.messages import message_of
from onrecord.gateway.core.enrolments import EnrolmentProgress
from onrecord.gateway.http.preferences import preferred_wait
from onrecord.gateway.store import open_casework
from onrecord.gateway.store.galleries import open_gallery_store
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EnrolmentStatus, Role
from tests.builders.faces import NOW, SetClock
from tests.builders.gateway import Office
from tests.builders.gateway_enrolling import stated
from tests.builders.gateway_services import BLURRED, CROWD

WAIT = {"Prefer": "wait=20"}


def enrol(
    office: Office,
    portrait: bytes = b"a portrait",
    *,
    record_id: str = "UT-000001",
    gallery: str = "US-UT",
    headers: dict[str, str] | None = None,
    **claims: Any,
) -> Response:
    sent = office.bearer("cora", Role.CUSTODIAN, **{"gallery": "US-UT", **claims})
    files = {"portrait": ("passport.bmp", portrait, "image/bmp")}
    answer: Response = office.http.put(
        f"/v1/galleries/{gallery}/records/{record_id}",
        files=files,
        headers={**sent, **(headers or {})},
    )
    return answer


def progress(office: Office, enrolment_id: str, gallery: str = "US-UT") -> Any:
    headers = office.bearer("cora", Role.CUSTODIAN, gallery=gallery)
    answer = office.http.get(f"/v1/galleries/{gallery}/enrolments/{enrolment_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(answer: Response) -> tuple[int, str, str | None]:
    said = answer.json()
    return answer.status_code, said["code"], said.get("field")


def test_a_portrait_is_on_its_way_at_once_and_live_later(office: Office) -> None:
    """Item 8: 202 with the enrolment; the projection tells the rest."""
    answer = enrol(office)
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["status"], said["generation"]) == ("requested", 1)
    with office.at_work():
        waited = enrol(office, headers=WAIT)
    assert waited.json()["enrolment_id"] == said["enrolment_id"]
    assert progress(office, said["enrolment_id"])["status"] == "live"


def test_one_that_waits_hears_that_it_is_live(office: Office) -> None:
    with office.at_work():
        answer = enrol(office, headers=WAIT)
    assert answer.status_code == 201, answer.text
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.json()["status"] == "live"
    assert office.plane.records["US-UT"][-1].record_id == "UT-000001"


def test_whoever_does_not_want_to_wait_for_ever_is_told_202(office: Office) -> None:
    office.plane.held_back = True
    with office.at_work():
        answer = enrol(office, headers={"Prefer": "respond-async, wait=1"})
    assert answer.status_code == 202
    assert answer.json()["status"] == "requested"


def test_the_same_portrait_again_is_unchanged(office: Office) -> None:
    with office.at_work():
        first = enrol(office, headers=WAIT).json()
        again = enrol(office)
    assert again.status_code == 200
    assert again.json()["enrolment_id"] == first["enrolment_id"]
    assert len(office.plane.enrolled) == 1


def test_a_new_portrait_is_a_new_generation(office: Office) -> None:
    """Law 9: a licence that is issued again replaces."""
    with office.at_work():
        enrol(office, headers=WAIT)
        second = enrol(office, b"ten years older", headers=WAIT)
    assert second.status_code == 201
    assert second.json()["generation"] == 2


def test_both_copies_stand_sealed_and_no_record_id_is_kept(office: Office) -> None:
    """R-30, law 6: the fake plane opens both with its own keys; nothing else here is readable."""
    enrol(office, record_id="UT-RECORD-KEPT-NOWHERE")
    assert len(list((office.folder / "vault").rglob("*.sealed"))) == 1
    assert len(list((office.folder / "ingest").rglob("*.sealed"))) == 1
    kept = [path.read_bytes() for path in office.folder.rglob("*") if path.is_file()]
    assert not any(b"a portrait" in one for one in kept)
    assert not any(b"UT-RECORD-KEPT-NOWHERE" in one for one in kept)
    assert office.plane.records["US-UT"][-1].record_id == "UT-RECORD-KEPT-NOWHERE"


@pytest.mark.parametrize(
    ("portrait", "code", "details"),
    [(BLURRED, "quality_sharpness", {}), (CROWD, "face_not_single", {"faces": 3})],
)
def test_a_portrait_that_cannot_be_used_is_rejected_with_its_reason(
    office: Office, portrait: bytes, code: str, details: dict[str, int]
) -> None:
    """R-33: a crowd is a refusal that says how many faces."""
    with office.at_work():
        answer = enrol(office, portrait, headers=WAIT)
    assert problem(answer) == (422, code, "portrait")
    said = answer.json()["details"]
    enrolment_id = said.pop("enrolment_id")
    assert said == details
    shown = progress(office, enrolment_id)
    assert (shown["status"], shown["code"], shown["details"]) == ("rejected", code, details)


def test_custodians_hear_how_it_ended(office: Office) -> None:
    """R-40: a reject is an event; so is what was asked for by name."""
    with office.at_work():
        live = enrol(office, headers=WAIT).json()["enrolment_id"]
        enrol(office, BLURRED, record_id="UT-2", headers=WAIT)
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-UT")
    told = office.http.get("/v1/events", headers=headers).json()["events"]
    assert [one["kind"] for one in told] == ["enrolment.changed"] * 2
    assert (told[0]["ref"], told[0]["data"]["status"]) == (live, "live")
    assert told[1]["data"]["code"] == "quality_sharpness"
    others = office.bearer("vera", Role.CUSTODIAN, gallery="US-VT")
    assert office.http.get("/v1/events", headers=others).json()["events"] == []


def test_record_ids_may_hold_any_sign(office: Office) -> None:
    assert enrol(office, record_id="UT%2F00%3F1").status_code == 202
    assert office.plane.records["US-UT"][-1].record_id == "UT/00?1"


def test_a_record_id_of_ten_kilobytes_is_refused(office: Office) -> None:
    answer = enrol(office, record_id="x" * 10_240)
    assert problem(answer) == (422, "record_id_invalid", "record_id")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gallery": "US-VT"}, (403, "caller_not_allowed", None)),
        ({"gallery": "US-NV"}, (403, "caller_not_allowed", None)),
        ({"gallery": "utah"}, (422, "jurisdiction_unknown", "gallery")),
        ({"roles": (Role.OPERATOR,)}, (403, "role_missing", "roles")),
        ({"portrait": b""}, (400, "image_empty", "portrait")),
        ({"portrait": b"\xff" * 20_000_001}, (413, "image_too_large", "portrait")),
    ],
)
def test_an_enrolment_that_may_not_be(
    office: Office, change: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    answer = enrol(office, **change)
    assert problem(answer) == expected
    assert office.plane.enrolled == {}


def test_a_custodian_of_a_gallery_that_is_not_there(office: Office) -> None:
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-NV")
    answer = enrol(office, gallery="US-NV", headers=headers)
    assert problem(answer)[:2] == (404, "gallery_unknown")


class _Full:
    """An object store without room."""

    def put(self, key: str, data: bytes) -> None:
        raise OnRecordError(ErrorCode.STORAGE_FULL, "there is no room left")


@pytest.mark.parametrize("store", ["vault", "ingest"])
def test_a_full_disk_loses_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """A 507 with Retry-After; the same call later goes on with the same enrolment."""
    objects = getattr(office.parts, store)
    monkeypatch.setattr(objects, "put", _Full().put)
    answer = enrol(office)
    assert problem(answer)[:2] == (507, "storage_full")
    assert answer.headers["retry-after"]
    monkeypatch.undo()
    with office.at_work():
        assert enrol(office, headers=WAIT).status_code == 201
    assert list(office.plane.enrolled) == ["enrolment-0"]


def test_a_full_bus_loses_nothing(office: Office) -> None:
    office.plane.full = True
    assert problem(enrol(office))[:2] == (507, "storage_full")
    office.plane.full = False
    with office.at_work():
        assert enrol(office, headers=WAIT).status_code == 201


def test_an_enrolment_is_for_its_own_custodians(office: Office) -> None:
    said = enrol(office).json()["enrolment_id"]
    headers = office.bearer("vera", Role.CUSTODIAN, gallery="US-VT")
    path = f"/v1/galleries/US-UT/enrolments/{said}"
    assert problem(office.http.get(path, headers=headers))[:2] == (403, "caller_not_allowed")
    elsewhere = office.http.get(f"/v1/galleries/US-VT/enrolments/{said}", headers=headers)
    assert problem(elsewhere)[:2] == (404, "not_found")


def test_what_the_projection_forgot_the_plane_still_knows(office: Office) -> None:
    """Transparent state: by its id, whatever was tidied away here."""
    headers = office.bearer("otto", Role.OPERATOR)
    said = enrol(office).json()["enrolment_id"]
    assert office.http.get(f"/v1/galleries/US-UT/enrolments/{said}", headers=headers).json()[
        "status"
    ] in ("requested", "live")
    missing = office.http.get("/v1/galleries/US-UT/enrolments/none", headers=headers)
    assert problem(missing)[:2] == (404, "not_found")


def test_late_events_of_other_stages_change_nothing(office: Office) -> None:
    """Events come twice and in any order: a status never goes backwards."""
    with office.at_work():
        said = enrol(office, headers=WAIT).json()
    ref = EnrolmentRef("US-UT", said["enrolment_id"], said["generation"])
    sealed = SealedBytes("key-1", b"x")
    late: list[Event] = [
        FaceDetected(ref, stated({}), sealed),
        EnrolmentRequested(ref, stated({}), "ingest/x", hashlib.sha256(b"x").hexdigest(), "key-1"),
    ]
    office.parts.bus.publisher().publish([message_of(one) for one in late], Deadline.after(30))
    worker = office.restarted().gateway.workers[0]
    finished = 0
    deadline = Deadline.after(10)
    while finished < 2:
        deadline.check()
        finished += worker.step(0.2)
    assert worker.stop(5)
    assert progress(office, said["enrolment_id"])["status"] == "live"


def test_of_the_rows_of_a_list_only_the_end_is_kept(tmp_path: Path) -> None:
    """R-42: what nobody asked for by name is written once, and not backwards."""
    engine = open_database(f"sqlite:///{tmp_path / 'casework.db'}")
    clock = SetClock(NOW)
    events = open_casework(engine, clock).events
    store = open_gallery_store(engine, events, clock).enrolments
    row, named = EnrolmentRef("US-UT", "row", 1), EnrolmentRef("US-UT", "named", 1)
    store.expect(named, "a model")
    stages = (EnrolmentStatus.REQUESTED, EnrolmentStatus.DETECTED, EnrolmentStatus.EMBEDDED)
    for status in stages:
        assert not store.advance([EnrolmentProgress(one, status) for one in (row, named)])
        assert store.find("row") is None
        held = store.find("named")
        assert held is not None
        assert held.status is status
    ended = [EnrolmentProgress(one, EnrolmentStatus.LIVE, "a model") for one in (row, named)]
    assert store.advance(ended) == {"row", "named"}
    assert store.advance(ended) == frozenset()
    missing = EnrolmentProgress(row, EnrolmentStatus.REJECTED, code=ErrorCode.IMAGE_MISSING)
    assert store.advance([missing]) == frozenset(), "told late, by a second delivery"
    kept = store.find("row")
    assert kept is not None
    assert kept.status is EnrolmentStatus.LIVE
    engine.dispose()


def test_a_copy_that_is_missing_because_the_record_is_live_is_no_rejection(office: Office) -> None:
    """R-22: given the portrait once more, detection finds its copy cleared away and says so before
    the news that the record is live has come. Nobody is told that it was rejected.
    """
    said = enrol(office).json()
    ref = EnrolmentRef("US-UT", said["enrolment_id"], said["generation"])
    missing = EnrolmentRejected(ref, ErrorCode.IMAGE_MISSING, "no copy", office.clock.now())
    office.parts.bus.publisher().publish([message_of(missing)], Deadline.after(30))
    worker = office.restarted().gateway.workers[0]
    finished, deadline = 0, Deadline.after(10)
    while finished < 2:  # the request itself, and what detection says
        deadline.check()
        finished += worker.step(0.2)
    assert worker.stop(5)
    assert progress(office, said["enrolment_id"])["status"] == "live", "as the plane has it"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("wait=10", 10),
        ("wait=600", 30),
        ("respond-async, wait=5", 5),
        ('wait="7"; foo', 7),
        ("handling=lenient; wait=9", 0),
        ("wait=abc", 0),
        ("await=5", 0),
    ],
)
def test_a_preference_for_waiting(header: str | None, seconds: int) -> None:
    """RFC 7240: what cannot be read is ignored."""
    assert preferred_wait(header, 30) == seconds


def delete(office: Office, record_id: str, path: str = "", method: str = "DELETE") -> Response:
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-UT")
    answer: Response = office.http.request(
        method, f"/v1/galleries/US-UT/records/{record_id}{path}", headers=headers
    )
    return answer


def test_a_record_is_deleted_with_three_times(office: Office) -> None:
    """Law 9, R-30; repeated, it is the same receipt."""
    answer = delete(office, "US-UT-1")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["not_returned_from"] < said["backups_expire_at"]
    assert said["vectors_compacted_at"] is None
    assert delete(office, "US-UT-1").json() == said
    assert delete(office, "US-UT-1", "/deletion", "GET").json() == said
    assert "US-UT-1" not in [one.record_id for one in office.plane.records["US-UT"]]


def test_a_record_that_never_was_is_not_deleted(office: Office) -> None:
    assert problem(delete(office, "US-UT-77"))[:2] == (404, "not_found")
    assert problem(delete(office, "US-UT-2", "/deletion", "GET"))[:2] == (404, "not_found")


def test_only_its_custodian_deletes(office: Office) -> None:
    headers = office.bearer("vera", Role.CUSTODIAN, gallery="US-VT")
    answer = office.http.delete("/v1/galleries/US-UT/records/US-UT-1", headers=headers)
    assert problem(answer)[:2] == (403, "caller_not_allowed")


@pytest.mark.parametrize(("query", "repaired"), [("", 0), ("?repair=true", 1)])
def test_a_gallery_is_compared_with_its_roster(office: Office, query: str, repaired: int) -> None:
    """R-48."""
    headers = office.bearer("otto", Role.OPERATOR)
    said = office.http.get(f"/v1/galleries/US-UT/check{query}", headers=headers).json()
    assert (said["agrees"], said["missing_vectors"], said["repaired"]) == (False, 1, repaired)


def test_a_crash_between_any_two_writes_is_repaired_by_the_same_call(tmp_path: Path) -> None:
    """R-22: the client repeats its call, and there is one enrolment."""
    from tests.builders.gateway import build_office

    for point in ("begun", "vaulted", "ingested", "submitted"):

        class Died(BaseException):
            pass

        def reached(name: str, stop: str = f"gateway.enrolment.{point}") -> None:
            if name == stop:
                raise Died

        office = build_office(tmp_path / point, reached=reached)
        with pytest.raises(BaseException):  # noqa: B017 - as it comes out of the client
            enrol(office)
        again = office.restarted()
        with again.at_work():
            assert enrol(again, headers=WAIT).status_code in (200, 201)
        assert list(office.plane.enrolled) == ["enrolment-0"]
