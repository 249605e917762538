"""One witness, asked in a thread of its own: one submission under way, always the newest head."""

import logging
import threading
from collections.abc import Callable

from onrecord.audit.core.witnessing import (
    AskedWitness,
    Committed,
    ContradictionError,
    Obtained,
    WitnessAwayError,
    Witnessing,
    obtain,
)
from onrecord.proof.checkpoint import SignedCheckpoint

_log = logging.getLogger(__name__)


class Submitter:
    """Submits what is wanted until it is cosigned. What it hears goes to `obtained`.

    `changed` is shared with whoever waits; it is held for every change and every call back.
    """

    def __init__(
        self,
        witness: AskedWitness,
        ledger: Committed,
        timing: Witnessing,
        changed: threading.Condition,
        obtained: Callable[[Obtained], None],
        contradicted: Callable[[str], None],
        alarm: Callable[[str, str], None],
    ) -> None:
        self.name = witness.key.name
        self._witness = witness
        self._ledger = ledger
        self._timing = timing
        self._changed = changed
        self._obtained = obtained
        self._contradicted = contradicted
        self._alarm = alarm
        self.has_been_heard = False
        """Whether it has answered, or failed to, since the start."""
        self._wanted: SignedCheckpoint | None = None
        self._cosigned = self._promised = 0
        self._failures = 0
        self._resting = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"witness {self.name}", daemon=True)

    def remember(self, size: int) -> None:
        """We have its signature on so many entries, from an earlier run."""
        self._promised = max(self._promised, size)

    def start(self) -> None:
        self._thread.start()

    def want(self, signed: SignedCheckpoint) -> None:
        """From now on this checkpoint, if it is larger than what is cosigned. `changed` held."""
        self._wanted = signed
        self._changed.notify_all()

    def may_still_cosign(self, signed: SignedCheckpoint) -> bool:
        """Whether waiting a moment for this one makes sense. `changed` held."""
        return not (self._resting or self._closing) and self._cosigned < signed.checkpoint.size

    def close(self) -> None:
        """Break off what is under way, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._witness.close()
        if self._thread.is_alive():
            self._thread.join(self._timing.call_seconds)

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            try:
                known, promised = self._cosigned, self._promised
                found = obtain(self._witness, self._ledger, wanted, known, promised, self._forgot)
            except ContradictionError as error:
                with self._changed:
                    self._closing = True
                    self._contradicted(str(error))
                return
            except WitnessAwayError as error:
                self._rest(str(error))
            except Exception as error:  # noqa: BLE001 - the database, say, is away: it comes back
                _log.exception("what %s is to be asked could not be read", self.name)
                self._rest(repr(error))
            else:
                self._keep(found)

    def _next(self) -> SignedCheckpoint | None:
        with self._changed:
            while not self._closing:
                wanted = self._wanted
                if wanted is not None and wanted.checkpoint.size > self._cosigned:
                    return wanted
                self._changed.wait()
        return None

    def _keep(self, found: Obtained) -> None:
        with self._changed:
            if self._failures:
                _log.info("%s cosigns again", self.name)
            self._failures = 0
            self.has_been_heard = True
            self._cosigned = self._promised = found.signed.checkpoint.size
            self._obtained(found)
            self._changed.notify_all()

    def _rest(self, why: str) -> None:
        with self._changed:
            if self._closing:
                return
            if not self._failures:
                _log.warning("not cosigned; it is asked again and again: %s", why)
            self._failures += 1
            pause = self._timing.first_pause * 2.0 ** min(self._failures - 1, 32)
            self._resting = self.has_been_heard = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._closing, timeout=min(pause, self._timing.longest_pause)
            )
            self._resting = False

    def _forgot(self, size: int) -> None:
        why = (
            f"{self.name} has cosigned {self._promised} entries and now knows of {size}: it was "
            "restored from an older copy, and could be shown another history"
        )
        _log.error("alarm (witness): %s", why)
        self._alarm("witness", why)
