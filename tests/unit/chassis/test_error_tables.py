"""One error, three tables, none of them with a hole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.chassis.dispositions import DISPOSITIONS, Disposition
from onrecord.chassis.grpc_status import GRPC_STATUS, status_text, trailer
from onrecord.chassis.problems import (
    MEDIA_TYPE,
    PROBLEMS,
    RETRY_AFTER_MS,
    http_status,
    problem,
    retry_after_seconds,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError

HTTP = {400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503, 504, 507}


def test_every_code_has_a_place_in_every_table() -> None:
    """A code added to the kernel fails here until it is said how it travels."""
    everything = set(ErrorCode)
    assert everything - set(GRPC_STATUS) == set()
    assert everything - set(PROBLEMS) == set()
    assert everything - set(DISPOSITIONS) == set()


@pytest.mark.parametrize("code", ErrorCode)
def test_a_problem_says_what_rfc_9457_asks_and_the_code(code: ErrorCode) -> None:
    said = problem(OnRecordError(code, "for a person"), "/v1/searches")
    assert said["type"].endswith(f"/{code.value}")
    assert said["title"] and not said["title"].endswith(".")
    assert said["status"] == http_status(code)
    assert http_status(code) in HTTP
    assert (said["detail"], said["instance"]) == ("for a person", "/v1/searches")
    assert said["code"] == code.value
    assert "field" not in said and "details" not in said


def test_a_problem_names_its_field_and_details() -> None:
    error = OnRecordError(ErrorCode.FACE_NOT_SINGLE, "three", field="probe", details={"faces": 3})
    said = problem(error, "r-1")
    assert said["field"] == "probe"
    assert said["details"] == {"faces": 3}
    assert MEDIA_TYPE == "application/problem+json"


def test_titles_tell_codes_apart() -> None:
    titles = [title for _, title in PROBLEMS.values()]
    assert len(set(titles)) == len(titles)


_STATUS = {ErrorCode.OVERLOADED: 429, ErrorCode.STORAGE_FULL: 507}


def test_what_is_not_there_for_now_says_when_to_ask_again() -> None:
    """Law 4: a clear 503; and a service that sheds load says how long to wait."""
    for code in ErrorCode:
        waits = retry_after_seconds(OnRecordError(code, "")) is not None
        unavailable = code.value.endswith("_unavailable") or code in _STATUS
        assert waits == unavailable
        if unavailable:
            assert http_status(code) == _STATUS.get(code, 503)
    shed = OnRecordError(ErrorCode.OVERLOADED, "", details={RETRY_AFTER_MS: 1001})
    assert retry_after_seconds(shed) == 2


def test_only_what_may_pass_is_tried_again() -> None:
    """A refusal by law, proof or person is never retried by a machine."""
    retried = {code for code, what in DISPOSITIONS.items() if what is Disposition.RETRY}
    assert retried == {
        ErrorCode.LEDGER_UNAVAILABLE,
        ErrorCode.PLANE_UNAVAILABLE,
        ErrorCode.DETECTION_UNAVAILABLE,
        ErrorCode.EMBEDDING_UNAVAILABLE,
        ErrorCode.INFERENCE_UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.OVERLOADED,
        ErrorCode.INTERNAL,
        ErrorCode.RECEIPT_GAP,
        ErrorCode.DATA_FOLDER_IN_USE,
        ErrorCode.OBJECTS_UNAVAILABLE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.DATABASE_UNAVAILABLE,
        ErrorCode.SCHEMA_MISMATCH,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.BUS_REBALANCED,
        ErrorCode.STORAGE_FULL,
    }


@pytest.mark.parametrize("code", [c for c in ErrorCode if c.value.startswith(("image_", "face_"))])
def test_an_image_that_cannot_be_used_is_an_outcome(code: ErrorCode) -> None:
    assert DISPOSITIONS[code] is Disposition.REJECT


@given(
    message=st.text(max_size=5000),
    field=st.none() | st.text(max_size=5000),
    details=st.dictionaries(st.text(max_size=50), st.text(max_size=500), max_size=20),
)
def test_no_error_is_too_long_for_a_trailer(
    message: str, field: str | None, details: dict[str, str | int]
) -> None:
    """gRPC refuses a response whose metadata exceed 8 KB: the error itself would be lost."""
    error = OnRecordError(ErrorCode.INTERNAL, message, field=field, details=details)
    assert len(trailer(error)[1]) <= 4096


def test_what_is_too_long_is_cut_and_what_is_not_is_whole() -> None:
    long = OnRecordError(
        ErrorCode.INTERNAL,
        "\U0001f600" * 5000,
        field="\U0001f600" * 5000,
        details={"a": "b" * 5000},
    )
    _, encoded = trailer(long)
    assert 1000 < len(encoded) <= 4096
    assert json.loads(encoded)["code"] == "internal"
    short = OnRecordError(ErrorCode.INTERNAL, "m" * 3000, field="f", details={"a": 1})
    assert json.loads(trailer(short)[1])["message"] == "m" * 3000


def test_text_that_has_no_utf8_does_not_lose_the_error() -> None:
    error = OnRecordError(ErrorCode.FIELD_INVALID, "half a pair: \ud800")
    assert status_text(error).startswith("field_invalid: half a pair")
    status_text(error).encode("utf-8")
    assert json.loads(trailer(error)[1])["message"] == error.message
    quoted = OnRecordError(
        ErrorCode.FIELD_UNKNOWN, "\ud800", field="a.\ud800", details={"\ud800": "\ud800"}
    )
    json.dumps(problem(quoted, "/v1/searches"), ensure_ascii=False).encode("utf-8")
