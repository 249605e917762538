"""R-43: what is measured is declared, bounded, and told though a part of it fails."""

import logging
from pathlib import Path

import pytest

from onrecord.chassis.telemetry import Exposition, Label, Meter, Reading, Value
from onrecord.cli.metrics import meters_of, page
from onrecord.kernel.vocabulary import Service


@pytest.fixture
def meter() -> Meter:
    return Meter("a subject")


def text(meter: Meter, *readings: Reading) -> str:
    failures = meter.counter("failed_total", "readings", (Label("reading", "which"),))
    return Exposition((meter,), readings, failures).text().decode()


def test_what_was_counted_is_told(meter: Meter) -> None:
    seen = meter.counter("seen_total", "How many.", (Label("kind", "which", ("a", "b")),))
    took = meter.histogram("took_seconds", "How long.", buckets=(0.1, 1.0))
    seen.add(kind="a")
    seen.add(2, kind="a")
    took.observe(0.5)
    with pytest.raises(ValueError, match="as it is"), took.timed():
        raise ValueError("as it is")
    told = text(meter)
    assert 'onrecord_seen_total{kind="a"} 3.0' in told
    assert 'onrecord_took_seconds_bucket{le="1.0"} 2.0' in told
    assert "onrecord_took_seconds_count 2.0" in told


def test_what_never_happened_is_told_at_zero_where_its_labels_are_declared(meter: Meter) -> None:
    """Prometheus sees no increase in a series that appears: the first alarm would go unseen."""
    meter.counter("alarms_total", "x", (Label("what", "which", ("a", "b")),))
    meter.counter("by_gallery_total", "x", (Label("gallery", "which"),))
    told = text(meter)
    assert 'onrecord_alarms_total{what="a"} 0.0' in told
    assert 'onrecord_alarms_total{what="b"} 0.0' in told
    assert "onrecord_by_gallery_total{" not in told


def test_a_label_says_what_is_declared_and_nothing_else(meter: Meter) -> None:
    """A value that strangers choose never becomes a series."""
    closed = meter.counter("closed_total", "x", (Label("kind", "which", ("a",)),))
    opened = meter.counter("opened_total", "x", (Label("gallery", "which", most=3),))
    for n in range(1000):
        closed.add(kind=f"stranger-{n}")
        opened.add(gallery=f"US-{n}")
    told = text(meter)
    assert 'onrecord_closed_total{kind="other"} 1000.0' in told
    assert "stranger" not in told
    assert told.count("onrecord_opened_total{") == 4
    assert 'onrecord_opened_total{gallery="other"} 997.0' in told


def test_labels_may_be_given_in_any_order_but_not_others(meter: Meter) -> None:
    both = meter.counter("x_total", "x", (Label("a", "a", ("1",)), Label("b", "b", ("2",))))
    both.add(a="1", b="2")
    both.add(b="2", a="1")
    assert 'onrecord_x_total{a="1",b="2"} 2.0' in text(meter)
    with pytest.raises(TypeError):
        both.add(a="1")
    with pytest.raises(TypeError):
        both.add(a="1", c="2")


def test_a_gauge_stands_where_it_stands_when_it_is_asked(meter: Meter) -> None:
    age = meter.gauge("age_seconds", "How old.", (Label("gallery", "which"),), "seconds")
    now = 1.0
    shelf = Reading("ages", lambda: [Value(age, now, {"gallery": "US-UT"})])
    failures = meter.counter("failed_total", "readings", (Label("reading", "which"),))
    exposition = Exposition((meter,), (shelf,), failures)
    assert b'onrecord_age_seconds{gallery="US-UT"} 1.0' in exposition.text()
    now = 2.0
    assert b'onrecord_age_seconds{gallery="US-UT"} 2.0' in exposition.text()


def test_a_reading_that_fails_is_counted_and_silences_no_other(
    meter: Meter, caplog: pytest.LogCaptureFixture
) -> None:
    gauge = meter.gauge("depth", "x")

    def away() -> list[Value]:
        raise ConnectionError("the database is away")

    with caplog.at_level(logging.WARNING):
        told = text(meter, Reading("away", away), Reading("there", lambda: [Value(gauge, 7)]))
    assert "onrecord_depth 7.0" in told
    assert 'onrecord_failed_total{reading="away"} 1.0' in told
    assert "the reading of away failed" in caplog.text


def test_the_page_of_metrics_is_current() -> None:
    root = Path(__file__).resolve().parents[3]
    assert (root / "docs" / "metrics.md").read_text("utf-8") == page(), (
        "run `onrecord metrics document > docs/metrics.md`"
    )


def test_names_and_units_follow_prometheus() -> None:
    """Names end in their unit, counters in `_total`, each name is declared once, and no label
    names a person, a case, a record or an image.
    """
    seen = set()
    for meter in meters_of(tuple(Service)):
        for one in meter.instruments:
            assert one.name not in seen
            seen.add(one.name)
            assert one.name.startswith("onrecord_")
            assert (one.kind == "counter") == one.name.endswith("_total"), one.name
            if one.unit and one.kind != "counter":
                assert one.name.endswith(f"_{one.unit}"), one.name
            assert one.says.endswith("."), one.name
            for label in one.labels:
                assert label.name not in {"person", "case", "record", "agency", "search", "image"}
                assert label.values is not None or label.most <= 128
