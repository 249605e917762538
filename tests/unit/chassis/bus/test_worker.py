"""What a worker does with what its handler says."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from onrecord.chassis.bus.outcomes import Done, Outcome
from onrecord.chassis.bus.ports import LARGEST, TRACE, Message, Position, Received
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.unit.chassis.bus.workers import GROUP, RESULTS, WORK, Crew, done, failed, open_crew


def unless(text: str, code: ErrorCode, crew: Crew, times: int = 10**6) -> Worker:
    left = [times]

    def decide(received: Received) -> Outcome:
        if received.message.payload.decode() == text and left[0] > 0:
            left[0] -= 1
            return failed(code)
        return done(received)

    return crew.worker(decide)


def test_a_poll_is_worked_on_published_and_committed(crew: Crew) -> None:
    crew.put("a", "b", "c")
    worker = crew.worker()
    assert worker.step() == 3
    assert crew.polls == [["a", "b", "c"]]
    assert crew.results() == ["a", "b", "c"]
    assert crew.lag() == 0
    assert worker.step() == 0
    assert len(crew.polls) == 1
    worker.stop(1.0)


def test_the_trace_is_handed_on(crew: Crew) -> None:
    """R-43: one trace across the bus, unless the handler has begun another."""
    crew.put("a", headers={TRACE: "00-aa-bb-01", "other": "stays"})

    def two(received: Received) -> Outcome:
        own = Message(RESULTS, "k", b"own", {TRACE: "00-cc-dd-01"})
        return Done((Message(RESULTS, "k", b"plain", {"x": "y"}), own))

    crew.worker(two).step()
    plain, own = crew.on(RESULTS)
    assert dict(plain.message.headers) == {"x": "y", TRACE: "00-aa-bb-01"}
    assert dict(own.message.headers) == {TRACE: "00-cc-dd-01"}


def test_a_message_that_fails_in_passing_does_not_hold_up_the_others(crew: Crew) -> None:
    crew.put("a", "bad", "c", headers={TRACE: "00-aa-bb-01"})
    worker = unless("bad", ErrorCode.INTERNAL, crew, times=2)
    assert worker.step() == 3
    assert crew.results() == ["a", "c"]
    (parked,) = crew.parked()
    assert parked.message.headers[TRACE] == "00-aa-bb-01"
    crew.times.pass_(0.9)
    assert worker.step() == 0, "not before it is due"
    crew.times.pass_(0.2)
    assert worker.step() == 1
    assert crew.results() == ["a", "c"], "it has failed again, and waits longer now"
    crew.put("d")
    crew.times.pass_(4.0)
    assert worker.step() == 1
    assert crew.results() == ["a", "c", "d"], "what waits blocks nobody"
    crew.times.pass_(1.1)
    assert worker.step() == 1
    assert crew.results() == ["a", "c", "d", "bad"]
    assert crew.lag() == 0
    assert crew.dead() == []


def test_a_parked_message_is_met_where_it_first_stood(crew: Crew) -> None:
    seen: list[Received] = []

    def decide(received: Received) -> Outcome:
        seen.append(received)
        return failed(ErrorCode.INTERNAL) if len(seen) < 4 else done(received)

    crew.put("first", headers={"onrecord-schema": "s"})
    worker = crew.worker(decide)
    for _ in range(4):
        worker.step()
        crew.times.pass_(1000.0)
    assert len(seen) == 4
    assert {(one.message, one.partition, one.offset) for one in seen} == {
        (seen[0].message, seen[0].partition, seen[0].offset)
    }
    assert dict(seen[3].message.headers) == {"onrecord-schema": "s"}


def test_after_its_last_attempt_it_is_a_dead_letter(crew: Crew) -> None:
    """R-46: with the place, the reason, how often; not what it held."""
    crew.put("fine", "secret")
    worker = unless("secret", ErrorCode.INTERNAL, crew)
    waits = WorkerSettings().backoff
    for wait in (0.0, *waits):
        assert crew.dead() == []
        crew.times.pass_(wait + 0.1)
        worker.step()
    assert crew.dead() == [f"{WORK} 0 1 internal {len(waits) + 1}"]
    assert crew.lag() == 0
    crew.times.pass_(10_000.0)
    assert worker.step() == 0


@pytest.mark.parametrize(
    "code", [ErrorCode.EVENT_MALFORMED, ErrorCode.SEAL_KEY_DESTROYED, ErrorCode.FACE_NOT_FOUND]
)
def test_what_cannot_come_right_is_a_dead_letter_at_once(crew: Crew, code: ErrorCode) -> None:
    crew.put("a", "bad")
    unless("bad", code, crew).step()
    assert crew.dead() == [f"{WORK} 0 1 {code.value} 1"]
    assert crew.results() == ["a"]
    assert crew.lag() == 0


def test_what_would_be_too_large_for_the_bus_is_a_dead_letter_and_holds_nobody_up(
    crew: Crew,
) -> None:
    """No second try makes it smaller."""

    def large(received: Received) -> Outcome:
        size = LARGEST + 1 if received.message.payload == b"b" else 1
        return Done((Message(RESULTS, "k", received.message.payload * size),))

    crew.put("a", "b", "c")
    assert crew.worker(large).step() == 3
    assert crew.results() == ["a", "c"]
    assert crew.dead() == [f"{WORK} 0 1 message_too_large 1"]
    assert crew.lag() == 0


def test_while_the_world_is_not_sound_it_waits_in_place(crew: Crew) -> None:
    """A plane that is away must not fill the parking place with thousands."""
    crew.put(*(f"{n}" for n in range(50)))
    away = [True]

    def decide(received: Received) -> Outcome:
        return failed(ErrorCode.PLANE_UNAVAILABLE) if away[0] else done(received)

    worker = crew.worker(decide)
    for _ in range(10):
        assert worker.step() == 0
        crew.times.pass_(5.0)
    assert crew.parked() == []
    assert crew.lag() == 50
    assert len(crew.polls) > 5
    error = worker.last_error
    assert error is not None
    assert error.code is ErrorCode.PLANE_UNAVAILABLE
    away[0] = False
    assert worker.step() == 50
    assert crew.results() == [f"{n}" for n in range(50)]
    assert worker.last_error is None


def test_in_place_it_does_not_spin(crew: Crew) -> None:
    crew.put("a")
    worker = crew.worker(lambda _: failed(ErrorCode.PLANE_UNAVAILABLE))
    for _ in range(20):
        worker.step()
    assert len(crew.polls) == 1


def test_patience_ends_so_that_others_have_their_turn(crew: Crew) -> None:
    """One state's plane is away for hours; the enrolments of other states stand behind it."""
    crew.put("lost", "lost", "kept")
    settings = WorkerSettings(limit=2, patience=10.0)

    def decide(received: Received) -> Outcome:
        if received.message.payload == b"lost":
            return failed(ErrorCode.PLANE_UNAVAILABLE)
        return done(received)

    worker = crew.worker(decide, settings)
    for _ in range(10):
        worker.step()
        crew.times.pass_(2.0)
    assert crew.results() == ["kept"]
    assert len(crew.parked()) == 2


