"""R-24, R-48: witnesses cosign what is published, and what they have seen cannot be unsaid."""

import logging
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from onrecord.audit.adapters.witnesses import Witnesses
from onrecord.audit.core.witnessing import Answer, Cosigned, WitnessAddress, Witnessing
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.proof.checkpoint import OpenedCheckpoint, cosignature, open_checkpoint
from onrecord.proof.cosignatures import read_cosignatures, with_cosignatures
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.submission import Submission
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders.audit import ORIGIN, AuditForTest, SetClock, open_audit, soon
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import RunningWitness, grown, new_signer, running_witness
from tests.unit.audit.test_ledger import refused
from tests.unit.audit.test_obtaining import Committed
from tests.unit.audit.test_one_search import verify

PATIENT, SHORT = 60.0, 0.2
CALL = 60.0
"""Longer than anything here takes, also on a machine that has much to do."""


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until it holds."""
    end, nothing = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        nothing.wait(0.01)


def asking(
    *witnesses: RunningWitness | WitnessAddress, needed: int = 1, wait: float = PATIENT
) -> Witnessing:
    """Ask these, without much of a pause."""
    addresses = tuple(
        one if isinstance(one, WitnessAddress) else WitnessAddress(one.key, one.url)
        for one in witnesses
    )
    return Witnessing(addresses, needed, wait, CALL, first_pause=0.02, longest_pause=0.1)


def away() -> WitnessAddress:
    """A witness at an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    return WitnessAddress(new_signer("witness.example/away").verifier, f"http://127.0.0.1:{port}")


class Stage:
    """One ledger folder, opened again and again, and witnesses around it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.log = open_audit(folder, clock=SetClock())
        self.key = self.log.signer.verifier
        self.log.close()

    def witness(self, name: str = "w1", **settings: object) -> RunningWitness:
        database = self.folder.parent / f"{name}.db"
        signer = new_signer(f"witness.example/{name}")
        return self.stack.enter_context(running_witness(database, self.key, signer=signer))

    def open(self, witnessing: Witnessing | None = None) -> AuditForTest:
        opened = open_audit(self.folder, clock=SetClock(), witnessing=witnessing)
        opened.keys = int(time.monotonic_ns())  # of idempotency: none is used twice
        self.stack.callback(opened.close)
        return opened

    def keep(self, name: str, *, database: bool = True, store: bool = True) -> Callable[[], None]:
        """A backup as it is now; what puts it back."""
        backup = self.folder.parent / name
        shutil.copytree(self.folder, backup)

        def restore() -> None:
            if database:
                for left in self.folder.glob("ledger.db*"):
                    left.unlink()
                shutil.copy(backup / "ledger.db", self.folder / "ledger.db")
            if store:
                shutil.rmtree(self.folder / "public")
                shutil.copytree(backup / "public", self.folder / "public")

        return restore


@pytest.fixture
def stage(settled: Path, tmp_path: Path) -> Iterator[Stage]:
    shutil.copytree(settled, tmp_path / "audit")
    with ExitStack() as stack:
        yield Stage(tmp_path / "audit", stack)


def published(audit: AuditForTest, *witnesses: NoteVerifier) -> OpenedCheckpoint:
    note = audit.objects.get(CHECKPOINT_PATH).decode()
    return open_checkpoint(note, audit.signer.verifier, witnesses)


def covered(audit: AuditForTest) -> int:
    """How many entries the quorum has cosigned; 0 where it has none."""
    try:
        note = audit.running.ledger.witnessed()
    except OnRecordError as error:
        assert error.code is ErrorCode.NOT_FOUND
        return 0
    return open_checkpoint(note, audit.signer.verifier).checkpoint.size


def alarms(audit: AuditForTest) -> list[str]:
    auditor = audit.token("auditor-1", Role.AUDITOR)
    bodies = [parse_body(one.body)[0] for one in audit.service.bodies(0, 1000, auditor, soon())]
    return [str(body["what"]) for body in bodies if body["kind"] == "alarm.raised"]


def test_what_is_published_is_cosigned(stage: Stage) -> None:
    witness = stage.witness()
    audit = stage.open(asking(witness))
    for _ in range(5):
        entry = audit.authorize().entry
        audit.running.ledger.publish()
        opened = published(audit, witness.key)
        assert opened.witnessed_by == (witness.key.name,)
        assert opened.checkpoint.size == entry.index + 1 == covered(audit)
    assert witness.book.known(ORIGIN).size == covered(audit)
    verify(audit)


def test_nothing_is_witnessed_before_the_quorum_has_cosigned(stage: Stage) -> None:
    one, two = stage.witness("w1"), stage.witness("w2")
    audit = stage.open(asking(one, away(), needed=2, wait=SHORT))
    audit.authorize()
    audit.running.ledger.publish()
    until(lambda: published(audit, one.key).witnessed_by)
    assert covered(audit) == 0
    audit.close()
    # The quorum is a setting of who asks; the witnesses do not know each other.
    audit = stage.open(asking(one, two, away(), needed=2))
    index = audit.authorize().entry.index
    audit.running.ledger.publish()
    assert covered(audit) == index + 1
    names = {one.key.name, two.key.name}
    until(lambda: set(published(audit, one.key, two.key).witnessed_by) == names)


def test_a_larger_quorum_does_not_take_over_what_a_smaller_one_had(stage: Stage) -> None:
    witness = stage.witness()
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.running.ledger.publish()
    assert covered(audit)
    audit.close()
    assert covered(stage.open(asking(witness, away(), needed=2, wait=SHORT))) == 0


def test_without_witnesses_nothing_is_ever_witnessed(stage: Stage) -> None:
    audit = stage.open()
    audit.authorize()
    audit.running.ledger.publish()
    assert covered(audit) == 0


def test_publication_does_not_wait_longer_than_is_set(stage: Stage) -> None:
    """A witness that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        silent_witness = WitnessAddress(new_signer("witness.example/mute").verifier, url)
        began = time.monotonic()
        audit = stage.open(asking(silent_witness, wait=0.3))
        entry = audit.authorize().entry
        audit.running.ledger.publish()
        assert published(audit).checkpoint.size == entry.index + 1
        audit.close()
        # Opened, published, closed: each waited 0.3 s, none as long as the call may take.
        assert time.monotonic() - began < CALL / 2


