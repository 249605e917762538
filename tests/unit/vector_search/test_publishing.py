"""No receipt, no result (law 3): what is answered has its receipt on the bus."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.chassis.database import read_transaction
from onrecord.contracts.events import SEARCH_EXECUTED, SearchExecuted
from onrecord.contracts.vector_search import GalleryResult
from onrecord.events.messages import read_event
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from tests.builders.searching import STATES, UTAH, VERMONT, SearchWorld, build_searches, face


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    built = build_searches(tmp_path)
    yield built
    built.relay.close()
    built.roster.dispose()


def receipt_in(message: Message, world: SearchWorld) -> Attestation:
    assert message.topic == SEARCH_EXECUTED
    event = read_event(Received(message, Partition(message.topic, 0), 0, world.clock.now()))
    assert isinstance(event, SearchExecuted)
    return event.receipt


def sequences(world: SearchWorld, state: str) -> list[int]:
    said = [statements.read(receipt_in(one, world)) for one in world.bus.published]
    return [one["sequence"] for one in said if one["gallery"] == state]


def refused(code: ErrorCode, world: SearchWorld, *given: object) -> None:
    with pytest.raises(OnRecordError) as raised:
        world.ask(*given)  # type: ignore[arg-type]
    assert raised.value.code is code, repr(raised.value)


def test_the_receipt_is_on_the_bus_before_the_answer_comes(world: SearchWorld) -> None:
    grant = world.grant()
    answer = world.ask(grant, world.template(grant))
    (message,) = world.bus.published
    assert message.key == UTAH
    assert receipt_in(message, world) == answer.receipt


def test_without_the_bus_nothing_is_answered_and_the_receipt_waits(world: SearchWorld) -> None:
    """Laws 3 and 4: the look is on record, the answer is withheld until the record is published."""
    grant = world.grant()
    template = world.template(grant)
    world.bus.down = True
    for _ in range(3):
        refused(ErrorCode.BUS_UNAVAILABLE, world, grant, template)
    world.bus.down = False
    answer = world.ask(grant, template)
    assert [receipt_in(one, world) for one in world.bus.published] == [answer.receipt]
    assert len(answer.candidates) == 3


def test_a_receipt_nobody_comes_back_for_is_published_by_the_relay(world: SearchWorld) -> None:
    grant = world.grant()
    world.bus.down = True
    refused(ErrorCode.BUS_UNAVAILABLE, world, grant, world.template(grant))
    world.bus.down = False
    world.relay.start()
    assert world.bus.arrived.wait(10)
    assert sequences(world, UTAH) == [1]


def test_a_repeat_publishes_what_a_crash_left_behind(tmp_path: Path) -> None:
    """The process died between commit and publication; the client asks again."""
    first = build_searches(tmp_path)
    grant = first.grant()
    template = first.template(grant)
    first.bus.down = True
    refused(ErrorCode.BUS_UNAVAILABLE, first, grant, template)
    first.bus.down = False
    answer = first.ask(grant, template)
    assert first.ask(grant, template) == answer
    first.relay.tidy()
    assert first.ask(grant, template) == answer
    assert len(first.bus.published) == 1
    with read_transaction(first.roster) as tx:
        assert tx.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 0
    first.roster.dispose()


def test_receipts_of_a_gallery_are_published_in_their_order(world: SearchWorld) -> None:
    """R-23: eight threads, three galleries, twice each; dense, ordered, none twice."""
    grants = [world.grant(f"s-{number}") for number in range(8)]
    templates = [world.template(grant) for grant in grants]
    answers: list[GalleryResult] = []

    def work(number: int) -> None:
        for turn in (0, 1):
            for state in STATES:
                at = (number + turn) % 8
                answers.append(world.ask(grants[at], templates[at], state))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 48
    for state in STATES:
        assert sequences(world, state) == list(range(1, 9))


def test_three_galleries_at_once_ask_the_ledger_for_one_proof(world: SearchWorld) -> None:
    grant = world.grant()
    world.ask(grant, world.template(grant))
    grant = world.grant("s-2")
    template = world.template(grant)
    threads = [threading.Thread(target=world.ask, args=(grant, template, s)) for s in STATES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.proofs.asked == 1
    assert [sequences(world, state) for state in STATES] == [[1, 2], [1], [1]]


class TestAClockThatIsWrong:
    """The plane trusts its own clock for expiry, and refuses where it cannot be right."""

    def test_an_hour_ahead(self, world: SearchWorld) -> None:
        grant = world.grant()
        template = world.template(grant)
        world.clock.at += timedelta(hours=1)
        refused(ErrorCode.GRANT_EXPIRED, world, grant, template)
        assert world.bus.published == []

    def test_an_hour_behind(self, world: SearchWorld) -> None:
        """Else a grant would be good for an hour and five minutes."""
        grant = world.grant()
        template = world.template(grant)
        world.clock.at -= timedelta(hours=1)
        refused(ErrorCode.GRANT_MALFORMED, world, grant, template)
        assert world.bus.published == []

    def test_an_hour_ahead_also_for_an_answer_given_before(self, world: SearchWorld) -> None:
        grant = world.grant()
        template = world.template(grant)
        world.ask(grant, template)
        world.clock.at += timedelta(hours=1)
        refused(ErrorCode.GRANT_EXPIRED, world, grant, template)


def test_nothing_is_looked_at_when_the_ledger_took_all_but_the_last_seconds(
    world: SearchWorld,
) -> None:
    """Law 3: the grant had time left when the call came, and none to begin when it was checked."""
    first = world.grant()
    world.ask(first, world.template(first))
    grant = world.grant("s-2")
    template = world.template(grant)
    world.clock.at += timedelta(minutes=4, seconds=50)
    world.index.asked.clear()

    def passes() -> None:
        world.clock.at += timedelta(seconds=6)

    world.proofs.slow = passes
    refused(ErrorCode.GRANT_EXPIRED, world, grant, template)
    assert world.index.asked == []
    assert sequences(world, UTAH) == [1]


def test_another_template_under_one_grant_is_refused_after_all_was_remembered(
    world: SearchWorld,
) -> None:
    """R-9, with checkpoint, policy and statements recognised from the first search."""
    grant = world.grant()
    world.ask(grant, world.template(grant))
    refused(ErrorCode.GRANT_OTHER_PROBE, world, grant, world.template(grant, face(2)))
    refused(ErrorCode.GRANT_OTHER_PROBE, world, grant, world.template(grant, face(2)), VERMONT)
