"""Every bad thing a client can send that the gateway can see: a code, a field, and no trace left.

"No trace" means: no entry, no row, nothing looked at.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from httpx import Response

from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import REQUEST, Office

BOUNDARY = "b0undary"


def refused(office: Office, answer: Response, status: int, code: str, field: str | None) -> None:
    said = answer.json()
    assert (answer.status_code, said["code"], said.get("field")) == (status, code, field), said
    assert answer.headers["content-type"] == "application/problem+json"
    assert said["status"] == status
    assert said["instance"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert office.audit.kinds() == []
    assert office.detection.looked_at == []
    with office.parts.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM searches").scalar() == 0


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"case_number": None}, "field_invalid", "case_number"),
        ({"case_number": ""}, "field_invalid", "case_number"),
        ({"narrative": "x" * 102_400}, "field_too_long", "narrative"),
        ({"narrative": "a\u0007b"}, "field_invalid", "narrative"),
        ({"urgency": "high"}, "field_unknown", "urgency"),
        ({"galleries": ["US-UT", "US-ZZ"]}, "jurisdiction_unknown", "galleries[1]"),
        ({"galleries": []}, "field_invalid", "galleries"),
        ({"list_size": 1}, "list_size_out_of_range", "list_size"),
        ({"list_size": 51}, "list_size_out_of_range", "list_size"),
        ({"list_size": 20.0}, "field_invalid", "list_size"),
        ({"purpose": "curiosity"}, "field_invalid", "purpose"),
    ],
)
def test_fields(office: Office, change: dict[str, Any], code: str, field: str) -> None:
    """R-7: every field is present, known and within bounds."""
    refused(office, office.search(**change), 422, code, field)


def test_a_missing_field(office: Office) -> None:
    request = {name: value for name, value in REQUEST.items() if name != "purpose"}
    refused(office, office.search(request), 422, "field_missing", "purpose")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"case_number": "\xff"}',
        b'{"case_number": "a", "case_number": "b"}',
        b'{"list_size": NaN}',
        b'{"list_size": Infinity}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"list_size": ' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"case_number": "a"}',
    ],
)
def test_what_is_not_json(office: Office, request_bytes: bytes) -> None:
    """Malformed, not UTF-8, a key twice, not a number, nested too deeply."""
    refused(office, office.search(request_bytes), 400, "request_malformed", "request")


def test_a_lone_surrogate(office: Office) -> None:
    sent = json.dumps({**REQUEST, "narrative": "a\ud800b"}).encode()
    refused(office, office.search(sent), 422, "field_invalid", "narrative")


def test_an_empty_probe(office: Office) -> None:
    """R-32."""
    refused(office, office.search(probe=b""), 400, "image_empty", "probe")


def test_a_probe_of_25_mb(office: Office) -> None:
    """R-32: refused by its size, whatever it holds."""
    refused(office, office.search(probe=b"\xff" * 25_000_000), 413, "image_too_large", "probe")


def test_a_probe_of_exactly_the_limit_is_taken(office: Office) -> None:
    """R-32: at most 20 MB means that 20 MB will do."""
    assert office.search(probe=b"\xff" * 20_000_000).status_code == 201


def test_a_request_part_beyond_any_request(office: Office) -> None:
    refused(office, office.search(b" " * 300_000), 422, "field_too_long", "request")


def part(name: str, content: bytes, *, file: bool = False) -> bytes:
    disposition = f'form-data; name="{name}"' + ('; filename="x.jpg"' if file else "")
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
SENT = json.dumps(REQUEST).encode()


def post(office: Office, body: bytes | Iterator[bytes], content_type: str = "") -> Response:
    headers = {
        **office.bearer("olsen", Role.REQUESTER),
        "Idempotency-Key": "one",
        "Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}",
    }
    answer: Response = office.http.post("/v1/searches", content=body, headers=headers)
    return answer


def test_the_parts_by_hand_are_accepted(office: Office) -> None:
    """So that what follows fails for its own reason."""
    body = part("request", SENT) + part("probe", b"the probe", file=True) + END
    assert post(office, body).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (part("request", SENT) + END, 422, "field_missing", "probe"),
        (part("probe", b"x", file=True) + END, 422, "field_missing", "request"),
        (
            part("request", SENT) + part("mask", b"x", file=True) + END,
            422,
            "field_unknown",
            "mask",
        ),
        (
            part("request", SENT) + part("probe", b"x") + part("probe", b"y") + END,
            422,
            "field_invalid",
            "probe",
        ),
        (part("request", SENT) + part("probe", b"x"), 400, "upload_incomplete", None),
        (part("request", SENT)[:-40], 400, "upload_incomplete", None),
        (b"", 400, "upload_incomplete", None),
        (b"no multipart at all", 400, "request_malformed", None),
        (f"--{BOUNDARY}\r\n\r\nnameless\r\n".encode() + END, 400, "request_malformed", None),
        (
            f"--{BOUNDARY}\r\nContent-Disposition: attachment\r\n\r\nx\r\n".encode() + END,
            400,
            "request_malformed",
            None,
        ),
    ],
)
def test_parts(office: Office, body: bytes, status: int, code: str, field: str | None) -> None:
    """Missing, unknown, twice, cut off in the middle, not multipart."""
    refused(office, post(office, body), status, code, field)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "multipart/form-data", f"multipart/form-data; boundary={'b' * 80}"],
)
def test_other_content_types(office: Office, content_type: str) -> None:
    refused(office, post(office, b"{}", content_type), 400, "request_malformed", None)


def test_a_chunked_upload_beyond_the_limit_is_not_held(office: Office) -> None:
    """R-32: without a length to go by, the bound still holds; the rest is read and dropped."""

    def chunks() -> Iterator[bytes]:
        yield part("request", SENT)
        yield part("probe", b"", file=True)[:-2]
        for _ in range(30):
            yield b"\xff" * 1_000_000
        yield b"\r\n" + END

    refused(office, post(office, chunks()), 413, "image_too_large", "probe")


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (None, 400, "idempotency_key_missing"),
        ("", 422, "field_invalid"),
        ("a b", 422, "field_invalid"),
        ("k" * 129, 422, "field_invalid"),
        ("sch\u00f6n".encode("latin-1").decode("latin-1"), 422, "field_invalid"),
    ],
)
def test_idempotency_keys(office: Office, key: str | None, status: int, code: str) -> None:
    """R-9: 1 to 128 visible ASCII characters, always."""
    headers: dict[str, Any] = office.bearer("olsen", Role.REQUESTER)
    if key is not None:
        headers["Idempotency-Key"] = key.encode("latin-1")
    refused(office, office.search(headers=headers), status, code, "Idempotency-Key")


def test_tokens(office: Office, tmp_path: Any) -> None:
    """Law 10: missing, malformed, expired, for another audience, signed by another key."""
    from onrecord.chassis.development_issuer import DevelopmentIssuer

    other = DevelopmentIssuer.open(tmp_path / "other")
    settings: dict[str, Any] = {
        "person": "olsen",
        "agency": "us-ut-slcpd",
        "roles": [Role.REQUESTER],
        "now": office.clock.now(),
    }
    past = {**settings, "now": office.clock.now() - timedelta(hours=1)}
    cases = [
        (None, "token_missing"),
        ("Basic b2xzZW46", "token_missing"),
        ("Bearer ", "token_missing"),
        ("Bearer not.a.token", "token_invalid"),
        (f"Bearer {office.issuer.issue(**past)}", "token_expired"),
        (f"Bearer {office.issuer.issue(**settings, audience='payroll')}", "token_audience"),
        (f"Bearer {other.issue(**settings)}", "token_invalid"),
    ]
    for header, code in cases:
        headers = {"Idempotency-Key": "one"}
        if header is not None:
            headers["Authorization"] = header
        answer = office.search(headers=headers)
        refused(office, answer, 401, code, None)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_roles(office: Office) -> None:
    """Every operation asks for its own role."""
    search = {**office.bearer("lee", Role.EXAMINER), "Idempotency-Key": "one"}
    refused(office, office.search(headers=search), 403, "role_missing", "roles")
    for path in ("/v1/tasks", "/v1/tasks/x", "/v1/tasks/x/probe", "/v1/ledger/bodies"):
        answer = office.get(path, "olsen", Role.REQUESTER)
        refused(office, answer, 403, "role_missing", "roles")
    refused(office, office.get("/v1/searches", "lee", Role.EXAMINER), 403, "role_missing", "roles")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("after=-1", "after")],
)
def test_query_parameters(office: Office, query: str, field: str) -> None:
    answer = office.get(f"/v1/ledger/bodies?{query}", "ada", Role.AUDITOR)
    refused(office, answer, 422, "field_invalid", field)
