"""Answers that are stored together: one transaction for the galleries of a search (law 3)."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from onrecord.chassis.bus.ports import TRACE
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.images import Vector
from onrecord.contracts.vector_search import GalleryAnswer, GalleryFailure, GalleryResult
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import statements
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import IndexHit, IndexSpace
from onrecord.vector_search.roster import answers
from onrecord.vector_search.roster.schema import candidates
from onrecord.vector_search.service import searching
from tests.builders.index import ExactIndex
from tests.builders.searching import (
    MARYLAND,
    STATES,
    UTAH,
    VERMONT,
    SearchWorld,
    build_searches,
    face,
)

LONG = 60.0


class WatchedIndex(ExactIndex):
    """`before` is called with the gallery before each search."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str], object] = lambda _: None

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        self.before(space.gallery)
        return super().search(space, vector, limit, deadline)


class Points:
    """Counts the write points that are passed; `at` acts at one of them."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.at: dict[str, Callable[[], object]] = {}

    def __call__(self, name: str) -> None:
        self.passed[name] += 1
        self.at.get(name, lambda: None)()


@contextmanager
def opened(folder: Path, points: Points, gathering_seconds: float) -> Iterator[SearchWorld]:
    world = build_searches(
        folder, reached=points, gathering_seconds=gathering_seconds, index=WatchedIndex()
    )
    try:
        yield world
    finally:
        world.relay.close()
        world.roster.dispose()


@pytest.fixture
def points() -> Points:
    return Points()


@pytest.fixture
def world(tmp_path: Path, points: Points) -> Iterator[SearchWorld]:
    """Where answers wait for each other as long as it takes."""
    with opened(tmp_path, points, LONG) as built:
        yield built


def index_of(world: SearchWorld) -> WatchedIndex:
    assert isinstance(world.index, WatchedIndex)
    return world.index


def all_looking(world: SearchWorld, number: int = 3) -> None:
    """No search finds anything before so many have come to the index."""
    together = threading.Barrier(number, timeout=LONG)
    index_of(world).before = lambda _: together.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG / 2
    while not holds():
        assert time.monotonic() < until, "it does not come to hold"
        threading.Event().wait(0.002)


def waiting(world: SearchWorld) -> int:
    return len(world.searches._answering._queue)


def settled(futures: Sequence[Future[GalleryResult]]) -> list[GalleryResult | BaseException]:
    return [one.exception(LONG) or one.result() for one in futures]


def results_of(told: Sequence[GalleryAnswer]) -> list[GalleryResult]:
    assert all(isinstance(one, GalleryResult) for one in told), told
    return [one for one in told if isinstance(one, GalleryResult)]


def code_of(answer: GalleryAnswer) -> ErrorCode:
    assert isinstance(answer, GalleryFailure), answer
    return answer.error.code


@contextmanager
def writing(world: SearchWorld, points: Points) -> Iterator[Callable[[], None]]:
    """Another search is being written until the block lets it go; whoever finds waits for it."""
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        del points.at[write_points.SEARCH_COMMITTED]
        held.set()
        assert go_on.wait(LONG)

    points.at[write_points.SEARCH_COMMITTED] = hold
    grant = world.grant("s-other")
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(world.ask, grant, world.template(grant), MARYLAND, LONG)
        assert held.wait(LONG)
        points.passed.clear()
        try:
            yield go_on.set
        finally:
            go_on.set()
            other.result(LONG)
    world.bus.published[:] = [one for one in world.bus.published if one.key != MARYLAND]


def test_the_galleries_of_a_search_are_one_transaction_and_one_publication(
    world: SearchWorld, points: Points
) -> None:
    """Law 3, R-23: three receipts, each the first of its gallery, durable and on the bus."""
    all_looking(world)
    grant = world.grant()
    results = results_of(world.ask_all(grant, world.template(grant)))
    assert points.passed[write_points.SEARCH_COMMITTED] == 1
    assert points.passed[write_points.OUTBOX_PUBLISHED] == 1
    assert [one.gallery for one in results] == list(STATES)
    said = [statements.read(one.receipt) for one in results]
    assert [(one["sequence"], one["searched"]) for one in said] == [(1, 5)] * 3
    assert sorted(message.key for message in world.bus.published) == sorted(STATES)
    with read_transaction(world.roster) as tx:
        stored = answers.find_of_mandate(tx, said[0]["mandate"])
    assert {name: one.receipt for name, one in stored.items()} == {
        one.gallery: one.receipt for one in results
    }
    refs = [one.candidate_ref for result in results for one in result.candidates]
    with read_transaction(world.roster) as tx:
        assert all(answers.find_candidate(tx, ref) is not None for ref in refs)
    assert len(set(refs)) == 9


def test_searches_that_come_while_one_is_written_are_chained_in_one_transaction(
    world: SearchWorld, points: Points
) -> None:
    """R-23: two receipts of one gallery in one transaction, each naming the one before."""
    grants = [world.grant(f"s-{number}") for number in range(3)]
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert go_on.wait(LONG)

    points.at[write_points.SEARCH_COMMITTED] = hold
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(world.ask, grants[0], world.template(grants[0]), UTAH, LONG)]
        assert held.wait(LONG)
        found += [
            pool.submit(world.ask, grant, world.template(grant), UTAH, LONG) for grant in grants[1:]
        ]
        wait_until(lambda: waiting(world) == 2)
        go_on.set()
        receipts = [one.result(LONG).receipt for one in found]
    assert points.passed[write_points.SEARCH_COMMITTED] == 2
    receipts.sort(key=lambda one: int(statements.read(one)["sequence"]))
    said = [statements.read(one) for one in receipts]
    assert [one["sequence"] for one in said] == [1, 2, 3]
    digests = [hashlib.sha256(one.statement).hexdigest() for one in receipts]
    assert [one["previous"] for one in said] == ["0" * 64, *digests[:2]]
    published = [one for one in world.bus.published if one.key == UTAH]
    assert len(published) == 3


def test_nobody_waits_for_a_gallery_that_is_slow(tmp_path: Path, points: Points) -> None:
    """Law 8: what is there is stored and published at once, and the rest later."""
    go_on = threading.Event()
    with opened(tmp_path, points, 0.01) as world, ThreadPoolExecutor(1) as pool:
        index_of(world).before = lambda gallery: gallery != VERMONT or go_on.wait(LONG)
        grant = world.grant()
        asked = pool.submit(world.ask_all, grant, world.template(grant), STATES, LONG)
        try:
            wait_until(lambda: len(world.bus.published) == 2)
            assert not asked.done()
        finally:
            go_on.set()
        results_of(asked.result(LONG))
    assert points.passed[write_points.SEARCH_COMMITTED] == 2


def test_a_gallery_that_is_not_searched_in_time_takes_no_other_with_it(
    tmp_path: Path, points: Points
) -> None:
    """Laws 3 and 8: it is told before the call's time is up, and leaves no receipt."""
    go_on = threading.Event()
    with opened(tmp_path, points, 0.01) as world:
        index_of(world).before = lambda gallery: gallery != VERMONT or go_on.wait(LONG)
        grant = world.grant()
        try:
            utah, vermont = world.ask_all(grant, world.template(grant), (UTAH, VERMONT), 2.0)
        finally:
            go_on.set()
        results_of([utah])
        assert code_of(vermont) is ErrorCode.PLANE_UNAVAILABLE
        assert [message.key for message in world.bus.published] == [UTAH]
        again = world.ask(grant, world.template(grant), VERMONT)
        assert int(statements.read(again.receipt)["sequence"]) == 1


