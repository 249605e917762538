"""R-24: no body that stands in a ledger makes its verifier or its monitor fail in another way than
by naming it.

Attacker: the holder of the ledger's key, who logs what the ledger itself never writes, so that
whoever would find them out falls over it.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.times import SystemClock
from onrecord.monitor.core import AlarmKind, Memory, Watch, look_at, too_late
from onrecord.proof import canonical
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.bodies import tell, uphold
from onrecord.proof.checks import LedgerFault, base_checks
from onrecord.proof.notes import NoteSigner
from onrecord.proof.story import story_checks
from tests.attacks.conftest import entries
from tests.attacks.fuzzing import documents, fuzzed, mutations, read_or_refused
from tests.builders.audit import ORIGIN, soon
from tests.builders.joined import Joined
from tests.builders.laws import EMERGENCY, permit_emergencies
from tests.builders.plane import UTAH, record_name

Body = dict[str, Any]
WATCH = Watch(NoteSigner.generate(ORIGIN).verifier)


@pytest.fixture
def story(joined: Joined) -> list[Body]:
    """An honest ledger: laws, enrolments, a lead, a refusal, a deletion, an emergency."""
    granted, found = joined.searched(1)
    joined.examine(granted.search_id, found, found.candidates[0].candidate_ref, "berg", "cole")
    joined.release(granted.search_id)
    joined.audit.authorize(galleries=["US-VT"])
    joined.plane.delete_record(UTAH, record_name(2), joined.world.custodian(), soon())
    joined.audit.take_in()
    permit_emergencies(joined.audit)
    joined.audit.authorize("diaz", emergency=EMERGENCY, probe="1" * 64)
    return entries(joined.audit)


def _verified(joined: Joined, bodies: list[Body]) -> bool:
    laws = [*base_checks(), *story_checks(AttestationVerifier([joined.audit.authority.root]))]
    made = [make() for make in laws]
    for index, body in enumerate(bodies):
        tell(made, index, body)
    for law in made:
        uphold(law, law.finish)
    return True


def _changed(story: list[Body]) -> st.SearchStrategy[list[Body]]:
    def at(index: int) -> st.SearchStrategy[list[Body]]:
        return documents(story[index]).map(lambda body: [*story[:index], body, *story[index + 1 :]])

    return st.one_of([at(index) for index in range(len(story))])


def _readable(body: Body) -> Body:
    """As `parse_body` lets it through: with a kind and a time that are text."""
    return {**body, "kind": str(body.get("kind")), "time": str(body.get("time"))}


def test_the_verifier_names_the_first_false_thing(joined: Joined, story: list[Body]) -> None:
    assert _verified(joined, story)
    faults: set[str] = set()

    @fuzzed
    @given(_changed(story))
    def verified(bodies: list[Body]) -> None:
        read_or_refused(lambda: _unless_false([_readable(body) for body in bodies]))

    def _unless_false(bodies: list[Body]) -> bool:
        try:
            return _verified(joined, bodies)
        except LedgerFault as fault:
            faults.add(fault.check)
            raise

    verified()
    assert len(faults) > 3, "many laws were tried"


def test_the_monitor_goes_on(story: list[Body]) -> None:
    @fuzzed
    @given(_changed(story))
    def followed(bodies: list[Body]) -> None:
        memory = Memory()
        for index, body in enumerate(bodies):
            memory, alarms = look_at(WATCH, memory, index, body)
            for alarm in alarms:
                assert alarm.kind in AlarmKind
                canonical.encode(alarm.to_json())
        assert Memory.decode(memory.encode()) == memory

    followed()


@fuzzed
@given(mutations(Memory(receipts={UTAH: 3}, bodies=4).encode()))
def test_what_the_monitor_remembers_is_read_whole_or_refused(data: bytes) -> None:
    memory = read_or_refused(lambda: Memory.decode(data))
    if memory is not None:
        assert memory.encode().rstrip(b"\n") == data.rstrip(b"\n")


def _remembered() -> Body:
    value: Body = json.loads(Memory(receipts={UTAH: 3}, bodies=4).encode())
    return value


@fuzzed
@given(documents(_remembered()))
def test_what_the_monitor_remembers_is_of_its_types(said: Body) -> None:
    """Whoever edits its memory gets an error, and no monitor that stumbles later."""
    memory = read_or_refused(lambda: Memory.decode(canonical.encode(said)))
    if memory is None:
        return
    receipt = {"gallery": UTAH, "sequence": 9}
    look_at(WATCH, memory, 9, {"kind": "search.executed", "receipt": receipt})
    too_late(WATCH, memory, SystemClock().now())
    assert memory.encode() == canonical.encode(said) + b"\n", "nothing was taken for granted"
