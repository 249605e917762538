"""R-25: time to a hundredth of a second, in UTC, in one form."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock, format_time, parse_time


def test_the_form() -> None:
    assert format_time(datetime(2026, 11, 23, 6, 30, 0, 129_999, UTC)) == "2026-11-23T06:30:00.12Z"
    mountain = timezone(timedelta(hours=-7))
    assert format_time(datetime(2026, 11, 22, 23, 30, tzinfo=mountain)) == "2026-11-23T06:30:00.00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_to_the_hundredth_and_sorts_as_text(instant: datetime) -> None:
    text = format_time(instant)
    assert timedelta(0) <= instant - parse_time(text) < timedelta(milliseconds=10)
    assert parse_time(text).tzinfo is not None
    assert (text < "2026-11-23T06:30:00.12Z") == (
        parse_time(text) < parse_time("2026-11-23T06:30:00.12Z")
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T06:30:00Z",
        "2026-11-23T06:30:00.1Z",
        "2026-11-23T06:30:00.123Z",
        "2026-11-23T06:30:00.12",
        "2026-11-23T06:30:00.12z",
        "2026-11-23t06:30:00.12Z",
        "2026-11-23 06:30:00.12Z",
        "2026-11-23T06:30:00.12+00:00",
        "2026-11-23T06:30:00,12Z",
        "2026-13-23T06:30:00.12Z",
        "2026-02-30T06:30:00.12Z",
        "2026-11-23T24:00:00.00Z",
        "2026-12-31T23:59:60.00Z",
        "2026-11-23T06:30:00.12Z\n",
        "٢٠٢٦-11-23T06:30:00.12Z",
    ],
)
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        parse_time(text)
    assert refused.value.code is ErrorCode.FIELD_INVALID


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 11, 23))


def test_the_machines_clock_tells_its_zone() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
