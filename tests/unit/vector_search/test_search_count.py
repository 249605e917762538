"""R-23: the search engine's own count of searches agrees with the plane's, or an alarm says not."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.adapters.milvus_metrics import MilvusMetrics
from onrecord.vector_search.app import PlaneSettings, build_plane, open_roster
from onrecord.vector_search.core.search_count import Comparison, OwnCount
from onrecord.vector_search.core.values import IndexHit, IndexSpace
from onrecord.vector_search.service.search_count import CountedIndex, SearchWatch
from tests.builders.index import ExactIndex
from tests.builders.plane import build_world, face, near
from tests.unit.vector_search.conftest import Refused

# As Milvus 2.3.5 told it after four searches with seven vectors, shortened to some series.
RECORDED = (Path(__file__).parent / "milvus_metrics.txt").read_text("utf-8")
_SERIES = 'milvus_proxy_search_vectors_count{node_id="1"} 7'
SPACE = IndexSpace("US-UT", "m@1+fp32:0123456789abcdef", 2, Metric.IP)
VECTOR = np.array([1.0, 0.0], dtype=np.float32)


@dataclass
class _Engine:
    """A proxy that tells its metrics over HTTP, as recorded but for the count."""

    count: int = 7
    text: str = RECORDED
    status: int = 200
    address: str = ""
    searched: list[int] = field(default_factory=list)

    def told(self) -> bytes:
        return self.text.replace(_SERIES, _SERIES.replace(" 7", f" {self.count}")).encode()


@pytest.fixture
def engine() -> Iterator[_Engine]:
    made = _Engine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = made.told()
            self.send_response(made.status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """A test prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.address = f"http://127.0.0.1:{server.server_port}/metrics"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class _CountingIndex(ExactIndex):
    """An index whose engine counts what it is asked."""

    def __init__(self, engine: _Engine) -> None:
        super().__init__()
        self._engine = engine

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        self._engine.count += 1
        return []


def _soon() -> Deadline:
    return Deadline.after(30)


def test_searches_through_the_plane_agree_and_one_behind_it_is_an_alarm(
    engine: _Engine, caplog: pytest.LogCaptureFixture
) -> None:
    index = CountedIndex(_CountingIndex(engine))
    watch = SearchWatch(index, MilvusMetrics([engine.address]))
    assert watch.check(_soon()) == 0
    for _ in range(3):
        index.search(SPACE, VECTOR, 5, _soon())
    assert watch.check(_soon()) == 0
    assert caplog.records == []
    engine.count += 2
    assert watch.check(_soon()) == 2
    assert "ALARM search_count" in caplog.text
    assert watch.check(_soon()) == 0, "each is told of once"
    index.search(SPACE, VECTOR, 5, _soon())
    engine.count += 1
    assert watch.check(_soon()) == 1