@pytest.mark.parametrize(("seconds", "looked"), [(10.0, 9.5), (1.0, 0.9)])
def test_time_is_left_to_answer_for_the_others(seconds: float, looked: float) -> None:
    """Law 8: half a second, or a tenth of what there is."""
    until = searching._sooner(Deadline.after(seconds, lambda: 0.0))
    assert until.at == pytest.approx(looked)


def test_a_gallery_that_fails_takes_no_other_with_it(world: SearchWorld) -> None:
    """Law 8: the others are answered at once, whatever it failed with."""

    def before(gallery: str) -> None:
        if gallery == VERMONT:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the index is down")
        if gallery == MARYLAND:
            raise ZeroDivisionError

    index_of(world).before = before
    grant = world.grant()
    began = time.monotonic()
    utah, vermont, maryland, texas = world.ask_all(
        grant, world.template(grant), (*STATES, "US-TX"), LONG
    )
    assert time.monotonic() - began < LONG / 2
    results_of([utah])
    assert code_of(vermont) is ErrorCode.PLANE_UNAVAILABLE
    assert code_of(maryland) is ErrorCode.INTERNAL
    assert code_of(texas) is ErrorCode.GALLERY_UNKNOWN


def test_galleries_of_one_call_are_admitted_each_for_itself(world: SearchWorld) -> None:
    """Law 2: what the grant does not name is refused, and the rest is searched."""
    grant = world.grant(states=(UTAH, VERMONT))
    utah, maryland, vermont = world.ask_all(grant, world.template(grant), (UTAH, MARYLAND, VERMONT))
    results_of([utah, vermont])
    assert code_of(maryland) is ErrorCode.GRANT_GALLERY
    assert sorted(message.key for message in world.bus.published) == [UTAH, VERMONT]


