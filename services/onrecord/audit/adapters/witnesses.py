"""The ledger's witnesses together: their cosignatures, and whether a quorum has given theirs."""

import logging
import threading
from collections.abc import Callable, Sequence

from onrecord.audit.adapters.witness_submitter import Submitter
from onrecord.audit.core.witnessing import AskedWitness, Committed, Obtained, Witnessing
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint
from onrecord.proof.cosignatures import Cosignature, cosignatures_on, with_cosignatures

_KEPT = 32
"""Checkpoints whose cosignatures are held: those of slower witnesses may still come."""

_log = logging.getLogger(__name__)


class Witnesses:
    """Asks every witness for every new head, side by side; nobody waits longer than is set.

    `told` is called when something has come that nobody was waiting for; `alarm` with what and
    why. Without witnesses everything here is empty and immediate.
    """

    def __init__(
        self,
        witnessing: Witnessing,
        asked: Sequence[AskedWitness],
        ledger: Committed,
        told: Callable[[], None],
        alarm: Callable[[str, str], None],
    ) -> None:
        self._witnessing = witnessing
        self._told = told
        self._changed = threading.Condition()
        self._signed: dict[Checkpoint, SignedCheckpoint] = {}
        self._found: dict[Checkpoint, dict[str, Cosignature]] = {}
        self._awaited: Checkpoint | None = None
        self._opened = False
        self._contradiction: str | None = None
        self._submitters = [
            Submitter(
                one, ledger, witnessing, self._changed, self._obtained, self._contradicted, alarm
            )
            for one in asked
        ]

    def remember(self, checkpoint: Checkpoint, note: str) -> None:
        """Before the start: a checkpoint that an earlier run had cosigned, as it was kept."""
        named = {one.witness.name for one in self._read(note)}
        for one in self._submitters:
            if one.name in named:
                one.remember(checkpoint.size)

    def start(self) -> None:
        for one in self._submitters:
            one.start()

    def close(self) -> None:
        for one in self._submitters:
            one.close()

    def adopt(self, signed: SignedCheckpoint, published: str) -> None:
        """Take over what the published note of this very checkpoint bears: another run's."""
        found = self._read(published)
        with self._changed:
            for one in found:
                self._keep(Obtained(signed, one))

    def cosign(self, signed: SignedCheckpoint) -> str:
        """The note of `signed` with the cosignatures there are, after waiting for the quorum.

        Waits `wait_seconds` at most, and not at all for witnesses that are known to be away. The
        first time it waits for all of them, whatever is cosigned: of a restored backup the
        published checkpoint bears its quorum, and only the witnesses know of a later one.
        Raises LEDGER_UNAVAILABLE where a witness has seen what this ledger does not extend.
        """
        checkpoint = signed.checkpoint
        if not self._submitters or checkpoint.size == 0:
            return signed.note
        with self._changed:
            self._awaited = checkpoint
            for one in self._submitters:
                one.want(signed)
            seconds = self._witnessing.wait_seconds
            self._changed.wait_for(lambda: self._settled(signed), timeout=seconds)
            self._awaited, self._opened = None, True
            if self._contradiction is not None:
                raise OnRecordError(
                    ErrorCode.LEDGER_UNAVAILABLE,
                    f"the ledger is stopped: {self._contradiction}",
                )
            return self._note(signed)

    def witnessed(self) -> SignedCheckpoint | None:
        """The largest checkpoint that the quorum has cosigned, as far as is held here."""
        with self._changed:
            met = [one for one in self._found if self._is_met(one)]
            if not met:
                return None
            newest = max(met, key=lambda one: one.size)
            return SignedCheckpoint(self._note(self._signed[newest]), newest)

    def _read(self, note: str) -> tuple[Cosignature, ...]:
        try:
            return cosignatures_on(note, self._witnessing.quorum.witnesses)
        except OnRecordError as error:
            _log.error("a checkpoint of ours bears a false cosignature: %s", error.message)
            return ()

    def _settled(self, signed: SignedCheckpoint) -> bool:
        if self._contradiction is not None:
            return True
        if not self._opened and not all(one.has_been_heard for one in self._submitters):
            return False
        return self._is_met(signed.checkpoint) or not any(
            one.may_still_cosign(signed) for one in self._submitters
        )

    def _is_met(self, checkpoint: Checkpoint) -> bool:
        return self._witnessing.quorum.met_by(self._found.get(checkpoint, {}))

    def _note(self, signed: SignedCheckpoint) -> str:
        found = self._found.get(signed.checkpoint, {})
        order = [one.name for one in self._witnessing.quorum.witnesses]
        return with_cosignatures(signed.note, [found[name] for name in order if name in found])

    def _obtained(self, found: Obtained) -> None:
        self._keep(found)
        if found.signed.checkpoint != self._awaited:
            self._told()

    def _keep(self, found: Obtained) -> None:
        checkpoint, one = found.signed.checkpoint, found.cosignature
        self._signed.setdefault(checkpoint, found.signed)
        held = self._found.setdefault(checkpoint, {})
        known = held.get(one.witness.name)
        if known is None or known.time < one.time:
            held[one.witness.name] = one
        while len(self._found) > _KEPT:
            smallest = min(self._found, key=lambda each: each.size)
            del self._found[smallest], self._signed[smallest]

    def _contradicted(self, why: str) -> None:
        _log.critical("alarm (witness): %s", why)
        self._contradiction = self._contradiction or why
        self._changed.notify_all()
        self._told()
