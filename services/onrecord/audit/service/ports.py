"""What the use-cases need from outside."""

from collections.abc import Sequence
from typing import Protocol

from onrecord.audit.core.draft import Appended, Proposal
from onrecord.audit.core.evaluation import PolicyShelf
from onrecord.contracts.audit import LoggedBody
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteVerifier


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

    def logged(self, appended: Appended) -> LoggedEntry:
        """The entry with its proof under the newest signed checkpoint."""
        ...

    def entries(self, indexes: Sequence[int]) -> tuple[LoggedEntry, ...]:
        """These entries, all proved under one checkpoint. Raises NOT_FOUND."""
        ...

    def bodies(self, after: int, limit: int) -> tuple[LoggedBody, ...]: ...

    def checkpoint(self) -> str: ...

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]: ...

    def wait_for_append(self, seconds: float) -> None:
        """Until the next batch is committed, or so many seconds."""
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