def test_a_gallery_named_twice_is_refused(world: SearchWorld) -> None:
    """Law 2: nothing is looked at."""
    grant = world.grant()
    with pytest.raises(OnRecordError) as raised:
        world.ask_all(grant, world.template(grant), (UTAH, VERMONT, UTAH))
    assert raised.value.code is ErrorCode.REQUEST_MALFORMED
    assert index_of(world).asked == []


def test_a_repeat_of_a_call_gets_the_first_answers_and_looks_at_the_rest(
    world: SearchWorld,
) -> None:
    """Law 2: one gallery was answered, two could not be."""
    grant = world.grant()
    template = world.template(grant)
    first = world.ask(grant, template, VERMONT)
    again = results_of(world.ask_all(grant, template))
    assert again[1] == first
    assert sorted(message.key for message in world.bus.published) == sorted(STATES)
    assert results_of(world.ask_all(grant, template)) == again
    assert len(index_of(world).asked) == 3


def test_a_ledger_that_is_away_is_asked_once_for_all_galleries(world: SearchWorld) -> None:
    """Law 4: none of them is looked at."""
    first = world.grant()
    world.ask(first, world.template(first))

    def away() -> None:
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "it is down")

    world.proofs.slow = away
    grant = world.grant("s-2")
    asked = len(index_of(world).asked)
    told = world.ask_all(grant, world.template(grant))
    assert [code_of(one) for one in told] == [ErrorCode.LEDGER_UNAVAILABLE] * 3
    assert world.proofs.asked == 1
    assert len(index_of(world).asked) == asked


def test_one_whose_rows_do_not_fit_stands_in_nobodys_way(
    world: SearchWorld, points: Points
) -> None:
    """The others of the same transaction are stored without it."""
    grant = world.grant()
    template = world.template(grant)
    named = world.searches._looking.named

    def taken(look, grant, ranked):  # type: ignore[no-untyped-def]
        rows = named(look, grant, ranked)
        if look.name == VERMONT:
            values = {column.name: getattr(rows[0], column.name) for column in candidates.c}
            with write_transaction(world.roster) as tx:
                tx.execute(insert(candidates), [values | {"mandate": "another"}])
        return rows

    world.searches._looking.named = taken  # type: ignore[method-assign]
    utah, vermont, maryland = world.ask_all(grant, template)
    assert isinstance(utah, GalleryResult)
    assert isinstance(maryland, GalleryResult)
    assert code_of(vermont) is ErrorCode.INTERNAL
    assert sorted(message.key for message in world.bus.published) == [MARYLAND, UTAH]
    assert points.passed[write_points.SEARCH_COMMITTED] == 2
    # Nothing of the one that failed is remembered: the next receipt of its gallery is the first.
    world.searches._looking.named = named  # type: ignore[method-assign]
    again = world.grant("s-2")
    answer = world.ask(again, world.template(again), VERMONT)
    said = statements.read(answer.receipt)
    assert (said["sequence"], said["previous"]) == (1, "0" * 64)


