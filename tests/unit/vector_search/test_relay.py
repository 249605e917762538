"""The relay publishes for all who wait, and for nobody who has not been read (law 3)."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from onrecord.chassis.bus.ports import Message
from onrecord.chassis.database import open_database, write_transaction
from onrecord.contracts.events import ENROLMENT_REQUESTED, SEARCH_EXECUTED
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import unobserved
from onrecord.vector_search.app import open_roster
from onrecord.vector_search.roster import outbox, schema
from onrecord.vector_search.service.relay import Relay

SECONDS = 30.0


class SlowBus:
    """Takes a call's messages when it is let; `down` takes none."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.began = threading.Semaphore(0)
        self.may_go_on = threading.Semaphore(0)
        self.down = False

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        self.began.release()
        assert self.may_go_on.acquire(timeout=SECONDS)
        if self.down:
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus is down")
        self.calls.append([one.key for one in messages])

    def close(self) -> None:
        """Nothing is held open."""


class CountingLock:
    """A lock that tells how many have come to it."""

    def __init__(self) -> None:
        self.come = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.come.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Bench:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.roster: Engine = open_database(f"sqlite:///{folder / 'roster.db'}")
        schema.create_schema(self.roster)
        self.bus = SlowBus()
        self.relay = Relay(self.roster, self.bus, unobserved)
        self.lock = CountingLock()
        monkeypatch.setattr(self.relay, "_publishing", self.lock)
        self.reads = 0
        waiting = outbox.waiting

        def counted(*given: object) -> list[tuple[int, str]]:
            self.reads += 1
            return waiting(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(outbox, "waiting", counted)

    def queue(self, name: str) -> None:
        with write_transaction(self.roster) as tx:
            outbox.queue(tx, [Message("a topic", name, b"", {})])

    def flush(self) -> None:
        self.relay.flush(Deadline.after(SECONDS))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.roster.dispose()


def test_one_who_reads_later_publishes_for_all_who_wait(bench: Bench) -> None:
    """What is committed after a round was read is in the next one, and nobody reads a third."""
    bench.queue("first")
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(bench.flush)
        assert bench.bus.began.acquire(timeout=SECONDS)
        bench.queue("second")
        bench.queue("third")
        later = [pool.submit(bench.flush) for _ in range(2)]
        for _ in range(3):
            assert bench.lock.come.acquire(timeout=SECONDS)
        bench.bus.may_go_on.release(2)
        for one in (first, *later):
            one.result(SECONDS)
    assert bench.bus.calls == [["first"], ["second", "third"]]
    assert bench.reads == 2


def test_nobody_returns_on_a_round_that_failed(bench: Bench) -> None:
    """Law 3: where the first could not publish, the next tries again, and says so as well."""
    bench.queue("first")
    bench.bus.down = True
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(bench.flush) for _ in range(2)]
        for _ in range(2):
            assert bench.lock.come.acquire(timeout=SECONDS)
        bench.bus.may_go_on.release(2)
        for one in both:
            with pytest.raises(OnRecordError) as raised:
                one.result(SECONDS)
            assert raised.value.code is ErrorCode.BUS_UNAVAILABLE
    assert bench.bus.calls == []


class Replicas:
    """Two relays of one roster, as where two processes serve a plane."""

    def __init__(self, folder: Path) -> None:
        self.roster: Engine = open_database(f"sqlite:///{folder / 'roster.db'}")
        schema.create_schema(self.roster)
        self.now = 100.0
        self.buses = (SlowBus(), SlowBus())
        for bus in self.buses:
            bus.may_go_on.release(100)
        self.relays = [Relay(self.roster, one, unobserved, lambda: self.now) for one in self.buses]

    def queue(self, at: int, topic: str, name: str) -> None:
        with write_transaction(self.roster) as tx:
            self.relays[at].queue(tx, [Message(topic, name, b"", {})])

    def flush(self, at: int) -> list[list[str]]:
        """What that one published by it."""
        before = len(self.buses[at].calls)
        self.relays[at].flush(Deadline.after(SECONDS))
        return self.buses[at].calls[before:]


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.roster.dispose()


