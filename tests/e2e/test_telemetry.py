"""R-43: one trace for a search and one for an enrolment, metrics that move, and nobody in them."""

import json
import re

import httpx
import pytest

from onrecord.chassis.telemetry.tracing import ATTRIBUTES
from onrecord.kernel.vocabulary import Service
from tests.builders import e2e_people as people
from tests.builders.e2e_kept import said_by_parts
from tests.builders.e2e_scene import UTAH, Scene
from tests.builders.e2e_server import Server, Serving, said
from tests.builders.otlp import Collector, Sent

SEARCH = "POST /v1/searches"
ENROL = "PUT /v1/galleries/{gallery}/records/{record_id:path}"
NARRATIVE = "A vermilion accordion was heard in the stairwell."


def names(tree: list[Sent]) -> set[str]:
    return {one.name for one in tree}


def assert_one_tree(tree: list[Sent], root: str) -> None:
    """Every span hangs from another of the same trace, up to the one it began with."""
    identities = {one.identity for one in tree}
    roots = [one for one in tree if not one.parent]
    assert [one.name for one in roots] == [root]
    assert all(one.parent in identities for one in tree if one.parent)


def parent_of(name: str, tree: list[Sent]) -> set[str]:
    by_identity = {one.identity: one.name for one in tree}
    return {by_identity[one.parent] for one in tree if one.name == name and one.parent}


def metrics(server: Serving) -> str:
    return "\n".join(httpx.get(address, timeout=30).text for address in server.metrics)


def value(text: str, series: str) -> float:
    """The sum of a series over all processes; `series` is a regular expression."""
    found = re.findall(rf"^{series} (\S+)$", text, re.MULTILINE)
    assert found, f"no {series}"
    return sum(float(one) for one in found)


def complete(tree: list[Sent]) -> bool:
    """Whether every span's parent has come: each process sends its own, every few seconds."""
    return {one.parent for one in tree} - {one.identity for one in tree} == {""}


def test_a_search_is_one_trace(scene: Scene, server: Serving, collector: Collector) -> None:
    """HTTP, the four stages, gRPC where there is any, inference, and the bus to the ledger."""
    sought = scene.enrolled[3]
    scene.search(sought.probe(2), narrative=NARRATIVE)
    apart = not isinstance(server, Server)
    wanted = {"authorise", "detect", "embed", "gallery", "inference"}
    wanted |= {"consume onrecord.search.executed.v1"}
    services = {one.value for one in Service} if apart else {"up"}

    def whole() -> list[Sent] | None:
        for tree in reversed(collector.trees(SEARCH)):
            sent_by = {one.service for one in tree}
            if complete(tree) and wanted <= names(tree) and sent_by == services:
                return tree
        return None

    collector.wait_for(whole)
    tree = whole()
    assert tree is not None
    assert_one_tree(tree, SEARCH)
    if apart:
        assert parent_of("Audit/Authorize", tree) == {"authorise"}
        assert parent_of("Detection/Detect", tree) == {"detect"}
        assert parent_of("VectorSearch/SearchGalleries", tree) == {"gallery"}
        assert parent_of("inference", tree) <= {"Detection/Detect", "Embedding/Embed"}
    else:
        assert parent_of("inference", tree) <= {"detect", "embed"}


def test_an_enrolment_is_one_trace(scene: Scene, server: Serving, collector: Collector) -> None:
    """From the custodian's call over every topic to the record that is live."""
    sitter = scene.enrolled[4]
    with people.client(scene.installation, people.custodian(UTAH)) as client:
        client.enrol(UTAH, f"UT-LICENCE-traced-{type(server).__name__}", sitter.portrait)
    steps = {
        f"consume onrecord.{topic}.v1"
        for topic in ("enrolment.requested", "face.detected", "face.embedded", "record.enrolled")
    }
    apart = not isinstance(server, Server)

    def whole() -> list[Sent] | None:
        for tree in reversed(collector.trees(ENROL)):
            sent_by = {one.service for one in tree}
            if complete(tree) and steps <= names(tree) and (sent_by != {"up"}) == apart:
                return tree
        return None

    collector.wait_for(whole)
    tree = whole()
    assert tree is not None
    assert_one_tree(tree, ENROL)
    assert parent_of("consume onrecord.face.detected.v1", tree) == {
        "consume onrecord.enrolment.requested.v1"
    }
    assert parent_of("consume onrecord.face.embedded.v1", tree) == {
        "consume onrecord.face.detected.v1"
    }