def test_a_handler_that_raises_fails_the_poll_as_it_says(crew: Crew) -> None:
    crew.put("a", "b")

    def handle(received: Sequence[Received]) -> Sequence[Outcome]:
        raise OnRecordError(ErrorCode.EVENT_MALFORMED, "both")

    crew.worker(handler=handle).step()
    assert crew.dead() == [f"{WORK} 0 {n} event_malformed 1" for n in range(2)]


def test_an_unforeseen_error_is_laid_at_the_door_of_one_message(crew: Crew) -> None:
    crew.put("a", "bad", "c")

    def decide(received: Received) -> Outcome:
        if received.message.payload == b"bad":
            raise ZeroDivisionError
        return done(received)

    worker = crew.worker(decide)
    worker.step()
    assert crew.results() == ["a", "c"]
    assert len(crew.parked()) == 1
    for _ in range(6):
        crew.times.pass_(1000.0)
        worker.step()
    assert crew.dead() == [f"{WORK} 0 1 internal 6"]


def test_what_was_published_and_not_committed_is_handled_again(crew: Crew, tmp_path: Path) -> None:
    """R-22: between publishing and committing nothing is lost, and something comes twice."""

    class DiedError(BaseException):
        pass

    def reached(point: str) -> None:
        if point == f"{GROUP}.published":
            raise DiedError

    crew.put("a", "b")
    with pytest.raises(DiedError):
        crew.worker(reached=reached).step()
    assert crew.lag() == 2
    crew.bus.close()
    again = open_crew(tmp_path / "bus")
    assert again.worker().step() == 2
    assert again.lag() == 0
    assert again.results() == ["a", "b", "a", "b"]
    again.bus.close()


