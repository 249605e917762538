"""The public ledger, health, OpenAPI, request ids, admission: what is true of every call."""

import threading
from pathlib import Path

import pytest

from onrecord.gateway.limits import Limits
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import Office, build_office


def test_the_published_ledger_is_public_byte_for_byte(office: Office) -> None:
    """R-28, R-20: as C2SP lays it out; tiles may be kept for ever, the checkpoint may not."""
    store = office.parts.ledger_objects
    store.put("checkpoint", b"a signed note\n")
    store.put("tile/0/000.p/3", b"hashes")
    store.put("tile/entries/x001/067", b"entries")
    checkpoint = office.http.get("/ledger/checkpoint")
    assert checkpoint.content == b"a signed note\n"
    assert checkpoint.headers["cache-control"] == "no-cache"
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    for path, content in (("0/000.p/3", b"hashes"), ("entries/x001/067", b"entries")):
        tile = office.http.get(f"/ledger/tile/{path}")
        assert tile.content == content
        assert "immutable" in tile.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["checkpoint", "tile/0/001", "tile/0/x000/001", "tile/../checkpoint", "tile/0/000.p/256"],
)
def test_what_is_not_published_is_not_found(office: Office, path: str) -> None:
    answer = office.http.get(f"/ledger/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_auditors_read_bodies_page_by_page(office: Office) -> None:
    """R-40: cursors; the bodies are exactly those the leaves commit to."""
    office.search(galleries=["US-UT", "US-VT"])
    first = office.get("/v1/ledger/bodies?limit=2", "ada", Role.AUDITOR).json()
    rest = office.get(f"/v1/ledger/bodies?after={first['next']}", "ada", Role.AUDITOR).json()
    assert [one["index"] for one in first["bodies"] + rest["bodies"]] == [0, 1, 2]
    assert rest["next"] is None


def test_request_ids_come_back_or_are_made(office: Office) -> None:
    """R-40."""
    given = office.http.get("/healthz", headers={"X-Request-Id": "case-7.42"})
    assert given.headers["x-request-id"] == "case-7.42"
    for unfit in ("a b", "x" * 65, "", "<script>"):
        made = office.http.get("/healthz", headers={"X-Request-Id": unfit})
        assert made.headers["x-request-id"] != unfit
        assert len(made.headers["x-request-id"]) == 32


def test_what_nobody_expected_is_said_without_details(office: Office) -> None:
    """No stack trace, no message of an exception, ever."""

    def broken(*_: object) -> None:
        raise RuntimeError("a secret in an exception")

    office.audit.active_policies = broken  # type: ignore[method-assign, assignment]
    answer = office.http.get("/v1/policies")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_addresses_and_methods_are_problems_too(office: Office) -> None:
    nowhere = office.http.get("/v2/searches")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    deleted = office.http.delete("/v1/searches")
    assert (deleted.status_code, deleted.json()["code"]) == (405, "request_malformed")
    assert deleted.json()["status"] == 405
    assert "allow" in deleted.headers


def test_beyond_its_places_a_gateway_sheds(tmp_path: Path) -> None:
    """DESIGN: 429 with `Retry-After`, at once, and the place is free again afterwards."""
    office = build_office(tmp_path, limits=Limits(admission=1, fan_out=1))
    entered, leave = threading.Event(), threading.Event()

    def slow(*_: object) -> tuple[()]:
        entered.set()
        assert leave.wait(10)
        return ()

    office.audit.active_policies = slow  # type: ignore[method-assign, assignment]
    with office.http as http:
        first = threading.Thread(target=http.get, args=("/v1/policies",))
        first.start()
        assert entered.wait(10)
        shed = http.get("/v1/policies")
        leave.set()
        first.join(10)
        assert (shed.status_code, shed.json()["code"]) == (429, "overloaded")
        assert int(shed.headers["retry-after"]) >= 1
        assert http.get("/v1/policies").status_code == 200


def test_readiness_says_what_is_missing(office: Office) -> None:
    """R-45: ready while everything answers and nobody has said to go."""
    assert office.http.get("/readyz").json() == {"status": "ready", "checks": {"database": "ok"}}
    office.gateway.readiness.drain()
    answer = office.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["draining"] == "draining"
    assert office.http.get("/healthz").status_code == 200


def test_a_check_that_fails_makes_the_gateway_not_ready() -> None:
    from onrecord.gateway.http.health import Readiness

    def away() -> None:
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "gone")

    view = Readiness({"audit": away, "database": lambda: None}).view()
    assert view.status == "not_ready"
    assert view.checks == {"audit": "ledger_unavailable", "database": "ok"}


def test_the_openapi_document_is_complete(office: Office) -> None:
    """R-40: every operation has an id, a summary, a success and the problem schema."""
    said = office.http.get("/openapi.json").json()
    operations = {
        operation["operationId"]: (path, method, operation)
        for path, methods in said["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        "startSearch", "listSearches", "getSearch", "getLeads", "followUpEmergency",
        "liftSuspension", "joinExaminers", "listTasks", "getTask", "lookAtProbe",
        "lookAtCandidate", "decideTask",
        "listGalleries", "createGallery", "activatePolicy", "enrolRecord", "listPolicies",
        "deleteRecord", "getDeletion", "getEnrolment", "checkGallery", "removeUnknownPortraits",
        "openManifest", "getManifest", "putChunk", "bringPortraits", "listRows",
        "listDeadLetters", "explainDeadLetter", "redriveDeadLetters", "listEvents",
        "getCheckpoint", "getTile", "listBodies", "health", "readiness",
    }  # fmt: skip
    public = {"listPolicies", "getCheckpoint", "getTile", "health", "readiness"}
    for name, (_, method, operation) in operations.items():
        assert operation["summary"], name
        assert ("security" in operation) == (name not in public), name
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"]["$ref"] == "#/components/schemas/Problem"
        assert any(code.startswith("2") for code in operation["responses"]), name
        if method in ("post", "put") and name != "joinExaminers":
            assert operation["requestBody"]["required"] is True, name
    assert "HTTPValidationError" not in str(said)
    assert said["components"]["schemas"]["Problem"]["required"][-1] == "code"
    header = operations["startSearch"][2]["parameters"][0]
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)


def test_no_batch_join_or_watch_list_exists(office: Office) -> None:
    """R-8: one probe, one request, one decision."""
    said = office.http.get("/openapi.json").json()
    multipart = said["paths"]["/v1/searches"]["post"]["requestBody"]["content"]
    parts = multipart["multipart/form-data"]["schema"]["properties"]
    assert set(parts) == {"request", "probe"}
    assert parts["probe"]["type"] == "string"
    assert not any(
        word in path
        for path in said["paths"]
        for word in ("batch", "watch", "join", "video", "subscription", "bulk")
    )