def test_an_engine_that_begins_anew_is_told_of(
    engine: _Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Who starts the engine again hides what was searched since the last reading: it is said."""
    watch = SearchWatch(CountedIndex(ExactIndex()), MilvusMetrics([engine.address]))
    watch.check(_soon())
    engine.count = 3
    assert watch.check(_soon()) == 0
    assert "count anew" in caplog.text
    caplog.clear()
    engine.text = engine.text.replace("1.7954415251e+09", "1.8e+09")
    assert watch.check(_soon()) == 0
    assert "count anew" in caplog.text
    engine.count += 1
    assert watch.check(_soon()) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, RECORDED),
        (200, "<html>not here</html>"),
        (200, RECORDED.replace(_SERIES, _SERIES[:-1] + "x")),
    ],
)
def test_an_engine_that_does_not_tell_is_an_error_in_the_log(
    engine: _Engine, caplog: pytest.LogCaptureFixture, status: int, text: str
) -> None:
    engine.status, engine.text = status, text
    watch = SearchWatch(CountedIndex(ExactIndex()), MilvusMetrics([engine.address]))
    assert watch.check(_soon()) == 0
    (said,) = caplog.records
    assert said.levelno == logging.ERROR
    assert "cannot be read" in said.message


def test_what_is_read_is_what_milvus_told(engine: _Engine, refused: Refused) -> None:
    """Several proxies are added up; one that has not searched yet shows no such series."""
    one = MilvusMetrics([engine.address]).read(_soon())
    assert (one.started, one.vectors) == ("1.7954415251e+09", 7)
    assert MilvusMetrics([engine.address] * 2).read(_soon()).vectors == 14
    engine.text = "\n".join(line for line in RECORDED.splitlines() if _SERIES not in line)
    assert MilvusMetrics([engine.address]).read(_soon()).vectors == 0
    engine.text = RECORDED.replace(
        _SERIES,
        'milvus_proxy_search_vectors_count{db_name="a",collection_name="x}y",node_id="1"} 5\n'
        'milvus_proxy_search_vectors_count{db_name="b",node_id="1"} 1e+01 1395066363000',
    )
    assert MilvusMetrics([engine.address]).read(_soon()).vectors == 15
    for wrong in ([], ["ftp://x/metrics"], [engine.address, "file:///etc/passwd"]):
        with pytest.raises(ValueError, match="http"):
            MilvusMetrics(wrong)
    past = Deadline.after(0)
    refused(ErrorCode.DEADLINE_EXCEEDED, lambda: MilvusMetrics([engine.address]).read(past))


class _Failing(ExactIndex):
    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "no")


def test_a_search_that_fails_has_begun_and_ended() -> None:
    index = CountedIndex(_Failing())
    with pytest.raises(OnRecordError):
        index.search(SPACE, VECTOR, 1, _soon())
    assert index.searches == OwnCount(1, 1)


_STEPS = st.lists(st.sampled_from(["begin", "count", "end", "read"]), max_size=60)


@given(_STEPS)
def test_however_our_own_searches_overlap_with_readings_nobody_is_accused(
    steps: list[str],
) -> None:
    """The engine counts a search somewhere between our call and its answer."""
    comparison = Comparison()
    begun = counted = ended = 0
    for step in [*steps, "read"]:
        if step == "begin":
            begun += 1
        elif step == "count" and counted < begun:
            counted += 1
        elif step == "end" and ended < counted:
            ended += 1
        elif step == "read":
            own = OwnCount(begun, ended)
            assert comparison.strangers(own, "start", counted, own) == 0


@given(st.integers(1, 5), _STEPS)
def test_strange_searches_are_all_seen_once_ours_have_ended(strange: int, steps: list[str]) -> None:
    comparison = Comparison()
    comparison.strangers(OwnCount(0, 0), "start", 10, OwnCount(0, 0))
    begun = 0
    seen = 0
    for step in steps:
        begun += step == "begin"
        if step == "read":
            own = OwnCount(begun, begun)
            seen += comparison.strangers(own, "start", 10 + begun, own)
    own = OwnCount(begun, begun)
    assert seen == 0
    assert comparison.strangers(own, "start", 10 + begun + strange, own) == strange


def test_a_plane_that_is_told_where_compares_while_it_works(engine: _Engine, folder: Path) -> None:
    """Through the plane as it is put together: its own searches agree, another's do not."""
    world = build_world(folder / "others")
    world.plane.close()
    index = _CountingIndex(engine)
    told = PlaneSettings(
        roster_url=f"sqlite:///{folder / 'roster.db'}",
        milvus=str(folder / "vectors.db"),
        keys=folder / "keys",
        milvus_metrics=(engine.address,),
    )
    plane = build_plane(
        told,
        name="utah-plane",
        vault=world.vault,
        ingest=world.ingest,
        tokens=world.tokens,
        publisher=world.publisher,
        attestor=world.attestors[Service.VECTOR_SEARCH],
        verifier=world.verifier,
        ledger_key=world.ledger.key,
        ledger=world.proofs,
        clock=world.clock,
        index=index,
    )
    world.hand_over_to(plane, open_roster(told.roster_url))
    world.open_gallery()
    assert plane.watches_searches
    assert plane.strange_searches(_soon()) == 0
    counted = engine.count
    world.ask(world.grant(), near(face(2), 1))
    assert engine.count == counted + 1
    assert plane.strange_searches(_soon()) == 0
    index.search(SPACE, VECTOR, 5, _soon())
    assert plane.strange_searches(_soon()) == 1
    plane.close()
