"""Two gateways on one casework: a client that repeats itself, and clients that read on."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.gateway.core.changes import ChangeNews
from onrecord.gateway.store import CaseworkStore, open_casework
from onrecord.gateway.store.changes import ChangeStore
from onrecord.gateway.store.events import custodian
from tests.builders.gateway import Office, build_office

EVENTS = 40


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[tuple[Office, Office]]:
    """One office, and the same once more: another pool of connections, as in another process."""
    first = build_office(tmp_path)
    second = first.restarted()
    yield first, second
    for one in (first, second):
        one.parts.database.dispose()


def stores(offices: tuple[Office, Office]) -> list[CaseworkStore]:
    return [open_casework(one.parts.database, one.clock) for one in offices]


def test_one_key_at_two_gateways_is_one_search(offices: tuple[Office, Office]) -> None:
    """R-9, R-40: the client's repeat reaches the other one while the first is still at work."""
    start = threading.Barrier(4)

    def ask(number: int) -> tuple[int, str]:
        start.wait()
        answer = offices[number % 2].search(key="the-same")
        return answer.status_code, answer.json().get("search_id", answer.text)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert {search_id for _, search_id in found} == {found[0][1]}, found
    with read_transaction(offices[0].parts.database) as connection:
        rows = connection.execute(text("SELECT status FROM searches")).scalars().all()
    assert rows == ["sealed"]


def test_who_reads_events_by_their_ids_misses_none(offices: tuple[Office, Office]) -> None:
    """R-40: an id that can be read has no smaller one behind it that cannot be read yet."""
    both = stores(offices)
    done = threading.Event()

    def write(store: CaseworkStore, engine_of: Office) -> None:
        for number in range(EVENTS):
            with write_transaction(engine_of.parts.database) as connection:
                store.events.add(connection, custodian("US-UT"), "chunk.closed", f"{number}", {})

    def read() -> list[int]:
        seen: list[int] = []
        while True:
            ended = done.is_set()
            found = both[1].events.of([custodian("US-UT")], seen[-1] if seen else 0, 7)
            seen += [one.event_id for one in found]
            if ended and not found:
                return seen

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        writing = [
            pool.submit(write, store, office)
            for store, office in zip(both, offices, strict=True)
            for _ in range(2)
        ]
        for one in writing:
            one.result()
        done.set()
        assert len(set(reading.result())) == 4 * EVENTS


def test_a_change_is_told_once_whoever_hears_of_it(offices: tuple[Office, Office]) -> None:
    """A poll of the bus that was given to the other gateway is worked on by both for a moment."""
    told = [
        ChangeStore(office.parts.database, store.events, office.clock)
        for office, store in zip(offices, stores(offices), strict=True)
    ]
    for number in range(10):
        news = ChangeNews("US-UT", f"{number:064x}")
        start = threading.Barrier(4)

        def tell(which: int) -> None:
            start.wait()  # noqa: B023 - called within its own round
            told[which % 2].tell([news])  # noqa: B023

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(tell, range(4)))
    heard = stores(offices)[0].events.of([custodian("US-UT")], 0, 100)
    assert len(heard) == 10


def test_a_second_gateway_settles_nothing_that_the_first_is_at(
    offices: tuple[Office, Office],
) -> None:
    """R-22: what one has in hand is the same for the other, which starts beside it."""
    said = offices[0].search().json()
    offices[1].gateway.recovery.run()
    again = offices[1].search(key="another").json()
    assert (said["status"], again["status"]) == ("sealed", "sealed")