def test_a_portrait_is_sent_to_work_once_where_two_processes_serve_a_plane(
    replicas: Replicas,
) -> None:
    """R-42: redelivery is harmless, and dear: each repeats detection and embedding."""
    replicas.queue(0, ENROLMENT_REQUESTED, "theirs")
    replicas.queue(1, ENROLMENT_REQUESTED, "ours")
    assert replicas.flush(1) == [["ours"]]
    assert replicas.flush(0) == [["theirs"]]
    assert replicas.flush(1) == []


def test_what_another_process_let_lie_is_published(replicas: Replicas) -> None:
    """Law 3, R-22: one that died after its commit has its messages published by who is left."""
    replicas.queue(0, ENROLMENT_REQUESTED, "theirs")
    assert replicas.flush(1) == []
    replicas.now += 4.9
    assert replicas.flush(1) == []
    replicas.now += 0.2
    assert replicas.flush(1) == [["theirs"]]


def test_what_is_for_the_ledger_keeps_its_order_whoever_queued_it(replicas: Replicas) -> None:
    """Law 3: a receipt is not published before one of the same gallery that was stored before."""
    replicas.queue(0, SEARCH_EXECUTED, "the first")
    replicas.queue(1, SEARCH_EXECUTED, "the second")
    assert replicas.flush(1) == [["the first", "the second"]]


def test_a_receipt_behind_a_page_of_the_enrolments_of_another_is_published(
    replicas: Replicas,
) -> None:
    """Law 3: however much of what is not this relay's stands before it."""
    for number in range(600):
        replicas.queue(0, ENROLMENT_REQUESTED, f"theirs {number}")
    replicas.queue(1, SEARCH_EXECUTED, "the receipt")
    assert replicas.flush(1) == [["the receipt"]]


def test_much_that_was_let_lie_is_published_a_page_at_a_time(replicas: Replicas) -> None:
    """R-22: a database takes only so many numbers in one question."""
    names = [f"theirs {number}" for number in range(600)]
    for name in names:
        replicas.queue(0, ENROLMENT_REQUESTED, name)
    assert replicas.flush(1) == []
    replicas.now += 5.1
    pages = replicas.flush(1)
    assert [len(one) for one in pages] == [256, 256, 88]
    assert [name for one in pages for name in one] == names


def test_what_a_crash_left_behind_is_published_at_start(replicas: Replicas) -> None:
    """R-22: whose it was does not matter to one that starts."""
    replicas.queue(0, ENROLMENT_REQUESTED, "theirs")
    replicas.relays[1].start()
    try:
        assert replicas.buses[1].began.acquire(timeout=SECONDS)
    finally:
        replicas.relays[1].close()
    assert replicas.buses[1].calls == [["theirs"]]


def test_the_rosters_log_is_emptied_beside_the_commits_and_not_within_them(
    tmp_path: Path,
) -> None:
    """A search's commit does not wait until the pages of many searches are copied and synced."""
    database = tmp_path / "roster.db"
    roster = open_roster(f"sqlite:///{database}")
    large = bytes(64 * 1024)
    for number in range(100):  # 1,600 pages and more: SQLite itself would begin at 1,000
        with write_transaction(roster) as tx:
            outbox.queue(tx, [Message("a topic", str(number), large, {})])
    written = 100 * len(large)
    assert database.stat().st_size < written / 2
    bus = SlowBus()
    bus.may_go_on.release(100)
    relay = Relay(roster, bus, unobserved)
    relay.start()
    try:
        until = time.monotonic() + SECONDS
        while database.stat().st_size < written:
            assert time.monotonic() < until, "the log is not emptied"
            threading.Event().wait(0.01)
    finally:
        relay.close()
        roster.dispose()
