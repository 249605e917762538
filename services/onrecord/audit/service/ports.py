"""What the use-cases need from outside."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from onrecord.audit.core.draft import Appended, Intake, Proposal
from onrecord.audit.core.emergency_books import OpenedEmergency
from onrecord.audit.core.evaluation import PolicyShelf
from onrecord.audit.core.fan_out import Asking
from onrecord.contracts.audit import LoggedBody, SearchEnd
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteVerifier


class ClockFault(Protocol):
    """What the clock said when the last entry lay far ahead of it."""

    clock: datetime
    last: datetime


class Ledger(Protocol):
    """The append-only log.

    MUST have committed an entry durably when `append` returns it. MUST sign no checkpoint but of
    a committed size and root.
    """

    def append(self, proposal: Proposal, deadline: Deadline) -> Appended:
        """Ask the proposal inside the appending transaction, and append what it drafts.

        Raises what the proposal raises, LEDGER_UNAVAILABLE, or DEADLINE_EXCEEDED.
        """
        ...

    def take(self, intake: Intake, deadline: Deadline) -> tuple[Appended, ...]:
        """Append what a poll of the bus says, and move its places on, in one transaction.

        Raises LEDGER_UNAVAILABLE or DEADLINE_EXCEEDED.
        """
        ...

    @property
    def clock_fault(self) -> ClockFault | None:
        """How wrong the clock was found to be, since `forget_clock_fault`."""
        ...

    def forget_clock_fault(self) -> None: ...

    def logged(self, appended: Appended) -> LoggedEntry:
        """The entry with its proof under the newest signed checkpoint."""
        ...

    def entries(self, indexes: Sequence[int]) -> tuple[LoggedEntry, ...]:
        """These entries, all proved under one checkpoint. Raises NOT_FOUND."""
        ...

    def bodies(self, after: int, limit: int) -> tuple[LoggedBody, ...]: ...

    def checkpoint(self) -> str: ...

    def witnessed(self) -> str:
        """The newest checkpoint that the quorum has cosigned. Raises NOT_FOUND."""
        ...

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]: ...

    def wait_for_append(self, seconds: float) -> None:
        """Until the next batch is committed, or so many seconds."""
        ...


class EndsOfSearches(Protocol):
    """What the books say of ends, outside an append."""

    def of(self, search_id: str) -> tuple[SearchEnd, ...]:
        """The ends there are, by gallery. Raises NOT_FOUND."""
        ...

    def overdue(self, now: datetime, limit: int) -> tuple[tuple[str, datetime], ...]:
        """Searches that lack an end which was due by `now`, and when it was; the oldest first."""
        ...

    def passed(self, limit: int) -> tuple[str, ...]:
        """Searches that lack an end of which receipts of later searches show that none comes.

        At most `limit` a gallery.
        """
        ...

    def changes_missing(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """Changes (gallery and number) that came by `before`, and the ones before them did not."""
        ...

    def any_held(self) -> bool:
        """Whether a receipt waits for the one before it."""
        ...


class Emergencies(Protocol):
    """What the books say of emergencies, outside an append."""

    def of(self, search_id: str) -> tuple[OpenedEmergency, ...]: ...

    def overdue(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Searches with a follow-up that is overdue and not alarmed yet."""
        ...


class RequestsMade(Protocol):
    """The requests in the ledger, granted and refused, in order."""

    def first_of(self, day: date) -> int:
        """The index of the first entry of a UTC day; the ledger's size where there is none yet."""
        ...

    def after(self, index: int, limit: int) -> tuple[tuple[Asking, ...], int]:
        """Those among the `limit` entries from `index` on, and the index to go on from."""
        ...


class Policies(Protocol):
    """The policies in force, parsed and kept in memory."""

    def shelf(self) -> PolicyShelf: ...

    def refresh(self) -> None:
        """Read again: the shelf was found to be stale."""
        ...

    def bundle(self, digest: str) -> AuthorityBundle:
        """Raises POLICY_MISSING."""
        ...

    def keys(self, jurisdiction: str) -> tuple[NoteVerifier, ...]:
        """The state's pinned authority keys."""
        ...
