"""R-7: every field of a request is read strictly, and what is wrong is named."""

import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import OffenceTier, ProbeKind, Purpose
from tests.builders.audit import REQUEST

_ABSENT = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """`REQUEST` with the field at `path` replaced, or left out."""
    request = copy.deepcopy(REQUEST)
    *outer, last = path.split(".")
    place = request
    for name in outer:
        place = place[name]
    if value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    return request


@pytest.mark.parametrize(
    ("emergency", "code", "field"),
    [
        ({}, ErrorCode.FIELD_MISSING, "emergency.facts"),
        ({"facts": ""}, ErrorCode.FIELD_INVALID, "emergency.facts"),
        ({"facts": None}, ErrorCode.FIELD_INVALID, "emergency.facts"),
        ({"facts": "x" * 4001}, ErrorCode.FIELD_TOO_LONG, "emergency.facts"),
        ({"facts": "now", "judge": "asleep"}, ErrorCode.FIELD_UNKNOWN, "emergency.judge"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_an_emergency_states_its_facts(emergency: Any, code: ErrorCode, field: str) -> None:
    """R-10."""
    error = refusal(changed("emergency", emergency))
    assert (error.code, error.field) == (code, field)


def test_an_emergency_is_read() -> None:
    """R-10."""
    assert parse_request(REQUEST).emergency is None
    assert parse_request(changed("emergency", _ABSENT)).emergency is None
    facts = "A child was taken.\nNo judge is to be had."
    read = parse_request(changed("emergency", {"facts": facts})).emergency
    assert read is not None and read.facts == facts


def refusal(request: Any) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        parse_request(request)
    return caught.value


def test_a_whole_request_is_read() -> None:
    request = parse_request(REQUEST)
    assert request.purpose is Purpose.CRIMINAL_INVESTIGATION
    assert request.offence.tier is OffenceTier.VIOLENT_FELONY
    assert request.probe.captured_at == datetime(2026, 11, 2, 21, 14, tzinfo=UTC)
    assert request.galleries == ("US-UT",)
    assert request.list_size == 5


REQUIRED = [
    "case_number",
    "purpose",
    "role_sought",
    "offence",
    "offence.statute",
    "offence.tier",
    "suspicion",
    "federal_ground",
    "beneficiary_agency",
    "narrative",
    "instrument",
    "instrument.type",
    "probe",
    "probe.kind",
    "probe.source",
    "probe.authority",
    "probe.captured_at",
    "galleries",
]


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_field_is_named(path: str) -> None:
    error = refusal(changed(path, _ABSENT))
    assert (error.code, error.field) == (ErrorCode.FIELD_MISSING, path)


@pytest.mark.parametrize("path", [*REQUIRED, "list_size", "probe.edits"])
def test_null_is_no_value(path: str) -> None:
    error = refusal(changed(path, None))
    assert (error.code, error.field) == (ErrorCode.FIELD_INVALID, path)


@pytest.mark.parametrize("path", ["list_size", "emergency", "probe.edits"])
def test_three_fields_may_be_left_out(path: str) -> None:
    request = parse_request(changed(path, _ABSENT))
    assert request.list_size == (20 if path == "list_size" else 5)


@pytest.mark.parametrize("path", ["extra", "offence.extra", "probe.extra", "instrument.extra"])
def test_an_unknown_field_is_named(path: str) -> None:
    error = refusal(changed(path, 1))
    assert (error.code, error.field) == (ErrorCode.FIELD_UNKNOWN, path)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("case_number", "x" * 65, ErrorCode.FIELD_TOO_LONG),
        ("narrative", "x" * 4001, ErrorCode.FIELD_TOO_LONG),
        ("narrative", "x" * 100_000, ErrorCode.FIELD_TOO_LONG),
        ("offence.statute", "x" * 201, ErrorCode.FIELD_TOO_LONG),
        ("narrative", "a\x00b", ErrorCode.FIELD_INVALID),
        ("narrative", "a\x1b[2Jb", ErrorCode.FIELD_INVALID),
        ("narrative", "a\u202eb", ErrorCode.FIELD_INVALID),
        ("narrative", "a\ud800b", ErrorCode.FIELD_INVALID),
        ("case_number", "a\nb", ErrorCode.FIELD_INVALID),
        ("case_number", "   ", ErrorCode.FIELD_INVALID),
        ("case_number", 7, ErrorCode.FIELD_INVALID),
        ("purpose", "religion", ErrorCode.FIELD_INVALID),
        ("purpose", ["criminal_investigation"], ErrorCode.FIELD_INVALID),
        ("offence", "robbery", ErrorCode.FIELD_INVALID),
        ("offence.statute", "", ErrorCode.FIELD_INVALID),
        ("beneficiary_agency", "Salt Lake City PD", ErrorCode.FIELD_INVALID),
        ("emergency", "now", ErrorCode.FIELD_INVALID),
        ("emergency", True, ErrorCode.FIELD_INVALID),
        ("probe.captured_at", "2026-11-02T21:14:00", ErrorCode.FIELD_INVALID),
        ("probe.captured_at", "2026-11-31T21:14:00Z", ErrorCode.FIELD_INVALID),
        ("probe.captured_at", "yesterday", ErrorCode.FIELD_INVALID),
        ("probe.captured_at", 1790000000, ErrorCode.FIELD_INVALID),
        ("galleries", [], ErrorCode.FIELD_INVALID),
        ("galleries", "US-UT", ErrorCode.FIELD_INVALID),
        ("galleries", ["US-UT", "US-UT"], ErrorCode.FIELD_INVALID),
        ("galleries", ["US-UT"] * 61, ErrorCode.FIELD_INVALID),
        ("list_size", 1, ErrorCode.LIST_SIZE_OUT_OF_RANGE),
        ("list_size", 51, ErrorCode.LIST_SIZE_OUT_OF_RANGE),
        ("list_size", 10**30, ErrorCode.LIST_SIZE_OUT_OF_RANGE),
        ("list_size", True, ErrorCode.FIELD_INVALID),
        ("list_size", 20.0, ErrorCode.FIELD_INVALID),
        ("list_size", "20", ErrorCode.FIELD_INVALID),
    ],
)
def test_what_is_wrong_with_a_field_has_a_code(path: str, value: Any, code: ErrorCode) -> None:
    error = refusal(changed(path, value))
    assert (error.code, error.field) == (code, path)


@pytest.mark.parametrize("gallery", ["US-ZZ", "us-ut", "UT", "US-UTT", "DE-BY"])
def test_an_unknown_jurisdiction_has_its_own_code(gallery: str) -> None:
    error = refusal(changed("galleries", ["US-UT", gallery]))
    assert (error.code, error.field) == (ErrorCode.JURISDICTION_UNKNOWN, "galleries[1]")


@pytest.mark.parametrize("value", [[], "text", None, 3])
def test_a_request_is_an_object(value: Any) -> None:
    assert refusal(value).code is ErrorCode.REQUEST_MALFORMED


def test_lists_of_2_and_50_and_lines_in_the_narrative_are_fine() -> None:
    """R-13: two to fifty."""
    assert parse_request(changed("list_size", 2)).list_size == 2
    assert parse_request(changed("list_size", 50)).list_size == 50
    assert parse_request(changed("narrative", "a\n\tb")).narrative == "a\n\tb"
    assert len(parse_request(changed("narrative", "x" * 4000)).narrative) == 4000


def test_the_zone_of_a_capture_time_is_kept() -> None:
    request = parse_request(changed("probe.captured_at", "2026-11-02T21:14:00.25-07:00"))
    zone = timezone(timedelta(hours=-7))
    assert request.probe.captured_at == datetime(2026, 11, 2, 21, 14, 0, 250_000, zone)


def test_without_an_offence_no_statute_is_needed() -> None:
    """R-7: none for missing, deceased, unidentified."""
    request = parse_request(changed("offence", {"statute": "", "tier": "none"}))
    assert request.offence.statute == ""


def test_other_kinds_of_probe_are_read_because_policy_refuses_them_on_the_record() -> None:
    """R-11."""
    for kind in ProbeKind:
        assert parse_request(changed("probe.kind", kind.value)).probe.kind is kind


def test_an_instrument_other_than_none_is_named_in_full() -> None:
    warrant = {"type": "search_warrant", "issuer": "Third District", "number": "1", "date": ""}
    error = refusal(changed("instrument", warrant))
    assert (error.code, error.field) == (ErrorCode.FIELD_INVALID, "instrument.date")
    request = parse_request(changed("instrument", {**warrant, "date": "2026-11-02"}))
    assert request.instrument.issuer == "Third District"
    error = refusal(changed("instrument", {"type": "search_warrant"}))
    assert (error.code, error.field) == (ErrorCode.FIELD_MISSING, "instrument.issuer")


def test_edits_keep_the_hash_of_the_original() -> None:
    """R-11."""
    edit = {"what": "crop", "tool": "GIMP", "original_sha256": "ab" * 32}
    assert parse_request(changed("probe.edits", [edit])).probe.edits[0].what == "crop"
    error = refusal(changed("probe.edits", [{**edit, "original_sha256": "AB" * 32}]))
    assert error.field == "probe.edits[0].original_sha256"
    error = refusal(changed("probe.edits", [{**edit, "more": 1}]))
    assert (error.code, error.field) == (ErrorCode.FIELD_UNKNOWN, "probe.edits[0].more")
    assert refusal(changed("probe.edits", [edit] * 21)).field == "probe.edits"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from([*REQUIRED, "list_size", "emergency", "probe.edits"]), _JSON)
def test_any_value_is_read_or_refused_with_a_code(path: str, value: Any) -> None:
    try:
        parse_request(changed(path, value))
    except OnRecordError as error:
        assert error.field or error.code is ErrorCode.REQUEST_MALFORMED


@pytest.mark.parametrize("invisible", ["\u200b", "\u200d", "\u2060", "\u00ad", "\ufeff"])
def test_no_two_case_numbers_look_alike_by_what_nobody_sees(invisible: str) -> None:
    """R-9, R-15: quotas and the case team hang on the case number; prose may need a joiner."""
    error = refusal(changed("case_number", f"SLC-2026{invisible}-004182"))
    assert (error.code, error.field) == (ErrorCode.FIELD_INVALID, "case_number")
    parse_request(changed("narrative", f"A shop{invisible} was robbed."))
