"""Law 9 as a property: in whatever order what happens to records arrives, and however often, no
deleted generation is live again and no search begun afterwards returns it.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from onrecord.chassis.database import read_transaction
from onrecord.contracts.enrolment import EnrolmentTicket
from onrecord.contracts.events import FaceEmbedded
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster import deletions
from onrecord.vector_search.roster.schema import candidates, records
from tests.builders.plane import UTAH, World, build_world, face, portrait, record_name
from tests.unit.vector_search.conftest import folder_in_memory

NUMBERS = st.integers(1, 2)
PORTRAITS = st.integers(1, 4)


class Records(RuleBasedStateMachine):
    """Two records, four portraits, and a bus that keeps nothing in order."""

    begun = Bundle("begun")
    events = Bundle("events")
    make: Callable[[], World]

    @initialize()
    def set_up(self) -> None:
        self.world = self.make()
        self.world.open_gallery()
        self.asked = 0
        self.gone: dict[int, int] = {}
        """The highest generation of each record whose deletion was acknowledged."""

    @rule(target=begun, record=NUMBERS, number=PORTRAITS)
    def begin(self, record: int, number: int) -> tuple[EnrolmentTicket, int] | None:
        ticket = self.world.start(record_name(record), portrait(number)).ticket
        return None if ticket is None else (ticket, number)

    @rule(made=begun)
    def submit(self, made: tuple[EnrolmentTicket, int] | None) -> None:
        if made is not None:
            self.world.submit(made[0], portrait(made[1]))

    @rule(target=events, made=begun)
    def embed(self, made: tuple[EnrolmentTicket, int] | None) -> FaceEmbedded | None:
        if made is None:
            return None
        ticket, number = made
        return self.world.embedded(ticket, portrait(number), face(number))

    @rule(event=events)
    def deliver(self, event: FaceEmbedded | None) -> None:
        """Now, or much later, once or again and again."""
        if event is not None:
            self.world.deliver(event)

    @rule(event=consumes(events))
    def crash_between_index_and_roster(self, event: FaceEmbedded | None) -> None:
        """A vector stands in the index, and the roster never heard of it."""
        if event is None:
            return
        for row in self.rows():
            if row.enrolment_id == event.enrolment.enrolment_id:
                self.world.exact.plant(UTAH, row.model_id, row.index_key, face(1))

    @rule(record=NUMBERS)
    def delete(self, record: int) -> None:
        world, name = self.world, record_name(record)
        try:
            receipt = world.plane.delete_record(UTAH, name, world.custodian(), world.deadline)
        except OnRecordError as error:
            assert error.code is ErrorCode.NOT_FOUND
            assert record not in self.gone, "a deleted record was forgotten"
            return
        self.gone[record] = max(receipt.generation, self.gone.get(record, 0))

    @rule()
    def restart(self) -> None:
        self.world.plane.recover(self.world.deadline)

    @rule(number=PORTRAITS)
    def search(self, number: int) -> None:
        """Nothing that was deleted before it began is among its candidates."""
        self.asked += 1
        gone = self.deleted()
        grant = self.world.grant(search_id=f"s-{self.asked}", list_size=5)
        result = self.world.ask(grant, face(number))
        named = {one.candidate_ref for one in result.candidates}
        with read_transaction(self.world.plane._parts.roster) as tx:
            found = tx.execute(
                select(candidates.c.enrolment_id).where(candidates.c.candidate_ref.in_(named))
            ).scalars()
            assert not gone & set(found), "a deleted record was returned"

    @invariant()
    def no_deleted_generation_is_anything_but_gone(self) -> None:
        if not hasattr(self, "world"):
            return
        living: list[str] = []
        gone = self.deleted()
        for row in self.rows():
            if row.enrolment_id in gone:
                assert row.state == RecordState.GONE.value
                assert row.record_id is row.image_sha256 is row.wrapped_key is None
            elif row.state == RecordState.LIVE.value:
                living.append(row.record_mac)
        assert len(living) == len(set(living)), "two generations of one record are live"
        (info,) = self.world.plane.galleries(self.world.deadline)
        assert info.live_records == len(living)

    def deleted(self) -> set[str]:
        """The enrolments of the generations that were deleted."""
        macs = {self.mac(record): highest for record, highest in self.gone.items()}
        return {
            row.enrolment_id for row in self.rows() if row.generation <= macs.get(row.record_mac, 0)
        }

    def mac(self, record: int) -> str:
        with read_transaction(self.world.plane._parts.roster) as tx:
            mac = self.world.plane._deletions._mac(
                self.world.plane._galleries.known(UTAH), record_name(record)
            )
            assert deletions.latest(tx, UTAH, mac) is not None
        return mac

    def rows(self) -> list[Any]:
        with read_transaction(self.world.plane._parts.roster) as tx:
            return list(tx.execute(select(records)))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.plane.close()


@pytest.mark.parametrize("examples", [20])
def test_a_deleted_generation_never_comes_back(examples: int) -> None:
    """R-22, law 9."""
    with folder_in_memory() as folder:

        def fresh() -> World:
            return build_world(Path(mkdtemp(dir=folder)))

        Records.make = staticmethod(fresh)
        run_state_machine_as_test(
            Records,
            settings=settings(
                max_examples=examples,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