def test_two_templates_under_one_grant_are_told_apart_in_one_transaction(
    world: SearchWorld, points: Points
) -> None:
    """R-9: neither had been answered when the other began."""
    grant = world.grant()
    with ThreadPoolExecutor(2) as pool, writing(world, points) as let_go:
        asked = [
            pool.submit(world.ask, grant, world.template(grant, face(number)), state, LONG)
            for number, state in enumerate((UTAH, VERMONT))
        ]
        wait_until(lambda: waiting(world) == 2)
        let_go()
        found = settled(asked)
    assert points.passed[write_points.SEARCH_COMMITTED] == 1
    (refused,) = (one for one in found if isinstance(one, OnRecordError))
    assert refused.code is ErrorCode.GRANT_OTHER_PROBE
    assert len(world.bus.published) == 1


def test_the_same_search_twice_at_once_has_one_receipt(world: SearchWorld, points: Points) -> None:
    """Law 2: a repeat gets the first answer, also within one transaction."""
    grant = world.grant()
    template = world.template(grant)
    with ThreadPoolExecutor(2) as pool, writing(world, points) as let_go:
        found = [pool.submit(world.ask, grant, template, UTAH, LONG) for _ in range(2)]
        wait_until(lambda: waiting(world) == 2)
        let_go()
        first, second = (one.result(LONG) for one in found)
    assert points.passed[write_points.SEARCH_COMMITTED] == 1
    assert first == second
    assert len(world.bus.published) == 1


def test_without_the_bus_nobody_of_those_who_were_stored_together_is_answered(
    world: SearchWorld,
) -> None:
    """Law 3: and each has its answer when it asks again."""
    world.bus.down = True
    grant = world.grant()
    template = world.template(grant)
    codes = [code_of(one) for one in world.ask_all(grant, template)]
    assert codes == [ErrorCode.BUS_UNAVAILABLE] * 3
    # Nor is a repeat, whose receipts stand in the roster.
    codes = [code_of(one) for one in world.ask_all(grant, template)]
    assert codes == [ErrorCode.BUS_UNAVAILABLE] * 3
    world.bus.down = False
    said = [statements.read(world.ask(grant, template, one).receipt) for one in STATES]
    assert [one["sequence"] for one in said] == [1, 1, 1]
    assert len(world.bus.published) == 3


def test_who_waits_for_the_writer_waits_no_longer_than_its_deadline(
    world: SearchWorld, points: Points
) -> None:
    """And leaves no receipt: it was told that nothing came of it."""
    first, second = world.grant("s-1"), world.grant("s-2")
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert go_on.wait(LONG)

    points.at[write_points.SEARCH_COMMITTED] = hold
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(world.ask, first, world.template(first), UTAH, LONG)
        assert held.wait(LONG)
        with pytest.raises(OnRecordError) as raised:
            world.ask(second, world.template(second), UTAH, seconds=0.2)
        go_on.set()
        slow.result(LONG)
    assert raised.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert waiting(world) == 0
    assert len(world.bus.published) == 1


def test_a_receipt_travels_with_the_trace_of_whoever_asked(
    world: SearchWorld, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes for all writes no trace of its own under theirs."""
    traces = {threading.get_ident(): "nobody's"}
    monkeypatch.setattr(
        "onrecord.vector_search.service.searching.current_traceparent",
        lambda: traces.get(threading.get_ident(), "of others"),
    )
    grant = world.grant()
    template = world.template(grant)

    def ask(state: str) -> GalleryResult:
        traces[threading.get_ident()] = f"of {state}"
        return world.ask(grant, template, state, LONG)

    with ThreadPoolExecutor(2) as pool, writing(world, points) as let_go:
        asked = [pool.submit(ask, state) for state in (UTAH, VERMONT)]
        wait_until(lambda: waiting(world) == 2)
        let_go()
        for one in asked:
            one.result(LONG)
    assert points.passed[write_points.SEARCH_COMMITTED] == 1
    assert {one.key: one.headers[TRACE] for one in world.bus.published} == {
        state: f"of {state}" for state in (UTAH, VERMONT)
    }
