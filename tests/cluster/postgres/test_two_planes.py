"""Two processes of one plane on one roster: one chain of receipts, and nothing lost on the way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from onrecord.chassis.database import open_database
from onrecord.contracts.vector_search import GalleryResult
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import unobserved
from onrecord.proof import statements
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.relay import Relay
from onrecord.vector_search.service.searching import Searches
from onrecord.vector_search.service.trust import LedgerTrust
from tests.builders.searching import UTAH, VERMONT, SearchWorld, build_searches, face
from tests.cluster.postgres.databases import PostgresDatabases
from tests.unit.vector_search.test_publishing import receipt_in, sequences

AT_ONCE = 16


@pytest.fixture
def planes(tmp_path: Path, databases: PostgresDatabases) -> Iterator[tuple[SearchWorld, ...]]:
    """Two, which share a roster, a bus and an index as two processes would."""
    first = build_searches(tmp_path)
    roster = open_database(databases(tmp_path, "roster"))
    relay = Relay(roster, first.bus, unobserved)
    parts = replace(first.searches._parts, roster=roster, relay=relay)
    searches = Searches(parts, LedgerTrust(parts), PolicyTrust(parts))
    second = replace(first, roster=roster, relay=relay, searches=searches)
    yield first, second
    for one in (first, second):
        one.relay.close()
        one.roster.dispose()


def test_sequences_are_dense_and_chained_over_two_processes(
    planes: tuple[SearchWorld, ...],
) -> None:
    """R-23, law 3: 32 searches at once, half of them through each."""
    asked = []
    for number in range(2 * AT_ONCE):
        grant = planes[0].grant(f"s-{number}")
        asked.append((planes[number % 2], grant, planes[0].template(grant)))
    start = threading.Barrier(len(asked))

    def ask(number: int) -> GalleryResult:
        plane, grant, template = asked[number]
        start.wait()
        return plane.ask(grant, template)

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(ask, range(len(asked))))
    receipts = sorted(
        (one.receipt for one in answers), key=lambda one: int(statements.read(one)["sequence"])
    )
    said = [statements.read(one) for one in receipts]
    assert [one["sequence"] for one in said] == list(range(1, len(asked) + 1))
    before = "0" * 64
    for one, receipt in zip(said, receipts, strict=True):
        assert one["previous"] == before
        before = statements.statement_sha256(receipt)
    # Each was on the bus before its answer; twice is harmless, another order than theirs is not.
    published = [receipt_in(one, planes[0]) for one in planes[0].bus.published]
    assert set(map(statements.statement_sha256, published)) >= set(
        map(statements.statement_sha256, receipts)
    )
    first_seen = list(dict.fromkeys(sequences(planes[0], UTAH)))
    assert first_seen == list(range(1, len(asked) + 1))


def test_one_grant_has_one_template_whichever_process_and_gallery_is_asked(
    planes: tuple[SearchWorld, ...],
) -> None:
    """R-9, law 2: two galleries are under two locks, and under one grant all the same."""
    for number in range(12):
        grant = planes[0].grant(f"s-{number}")
        templates = [planes[0].template(grant, face(one)) for one in (1, 2)]
        start = threading.Barrier(2)

        def ask(which: int) -> str:
            start.wait()  # noqa: B023 - called within its own round
            try:
                planes[which].ask(grant, templates[which], (UTAH, VERMONT)[which])  # noqa: B023
            except OnRecordError as error:
                return error.code.value
            return "answered"

        with ThreadPoolExecutor(2) as pool:
            found = sorted(pool.map(ask, range(2)))
        assert found == ["answered", ErrorCode.GRANT_OTHER_PROBE.value]


def test_what_one_left_behind_the_other_publishes(planes: tuple[SearchWorld, ...]) -> None:
    """Law 3: the process that made a search dies before its receipt is on the bus."""
    first, second = planes
    grant = first.grant()
    first.bus.down = True
    with pytest.raises(OnRecordError):
        first.ask(grant, first.template(grant))
    first.bus.down = False
    second.relay.start()
    assert first.bus.arrived.wait(20)
    assert sequences(first, UTAH) == [1]
