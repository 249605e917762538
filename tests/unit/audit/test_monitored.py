"""R-23, R-24: what a monitor says of the real ledger, from its published objects and its bodies."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from onrecord.kernel.times import SystemClock
from onrecord.monitor.core import Alarm, AlarmKind, Memory, Watch
from onrecord.monitor.service import Monitor, Round
from onrecord.proof.bodies import Row
from onrecord.proof.notes import NoteSigner, NoteVerifier
from tests.builders.audit import AuditForTest, SetClock


@dataclass
class _Follower:
    """A monitor that may read the bodies, and its memory."""

    audit: AuditForTest
    policy_keys: tuple[NoteVerifier, ...] = ()
    memory: Memory = field(default_factory=Memory)

    def load(self) -> Memory:
        return self.memory

    def store(self, memory: Memory) -> None:
        self.memory = memory

    def look(self) -> tuple[Alarm, ...]:
        """A round after everything is published: it sees all, and what it says."""
        self.audit.running.ledger.publish()
        before = self.memory.bodies
        found: Round = Monitor(
            self.audit.objects.get,
            Watch(self.audit.signer.verifier, policy_keys=self.policy_keys),
            shelf=self,
            tell=lambda _: None,
            clock=SystemClock(),
            bodies=self._rows,
        ).round()
        assert found.checkpoint is not None
        assert found.checkpoint.size == before + found.bodies
        return found.alarms

    def _rows(self, place: int) -> Iterable[tuple[int, Row]]:
        for one in self.audit.running.ledger.bodies(place, 1000):
            yield one.index + 1, (one.index, one.nonce, one.body)


def test_an_honest_ledger_is_followed_without_an_alarm(audit: AuditForTest) -> None:
    known = tuple(signer.verifier for signer in audit.state_keys.values())
    follower = _Follower(audit, known)
    assert follower.look() == ()
    for number in range(3):
        authorization = audit.authorize(case_number=f"case-{number}")
        audit.told(audit.receipt(authorization.entry))
        assert follower.look() == ()
    assert follower.memory.receipts == {"US-UT": 3}
    assert follower.look() == ()


def test_a_states_key_that_the_state_does_not_know(audit: AuditForTest) -> None:
    """An operator has pinned a key of their own: the state's monitor has another."""
    follower = _Follower(audit, (NoteSigner.generate("US-UT/authority").verifier,))
    (alarm,) = follower.look()
    assert alarm.kind is AlarmKind.UNKNOWN_KEY
    assert alarm.detail["key"] == audit.state_keys["US-UT"].verifier.text


def test_a_receipt_that_never_came(audit: AuditForTest, clock: SetClock) -> None:
    follower = _Follower(audit)
    lost, kept = (audit.authorize(case_number=name) for name in ("lost", "kept"))
    audit.receipt(lost.entry)
    audit.publish(audit.receipt(kept.entry))
    audit.take_in()
    assert follower.look() == ()
    clock.pass_(seconds=31)
    audit.take_in()
    assert [one.kind for one in follower.look()] == [AlarmKind.RECEIPT_GAP]
