"""What somebody tries who is who they say, and wants more than is theirs."""

import hashlib

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office
from tests.builders.gateway_audit import MODEL, OTHER_MODEL


def test_another_agencys_bearer_of_the_same_id_sees_nothing(office: Office) -> None:
    """Law 10: `person` is issued by an agency; two agencies may well issue the same one."""
    search_id = office.search().json()["search_id"]
    elsewhere = office.bearer("olsen", Role.REQUESTER, agency="us-vt-state-police")
    for path in (f"/v1/searches/{search_id}", f"/v1/searches/{search_id}/leads"):
        answer = office.http.get(path, headers=elsewhere)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert office.http.get("/v1/searches", headers=elsewhere).json()["searches"] == []
    here = office.bearer("olsen", Role.REQUESTER)
    assert len(office.http.get("/v1/searches", headers=here).json()["searches"]) == 1


def test_a_gallery_that_exists_gets_no_other_model_on_the_record(office: Office) -> None:
    """R-38: grants would name a model that no plane searches with."""
    operator = office.bearer("operator-1", Role.OPERATOR)
    key = "US-CA/authority+" + hashlib.sha256(b"key").hexdigest()[:8] + "+AAAA"
    first = {"model_id": MODEL, "authority_key": key}
    assert office.http.put("/v1/galleries/US-CA", json=first, headers=operator).status_code == 200
    before = office.audit.kinds()
    for other in ({**first, "model_id": OTHER_MODEL}, {**first, "authority_key": key + "x"}):
        answer = office.http.put("/v1/galleries/US-CA", json=other, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (409, "gallery_exists")
    assert office.audit.kinds() == before
    assert office.http.put("/v1/galleries/US-CA", json=first, headers=operator).status_code == 200


def test_the_key_of_a_search_without_a_lead_stands_in_no_file(office: Office) -> None:
    """R-29: nor in what SQLite keeps beside its database."""
    search_id = office.search().json()["search_id"]
    office.join("lee", "ray")
    with office.parts.database.connect() as connection:
        key = connection.exec_driver_sql("SELECT wrapped_key FROM searches").scalar_one()
    for person, task_id in office.tasks("lee", "ray").items():
        office.decide(person, task_id)
    assert office.status(search_id) == "no_lead"
    files = list(office.folder.glob("casework.db*"))
    assert files
    assert [path.name for path in files if key in path.read_bytes()] == []


def test_nobody_is_told_that_a_decision_stands_which_does_not(office: Office) -> None:
    """R-14, R-22: the first is lost on the way in, the second on the way back, the first again."""
    search_id = office.search().json()["search_id"]
    office.join("lee", "ray")
    task_id = office.tasks("lee")["lee"]
    same, decide = [office.best(search_id)], office.audit.decide

    def unheard(*arguments: object) -> None:
        if logs:
            decide(*arguments)  # type: ignore[arg-type]
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "the ledger went away")

    office.audit.decide = unheard  # type: ignore[method-assign, assignment]
    logs = False
    assert office.decide("lee", task_id, same).status_code == 503
    logs = True
    assert office.decide("lee", task_id).status_code == 503
    office.audit.decide = decide  # type: ignore[method-assign]
    again = office.decide("lee", task_id, same)
    assert (again.status_code, again.json()["code"]) == (409, "task_decided")
    assert office.audit.kinds().count("examination.decided") == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "records/UT-1"),
        ("POST", "manifests"),
        ("PUT", "manifests/" + "0" * 64 + "/chunks/0"),
        ("POST", "manifests/" + "0" * 64 + "/chunks/0/portraits"),
    ],
)
@pytest.mark.parametrize("role", [Role.REQUESTER, Role.OPERATOR])
def test_no_body_is_held_for_whoever_may_not_fill_a_gallery(
    office: Office, method: str, path: str, role: Role
) -> None:
    """R-32: tens of megabytes, and a minute, are for custodians alone: nothing of it is read."""
    answer = office.http.request(
        method,
        f"/v1/galleries/US-UT/{path}",
        content=b"no such body",
        headers={**office.bearer("ray", role), "content-type": "multipart/form-data"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