def test_nobody_waits_for_a_witness_that_is_known_to_be_away(stage: Stage) -> None:
    witnessing = Witnessing((away(),), 1, PATIENT, CALL, first_pause=60.0, longest_pause=60.0)
    began = time.monotonic()
    audit = stage.open(witnessing)
    for _ in range(5):
        audit.authorize()
        audit.running.ledger.publish()
    audit.close()
    assert time.monotonic() - began < PATIENT / 2


def test_a_witness_that_comes_back_cosigns_what_stands(stage: Stage) -> None:
    """Nothing is appended meanwhile: the published checkpoint gains its line by itself."""
    signer = new_signer()
    gone = away()
    port = int(gone.url.rpartition(":")[2])
    audit = stage.open(asking(WitnessAddress(signer.verifier, gone.url), wait=SHORT))
    index = audit.authorize().entry.index
    audit.running.ledger.publish()
    assert published(audit, signer.verifier).witnessed_by == ()
    database = stage.folder.parent / "late.db"
    with running_witness(database, stage.key, signer=signer, port=port):
        until(lambda: published(audit, signer.verifier).witnessed_by)
        until(lambda: covered(audit) == index + 1)


def test_cosignatures_survive_a_restart(stage: Stage) -> None:
    """R-22: the next run takes over what stands, and asks for nothing that is there."""
    witness = stage.witness()
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.running.ledger.publish()
    before = audit.objects.get(CHECKPOINT_PATH)
    audit.close()
    again = stage.open(asking(WitnessAddress(witness.key, away().url), wait=SHORT))
    assert again.objects.get(CHECKPOINT_PATH) == before
    assert covered(again) == published(again).checkpoint.size


