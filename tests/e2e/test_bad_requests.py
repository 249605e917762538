"""Bad requests, tokens and repeats over HTTP: each has a code, a field, a status, and no trace."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.client import ClientError, Decision
from onrecord.kernel.vocabulary import Conclusion, Role, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.builders.e2e_scene import METHOD, UTAH, Scene
from tests.builders.e2e_server import LogMark, Serving

BOUNDARY = "b0undary"
PROBLEM = "application/problem+json"


def post(
    scene: Scene, token: str | None, request: bytes, probe: bytes, key: str | None = None
) -> httpx.Response:
    """`POST /v1/searches`, with whatever a client may put into it."""
    headers = {"Idempotency-Key": key or people.fresh_key()}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.post(
        f"{scene.installation.address}/v1/searches",
        headers=headers,
        files={
            "request": ("request.json", request, "application/json"),
            "probe": ("probe.jpg", probe, "image/jpeg"),
        },
        timeout=60,
    )


def check_problem(answer: httpx.Response, status: int, code: str, field: str | None) -> None:
    """RFC 9457, with our own code, and nothing of our insides."""
    said = answer.json()
    assert (answer.status_code, said["code"], said.get("field")) == (status, code, field), said
    assert answer.headers["content-type"] == PROBLEM
    assert said["status"] == status
    assert said["instance"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


def check_no_trace(scene: Scene, who: Person, log: LogMark) -> None:
    """No row, no entry, no look, no stack trace."""
    with scene.client(who) as client:
        assert list(client.searches()) == []
    assert scene.ledger.by(who.person) == []
    assert "Traceback" not in log.text()


Change = Callable[[dict[str, Any]], object]


def put(path: str, value: Any) -> Change:
    """Changes one member of a request; `path` with dots."""

    def change(request: dict[str, Any]) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            request = request[parent]
        request[name] = value

    return change


FIELDS = [
    # what, how the request is changed, code, field
    ("missing", lambda request: request.pop("purpose"), "field_missing", "purpose"),
    (
        "missing-within",
        lambda request: request["probe"].pop("source"),
        "field_missing",
        "probe.source",
    ),
    ("null", put("case_number", None), "field_invalid", "case_number"),
    ("null-within", put("probe.authority", None), "field_invalid", "probe.authority"),
    ("over-long", put("case_number", "9" * 65), "field_too_long", "case_number"),
    ("over-long-within", put("offence.statute", "§" * 201), "field_too_long", "offence.statute"),
    ("narrative-of-100-kb", put("narrative", "x" * 102_400), "field_too_long", "narrative"),
    ("unknown", put("urgency", "high"), "field_unknown", "urgency"),
    ("unknown-within", put("probe.camera", "3"), "field_unknown", "probe.camera"),
    ("jurisdiction", put("galleries", [UTAH, "US-ZZ"]), "jurisdiction_unknown", "galleries[1]"),
    ("list-size-1", put("list_size", 1), "list_size_out_of_range", "list_size"),
    ("list-size-51", put("list_size", 51), "list_size_out_of_range", "list_size"),
    ("control-character", put("narrative", "a\x07b"), "field_invalid", "narrative"),
    ("line-in-a-line", put("case_number", "A\n1"), "field_invalid", "case_number"),
    ("nul", put("beneficiary_agency", "us-ut\x00"), "field_invalid", "beneficiary_agency"),
    ("reordering", put("narrative", "a\u202eb"), "field_invalid", "narrative"),
    ("word", put("purpose", "curiosity"), "field_invalid", "purpose"),
    ("kind-of-value", put("galleries", UTAH), "field_invalid", "galleries"),
    ("number-as-text", put("list_size", "20"), "field_invalid", "list_size"),
]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [row[1:] for row in FIELDS],
    ids=[row[0] for row in FIELDS],
)
def test_fields(scene: Scene, server: Serving, change: Change, code: str, field: str) -> None:
    """R-7: every field is there, known, and within bounds; else nothing happens."""
    who, log = people.investigator(), LogMark(server)
    request = people.request()
    change(request)
    token = people.token(scene.installation.issuer, who)
    answer = post(scene, token, json.dumps(request).encode(), b"not looked at")
    check_problem(answer, 422, code, field)
    check_no_trace(scene, who, log)


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"[]", b'{"case_number": "\xff"}', b'{"a": 1, "a": 2}', b"[" * 50_000],
    ids=["empty", "cut", "list", "not-utf-8", "twice", "nested"],
)
def test_what_is_not_json(scene: Scene, server: Serving, sent: bytes) -> None:
    """R-40: refused as a whole."""
    who, log = people.investigator(), LogMark(server)
    answer = post(scene, people.token(scene.installation.issuer, who), sent, b"not looked at")
    check_problem(answer, 400, "request_malformed", "request")
    check_no_trace(scene, who, log)


def test_an_upload_cut_in_the_middle(scene: Scene, server: Serving) -> None:
    """R-32: the connection ends before the body does. Nothing remains of it."""
    who, log = people.investigator(), LogMark(server)
    token = people.token(scene.installation.issuer, who)
    body = multipart(scene)
    for sent in (body[: len(body) // 2], body[:200], b""):
        cut_off(scene, token, len(body), sent)
    check_no_trace(scene, who, log)
    assert "ERROR" not in log.text()


def test_an_upload_without_its_end(scene: Scene, server: Serving) -> None:
    """R-32: all the bytes that were announced, but not the closing boundary."""
    who, log = people.investigator(), LogMark(server)
    answer = httpx.post(
        f"{scene.installation.address}/v1/searches",
        content=multipart(scene)[:-40],
        headers={
            "Authorization": f"Bearer {people.token(scene.installation.issuer, who)}",
            "Idempotency-Key": people.fresh_key(),
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        },
    )
    check_problem(answer, 400, "upload_incomplete", None)
    check_no_trace(scene, who, log)


def multipart(scene: Scene) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n'
    return b"".join(
        (
            head.format("request").encode(),
            json.dumps(people.request()).encode() + b"\r\n",
            head.format("probe").encode(),
            scene.enrolled[0].probe() + b"\r\n",
            f"--{BOUNDARY}--\r\n".encode(),
        )
    )


def cut_off(scene: Scene, token: str, announced: int, sent: bytes) -> None:
    """Announce a body, send a part of it, hang up; return when the server has hung up too."""
    host, port = urlsplit(scene.installation.address).netloc.split(":")
    head = (
        f"POST /v1/searches HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {people.fresh_key()}\r\nContent-Length: {announced}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_tokens(scene: Scene, server: Serving, tmp_path: Path) -> None:
    """Law 10, R-40: who asks is proved, or nothing is done."""
    issuer, now = scene.installation.issuer, datetime.now(UTC)
    who, log = people.investigator(), LogMark(server)
    stranger = DevelopmentIssuer.open(tmp_path / "another key")
    header, payload, _ = people.token(issuer, who).split(".")
    _, _, other_signature = people.token(stranger, who).split(".")
    half_an_hour_ago = now - timedelta(minutes=30)
    table = [
        (None, 401, "token_missing", None),
        ("no token at all", 401, "token_invalid", None),
        (people.token(issuer, who, now=half_an_hour_ago), 401, "token_expired", None),
        (people.token(issuer, who, audience="another"), 401, "token_audience", None),
        (people.token(stranger, who), 401, "token_invalid", None),
        (f"{header}.{payload}.{other_signature}", 401, "token_invalid", None),
        (people.token(issuer, who, lifetime=timedelta(hours=9)), 401, "token_invalid", None),
        (people.token(issuer, who, roles=[Role.EXAMINER]), 403, "role_missing", "roles"),
    ]
    for token, status, code, field in table:
        answer = post(scene, token, json.dumps(people.request()).encode(), b"not looked at")
        check_problem(answer, status, code, field)
    check_no_trace(scene, who, log)


@pytest.mark.parametrize(("days", "code"), [(None, "training_missing"), (400, "training_expired")])
def test_without_training(scene: Scene, server: Serving, days: int | None, code: str) -> None:
    """R-12: a request is refused, on the record, by every state; an examiner is not taken."""
    trained = None if days is None else datetime.now(UTC).date() - timedelta(days=days)
    token = people.token(
        scene.installation.issuer, who := people.investigator(), training_completed=trained
    )
    answer = post(scene, token, json.dumps(people.request()).encode(), b"not looked at")
    said = answer.json()
    assert (answer.status_code, said["status"]) == (201, SearchStatus.REFUSED.value)
    assert code in [reason["code"] for reason in said["galleries"][0]["reasons"]]
    assert [one.kind for one in scene.ledger.by(who.person)] == ["request.refused"]

    examiner = people.token(
        scene.installation.issuer, people.examiner(), training_completed=trained
    )
    joining = httpx.put(
        f"{scene.installation.address}/v1/examiners/me",
        headers={"Authorization": f"Bearer {examiner}"},
    )
    check_problem(joining, 403, code, None)


def test_idempotency(scene: Scene, server: Serving) -> None:
    """R-9: a repeat is the same search and the same entry; another body or probe under the key
    is refused, and changes nothing.
    """
    who, key, log = people.investigator(), people.fresh_key(), LogMark(server)
    probe, request = scene.enrolled[0].probe(), people.request()
    sent = json.dumps(request).encode()
    token = people.token(scene.installation.issuer, who)
    first = post(scene, token, sent, probe, key)
    assert first.status_code == 201, first.text
    kinds = scene.ledger.kinds(first.json()["search_id"])

    again = post(scene, people.token(scene.installation.issuer, who), sent, probe, key)
    assert again.status_code == 201
    assert again.json()["search_id"] == first.json()["search_id"]
    assert again.json()["receipt"]["index"] == first.json()["receipt"]["index"]
    assert again.json()["receipt"]["body"] == first.json()["receipt"]["body"]

    other_body = json.dumps({**request, "narrative": "Something else."}).encode()
    conflict = ("idempotency_conflict", "Idempotency-Key")
    check_problem(post(scene, token, other_body, probe, key), 409, *conflict)
    # A second use of the grant, with another probe.
    check_problem(post(scene, token, sent, scene.enrolled[1].probe(), key), 409, *conflict)

    assert scene.ledger.kinds(first.json()["search_id"]) == kinds
    assert [one.kind for one in scene.ledger.by(who.person)] == ["request.granted"]
    with scene.client(who) as client:
        assert [one.search_id for one in client.searches()] == [first.json()["search_id"]]
    assert "Traceback" not in log.text()


def test_idempotency_keys_are_each_person_s_own(scene: Scene) -> None:
    """R-9: the same key from somebody else is another search."""
    key = people.fresh_key()
    searches = [scene.search(scene.enrolled[0].probe(), key=key) for _ in range(2)]
    assert searches[0].search_id != searches[1].search_id


def test_a_search_is_its_requester_s_alone(scene: Scene) -> None:
    """R-15: to anyone else it does not exist."""
    search = scene.search(scene.enrolled[0].probe())
    with scene.client(people.investigator()) as other:
        for look in (other.get_search, other.leads):
            with pytest.raises(ClientError) as raised:
                look(search.search_id)
            assert (raised.value.status, raised.value.code) == (404, "not_found")


def decided(scene: Scene, who: Person, task: str, refs: tuple[str, ...]) -> ClientError:
    """The refusal of a decision that all of `refs` are different."""
    decisions = [Decision(ref, Conclusion.SUPPORTS_DIFFERENT, ("the nose",), 10) for ref in refs]
    with scene.client(who) as client, pytest.raises(ClientError) as raised:
        client.decide(task, METHOD, decisions)
    return raised.value


def test_decisions(scene: Scene, server: Serving) -> None:
    """R-14, R-15: on every candidate, once, by who was drawn."""
    log = LogMark(server)
    scene.drawn()
    search = scene.search(scene.enrolled[4].probe())
    first, second = scene.drawn()
    task, refs = first.task.task_id, first.task.candidate_refs

    def refusal(who: Person, task_id: str, chosen: tuple[str, ...]) -> tuple[int, str, str | None]:
        error = decided(scene, who, task_id, chosen)
        return error.status, error.code, error.field

    assert refusal(first.who, task, refs[1:]) == (422, "decision_incomplete", "decisions")
    assert refusal(first.who, task, (*refs[1:], "somebody")) == (
        422,
        "decision_unknown_candidate",
        f"decisions[{len(refs) - 1}].candidate_ref",
    )
    assert refusal(first.who, task, (*refs, refs[0])) == (
        422,
        "field_invalid",
        f"decisions[{len(refs)}].candidate_ref",
    )
    assert refusal(second.who, task, refs) == (403, "task_not_yours", None)
    assert refusal(people.examiner(), task, refs) == (403, "task_not_yours", None)
    assert refusal(first.who, "no-such-task", refs) == (404, "not_found", None)
    # Complete, but nobody has looked at anything.
    assert refusal(first.who, task, refs) == (422, "decision_incomplete", "probe")
    assert "examination.decided" not in scene.ledger.kinds(search.search_id)

    scene.decide(first, [Conclusion.SUPPORTS_DIFFERENT] * len(refs))
    assert refusal(first.who, task, refs) == (409, "task_decided", None)
    assert scene.ledger.kinds(search.search_id).count("examination.decided") == 1
    assert "Traceback" not in log.text()