def test_metrics_move(scene: Scene, server: Serving) -> None:
    """Every service tells what it did: requests, stages, inference, galleries, the ledger."""
    before = metrics(server)
    scene.search(scene.enrolled[5].probe(1))
    after = metrics(server)

    def more(series: str) -> float:
        was = re.findall(rf"^{series} (\S+)$", before, re.MULTILINE)
        return value(after, series) - sum(float(one) for one in was)

    stage = 'onrecord_search_stage_seconds_count{stage="%s"}'
    for name in ("authorise", "detect", "embed", "gallery"):
        assert more(re.escape(stage % name)) >= 1, name
    posted = r'onrecord_request_seconds_count\{method="POST /v1/searches",outcome="ok",service=.*\}'
    assert more(posted) >= 1
    assert more(r'onrecord_ledger_entries_total\{kind="request.granted"\}') >= 1
    assert more(r"onrecord_inference_seconds_count\{.*\}") >= 2
    assert more(r'onrecord_index_search_seconds_count\{gallery="US-UT"\}') >= 1
    assert value(after, r'onrecord_gallery_records\{gallery="US-UT"\}') >= len(scene.enrolled)
    assert value(after, "onrecord_grants_without_end") == 0
    assert value(after, r'onrecord_policy_expiry_seconds\{gallery="US-UT"\}') > 0
    failed = re.findall(r"^onrecord_readings_failed_total\{.*\} (\S+)$", after, re.MULTILINE)
    assert sum(float(one) for one in failed) == 0, after


def test_nobody_is_in_traces_metrics_or_logs(
    scene: Scene, server: Serving, collector: Collector
) -> None:
    """A whole run's: no record id, person, case, narrative, token, address of a search."""
    who = people.investigator()
    search = scene.search(
        scene.enrolled[6].probe(), by=who, narrative=NARRATIVE, case_number="26-VERMILION"
    )
    collector.wait_for(lambda: collector.trees(SEARCH))
    with collector.changed:
        assert {key for one in collector.spans for key in one.attributes} <= ATTRIBUTES
    sent, told, parts = collector.text(), metrics(server), said_by_parts(server)
    for secret in (who.person, NARRATIVE, "26-VERMILION", search.search_id, "LICENCE", "eyJ"):
        assert secret not in sent, secret
        assert secret not in told, secret
        assert secret == search.search_id or secret not in said(server), secret
        assert secret not in parts, secret


def test_logs_are_structured(server: Serving) -> None:
    """An object a line, where that was asked for."""
    if isinstance(server, Server):
        pytest.skip("`onrecord up` speaks to people")
    written = [log.read_text("utf-8").rpartition("\n")[0] for log in server.logs]
    lines = [line for one in written for line in one.split("\n") if line]  # none half written
    assert len(lines) >= len(server.logs)
    for line in lines:
        assert {"time", "level", "service", "logger", "message"} <= set(json.loads(line)), line


def test_series_are_bounded(server: Serving) -> None:
    """Label values are those that are declared: a route that nobody has is `other`, or one word."""
    address = server.installation.address
    for n in range(200):
        httpx.get(f"{address}/v1/nothing-{n}", timeout=30)
    told = metrics(server)
    assert "nothing-" not in told
    methods = set(re.findall(r'onrecord_request_seconds_count\{method="([^"]+)"', told))
    assert "no such route" in methods
    assert len(methods) < 128