def test_a_false_cosignature_on_the_published_checkpoint_is_dropped(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever can write to the object store cannot make it witnessed."""
    witness = stage.witness()
    audit = stage.open()
    audit.authorize()
    audit.close()
    note = audit.objects.get(CHECKPOINT_PATH).decode()
    forged = witness.signer.line((5).to_bytes(8, "big") + b"\x01" * 64)
    audit.objects.put(CHECKPOINT_PATH, (note + forged).encode())
    with caplog.at_level(logging.ERROR):
        again = stage.open(asking(WitnessAddress(witness.key, away().url), wait=SHORT))
    assert covered(again) == 0
    assert again.objects.get(CHECKPOINT_PATH).decode() == note
    assert "false cosignature" in caplog.text


def test_database_and_object_store_rolled_back_together_are_found_by_the_witness(
    stage: Stage,
) -> None:
    """R-48: a restored backup of both. Nothing on our side knows better; the witness does."""
    witness = stage.witness()
    stage.open(asking(witness)).close()
    restore = stage.keep("backup")
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.close()
    restore()
    error = refused(lambda: stage.open(asking(witness)))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert "has cosigned" in error.message
    assert "rolled back" in error.message


def test_found_later_where_the_witness_was_away_when_it_opened(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the witness answers the ledger goes on; then it stops, and says why."""
    witness = stage.witness()
    port = witness.server.port
    stage.open(asking(witness)).close()
    restore = stage.keep("backup")
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.authorize()
    audit.close()
    witness.stop()
    restore()
    audit = stage.open(asking(witness, wait=SHORT))
    audit.authorize("diaz")
    with (
        caplog.at_level(logging.CRITICAL),
        running_witness(stage.folder.parent / "w1.db", stage.key, signer=witness.signer, port=port),
    ):
        until(lambda: _stopped(audit))
    assert "alarm (witness)" in caplog.text
    before = audit.objects.get(CHECKPOINT_PATH)
    assert refused(audit.running.ledger.publish).code is ErrorCode.LEDGER_UNAVAILABLE
    assert audit.objects.get(CHECKPOINT_PATH) == before
    assert witness.signer.name in caplog.text


def _stopped(audit: AuditForTest) -> bool:
    try:
        audit.authorize("diaz")
    except OnRecordError as error:
        return error.code is ErrorCode.LEDGER_UNAVAILABLE and "cosigned" in error.message
    return False


def test_a_split_view_is_not_cosigned_and_stops_the_ledger(stage: Stage) -> None:
    """Another history of the same length, under the same key, its own object store and all."""
    witness = stage.witness()
    stage.open(asking(witness)).close()
    restore = stage.keep("backup")
    audit = stage.open(asking(witness))
    audit.authorize("olsen")
    audit.close()
    size = covered(audit)
    restore()
    other = stage.open()
    other.authorize("diaz")
    other.close()
    error = refused(lambda: stage.open(asking(witness)))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert f"not the first {size}" in error.message
    (evidence,) = {one.note for one in witness.book.refused()}
    assert open_checkpoint(evidence, stage.key).checkpoint.size == size


def test_a_witness_that_was_restored_is_an_alarm_and_goes_on(stage: Stage) -> None:
    """It forgot what it had cosigned: it could be shown another history."""
    witness = stage.witness()
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.running.ledger.publish()
    port, signer = witness.server.port, witness.signer
    witness.stop()
    fresh = stage.folder.parent / "restored.db"
    with running_witness(fresh, stage.key, signer=signer, port=port) as restored:
        # One that has cosigned less since, as an older copy of its database would have it.
        size = audit.authorize().entry.index + 1
        until(lambda: restored.book.known(ORIGIN).size >= size)
        until(lambda: alarms(audit) == ["witness"])
        until(lambda: covered(audit) >= size)
        audit.close()


def test_a_witness_restored_while_audit_was_away_is_an_alarm_too(stage: Stage) -> None:
    witness = stage.witness()
    audit = stage.open(asking(witness))
    audit.authorize()
    audit.running.ledger.publish()
    audit.close()
    witness.stop()
    fresh = stage.folder.parent / "restored.db"
    with running_witness(fresh, stage.key, signer=witness.signer) as restored:
        again = stage.open(asking(restored))
        until(lambda: alarms(again) == ["witness"])
        again.close()


def test_a_rolled_back_object_store_is_an_alarm_and_is_published_again(stage: Stage) -> None:
    """Found by audit at its next publication; by others who had seen more, at once."""
    restore = stage.keep("backup", database=False)
    audit = stage.open()
    audit.authorize()
    audit.running.ledger.publish()
    size = published(audit).checkpoint.size
    restore()
    assert published(audit).checkpoint.size < size
    audit.running.ledger.publish()
    assert published(audit).checkpoint.size >= size
    audit.running.ledger._publisher.tell()
    until(lambda: alarms(audit) == ["published_log"])
    audit.running.ledger.publish()
    verify(audit)
    audit.close()
    assert alarms(stage.open()) == ["published_log"]


def test_an_emptied_object_store_too(stage: Stage) -> None:
    audit = stage.open()
    shutil.rmtree(stage.folder / "public")
    audit.authorize()
    audit.running.ledger.publish()
    until(lambda: alarms(audit) == ["published_log"])
    audit.running.ledger.publish()
    verify(audit)


def test_two_lines_of_one_witness_do_not_pile_up(stage: Stage) -> None:
    witness = stage.witness()
    audit = stage.open(asking(witness))
    audit.authorize()
    for _ in range(3):
        audit.running.ledger.publish()
    note = audit.objects.get(CHECKPOINT_PATH).decode()
    assert note.count(f"— {witness.key.name} ") == 1
    assert with_cosignatures(note, ()) == note


def test_a_release_is_covered_once_it_is_cosigned(stage: Stage) -> None:
    """R-16: what the gateway asks before it leaves UNWITNESSED off a lead."""
    witness = stage.witness()
    audit = stage.open(asking(witness))
    search = audit.executed()
    for person in ("berg", "cole"):
        audit.decide(person, search.search_id)
    entry = audit.service.release(search.search_id, soon()).entry
    audit.running.ledger.publish()
    note = audit.service.witnessed_checkpoint(soon())
    assert entry.index < open_checkpoint(note, stage.key, [witness.key]).checkpoint.size


class Slow:
    """A witness that answers when it is let, and counts how many ask it at once."""

    def __init__(self) -> None:
        self.signer = new_signer()
        self.let = threading.Semaphore(0)
        self.asked: list[tuple[int, int]] = []
        self.at_once = self.most = 0

    @property
    def key(self) -> NoteVerifier:
        return self.signer.verifier

    def submit(self, submission: Submission) -> Answer:
        checkpoint = submission.checkpoint
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.asked.append((submission.old_size, checkpoint.size))
        self.let.acquire()
        self.at_once -= 1
        line = cosignature(checkpoint.text(), self.signer, 5)
        return Cosigned(read_cosignatures(checkpoint.text(), line, [self.key])[0])

    def close(self) -> None:
        self.let.release()


def test_one_submission_is_under_way_and_the_next_is_the_newest() -> None:
    """Whatever is wanted meanwhile: those in between are left out, not queued."""
    committed, slow = Committed(grown(MemoryLedger(), 20)), Slow()
    told = threading.Event()
    witnessing = asking(WitnessAddress(slow.key, "http://127.0.0.1:1"), wait=0.05)
    witnesses = Witnesses(witnessing, [slow], committed, told.set, lambda *_: None)
    witnesses.start()
    for size in range(1, 21):
        note = witnesses.cosign(committed.at(size))
        assert open_checkpoint(note, committed.ledger.key, [slow.key]).witnessed_by == ()
    assert slow.asked == [(0, 1)]
    slow.let.release(2)
    until(lambda: witnesses.witnessed() is not None)
    until(lambda: slow.asked == [(0, 1), (1, 20)])
    newest = witnesses.cosign(committed.at(20))
    assert open_checkpoint(newest, committed.ledger.key, [slow.key]).witnessed_by
    assert slow.most == 1
    assert told.is_set()
    witnesses.close()