def test_what_the_bus_did_not_take_is_not_committed(crew: Crew) -> None:
    crew.put("a", "b")
    worker = crew.worker(lambda _: Done((Message("nowhere.v1", "k", b""),)))
    for _ in range(8):
        with pytest.raises(OnRecordError, match="nowhere"):
            worker.step()
    assert crew.polls == [["a", "b"]] * 8, "tried as a whole, and never taken for a killer"
    assert crew.dead() == []
    assert crew.lag() == 2
    worker.stop(1.0)
    consumer = crew.bus.consumer(GROUP, [WORK])
    (first, _) = consumer.poll(10, 1.0)
    assert consumer.position(first.partition) == Position(0, ""), "left as it was found"


def test_the_parking_place_of_another_group_is_left_alone(crew: Crew) -> None:
    crew.put("a")
    first = crew.worker(lambda _: failed(ErrorCode.INTERNAL))
    first.step()
    first.stop(1.0)
    (parked,) = crew.parked()
    assert parked.message.headers["onrecord-group"] == GROUP
    foreign = {**parked.message.headers, "onrecord-group": "someone"}
    publisher = crew.bus.publisher()
    publisher.publish(
        [Message(parked.message.topic, "k", b"foreign", foreign)], Deadline.after(30.0)
    )
    crew.times.pass_(2.0)
    worker = crew.worker()
    crew.polls.clear()
    worker.step()
    assert crew.polls == [["a"]]
    assert crew.lag() == 0, "passed over, so that it holds up nobody"


def test_more_is_parked_than_is_held(crew: Crew) -> None:
    texts = [f"{n:03}" for n in range(30)]
    crew.put(*texts)
    settings = WorkerSettings(limit=10, held=8)
    first = [True]

    def decide(received: Received) -> Outcome:
        return failed(ErrorCode.INTERNAL) if first[0] else done(received)

    worker = crew.worker(decide, settings)
    for _ in range(3):
        worker.step()
    assert len(crew.parked()) == 30
    first[0] = False
    crew.times.pass_(2.0)
    for _ in range(10):
        worker.step()
    assert crew.results() == texts
    assert crew.lag() == 0


def test_stop_finishes_the_poll_in_hand(crew: Crew) -> None:
    """R-45: nothing accepted is lost, nothing half done is committed, the group is left."""
    entered, go_on = threading.Event(), threading.Event()

    def decide(received: Received) -> Outcome:
        entered.set()
        assert go_on.wait(10.0)
        return done(received)

    crew.put("a", "b")
    worker = crew.worker(decide)
    worker.start()
    assert entered.wait(10.0)
    assert worker.is_alive
    assert not worker.stop(0.01), "it is still at work"
    go_on.set()
    assert worker.stop(10.0)
    assert not worker.is_alive
    assert crew.results() == ["a", "b"]
    assert crew.lag() == 0
    successor = crew.bus.consumer(GROUP, [WORK])
    successor.poll(1, 0.0)
    assert len(successor.assigned()) == 1, "no lease to wait for"


def test_stop_does_not_wait_for_the_world(crew: Crew) -> None:
    crew.put("a")
    tried = threading.Event()

    def decide(_: Received) -> Outcome:
        tried.set()
        return failed(ErrorCode.PLANE_UNAVAILABLE)

    worker = crew.worker(decide)
    worker.start()
    assert tried.wait(10.0)
    assert worker.stop(10.0)
    assert crew.lag() == 1
    consumer = crew.bus.consumer(GROUP, [WORK])
    (received,) = consumer.poll(1, 1.0)
    assert consumer.position(received.partition).note == "", "waiting is not dying"
