"""R-43: a line an event, for people or for collectors; both name the trace that it belongs to."""

import json
import logging
from collections.abc import Iterator

import pytest

from onrecord.chassis.logs import prepare_log
from onrecord.chassis.telemetry import TraceSettings, current_ids, span, start_tracing


@pytest.fixture
def own_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The root logger without pytest's handlers, which preparing it would close."""
    was = logging.root.level
    monkeypatch.setattr(logging.root, "handlers", [])
    tracing = start_tracing("test", "1", TraceSettings())
    yield
    tracing.close()
    logging.root.setLevel(was)


@pytest.mark.usefixtures("own_root")
def test_for_collectors_each_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    prepare_log(form="json", service="audit", ids=current_ids)
    log = logging.getLogger("onrecord.test")
    log.info("one\nof two lines", extra={"request_id": "r-1"})
    with span("outer"):
        ids = current_ids()
        assert ids is not None
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("it failed")
    outside, inside = map(json.loads, capsys.readouterr().err.splitlines())
    assert outside["time"].endswith("Z")
    assert (outside["level"], outside["service"], outside["logger"], outside["message"]) == (
        "INFO",
        "audit",
        "onrecord.test",
        "one\nof two lines",
    )
    assert outside["request_id"] == "r-1"
    assert "trace_id" not in outside
    assert (inside["trace_id"], inside["span_id"]) == ids
    assert "ValueError: broken" in inside["exception"]


@pytest.mark.usefixtures("own_root")
def test_for_people_the_trace_stands_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    prepare_log(ids=current_ids)
    log = logging.getLogger("onrecord.test")
    log.info("outside")
    with span("outer"):
        ids = current_ids()
        assert ids is not None
        log.info("inside")
    outside, inside = capsys.readouterr().err.splitlines()
    assert outside.endswith("INFO    onrecord.test: outside")
    assert inside.endswith(f"onrecord.test: inside trace={ids[0]}")
