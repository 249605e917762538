"""What a use-case hands to the ledger: a body to append and what to remember beside it.

A proposal is asked once, inside the transaction that will append what it drafts: it reads the
books as they stand there and answers with a draft, with the entry that already says the same, or
by raising. It writes nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from onrecord.audit.core.emergency_books import OpenedEmergency, OpenEmergency, SettleEmergency
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that is counted against a quota. `window` is a UTC day, or '' for ever."""

    gallery: str
    scope: str
    subject: str
    window: str


@dataclass(frozen=True, slots=True)
class Remember:
    """This entry answers for `marker` from now on (repeatable calls)."""

    marker: str


@dataclass(frozen=True, slots=True)
class Idempotent:
    """This entry answers one person's idempotency key, for the request with this digest."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Count:
    """One more use of each counter."""

    counters: tuple[Counter, ...]


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """This entry is the grant of a search. `due`: when `galleries` must have reached their ends."""

    search_id: str
    galleries: tuple[str, ...]
    due: datetime


@dataclass(frozen=True, slots=True)
class EndGalleries:
    """This entry is the end of these galleries' part in a search."""

    search_id: str
    galleries: tuple[str, ...]
    kind: EntryKind


@dataclass(frozen=True, slots=True)
class AddExaminer:
    """A person takes up a task of a search."""

    search_id: str
    person: str
    task_id: str


@dataclass(frozen=True, slots=True)
class Decided:
    """This entry is a person's decision."""

    search_id: str
    person: str


@dataclass(frozen=True, slots=True)
class Concluded:
    """This entry is the outcome of a search."""

    search_id: str


@dataclass(frozen=True, slots=True)
class ReceiptSeen:
    """The last receipt of a gallery that stands in the ledger."""

    gallery: str
    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A gallery's receipts have come as far as one that was made at `made_at`."""

    gallery: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class GapPassed:
    """This entry tells that receipts of a gallery never came."""

    gallery: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a gallery's receipts have come in the ledger.

    `made_at`: when the latest was made, by its plane's clock, which never goes back within a
    gallery. `gap`: the entry of the last alarm that receipts never came; -1 where there is none.
    """

    made_at: datetime
    gap: int


@dataclass(frozen=True, slots=True)
class NumberedChange:
    """A change of a gallery in its place; `since`: when it came ahead of the one before it."""

    gallery: str
    sequence: int
    digest: str
    previous: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ChangeAwaited:
    """Nobody waits any longer for what comes before this change: it came, or it was told of."""

    gallery: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Held:
    """A receipt that waits for the one before it, since the ledger's time `since`."""

    gallery: str
    sequence: int
    digest: str
    attestation: Attestation
    since: datetime


@dataclass(frozen=True, slots=True)
class LetGo:
    """A held receipt, by its digest, waits no longer."""

    digest: str


@dataclass(frozen=True, slots=True)
class ActivatePolicy:
    """This bundle is in force from this entry on."""

    jurisdiction: str
    version: int
    bundle: AuthorityBundle


@dataclass(frozen=True, slots=True)
class PinKey:
    """A state's authority key (verifier key text)."""

    jurisdiction: str
    key: str


@dataclass(frozen=True, slots=True)
class UseModel:
    """The model a gallery is searched with from this entry on."""

    jurisdiction: str
    model_id: str


Mark = (
    Remember
    | Idempotent
    | Count
    | OpenSearch
    | EndGalleries
    | AddExaminer
    | Decided
    | Concluded
    | ReceiptSeen
    | Reached
    | GapPassed
    | NumberedChange
    | ChangeAwaited
    | Held
    | LetGo
    | ActivatePolicy
    | PinKey
    | UseModel
    | OpenEmergency
    | SettleEmergency
)


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be: its kind and body, without the time, which is the ledger's to give."""

    kind: EntryKind
    body: Mapping[str, Any] = field(hash=False)
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Existing:
    """The entry that already says it."""

    index: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Nothing to append, and what to remember all the same: `Held` and `LetGo` alone."""

    marks: tuple[Held | LetGo, ...] = ()


@dataclass(frozen=True, slots=True)
class Examiner:
    """A person at work on a search; `decided` is the entry of their decision, when there is one."""

    person: str
    task_id: str
    decided: int | None


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """What stands in the ledger about one granted search, by entry index."""

    search_id: str
    grant_index: int
    mandate: str
    ends: Mapping[str, tuple[EntryKind, int]] = field(hash=False)
    examiners: tuple[Examiner, ...]
    outcome: int | None


class Books(Protocol):
    """The ledger and what is remembered beside it, as seen inside one appending transaction."""

    @property
    def now(self) -> datetime:
        """The time the next entry will bear, to the hundredth of a second."""
        ...

    @property
    def epoch(self) -> int:
        """Rises whenever a policy, key or model changes."""
        ...

    def remembered(self, marker: str) -> int | None: ...

    def idempotent(self, key: str) -> tuple[str, int] | None:
        """Digest and entry index under an idempotency key."""
        ...

    def used(self, counters: Sequence[Counter]) -> tuple[int, ...]: ...

    def search(self, search_id: str) -> SearchRecord | None: ...

    def search_of_grant(self, grant_index: int) -> str | None: ...

    def emergencies(self, search_id: str) -> tuple[OpenedEmergency, ...]:
        """The emergencies of a search, by gallery; none where it was not granted as one."""
        ...

    def emergencies_of(self, person: str) -> tuple[OpenedEmergency, ...]:
        """A person's emergencies that are neither followed up nor lifted."""
        ...

    def body(self, index: int) -> dict[str, Any]: ...

    def last_receipt(self, gallery: str) -> tuple[int, str]:
        """Sequence and digest of a gallery's last logged receipt; (0, 64 zeros) before any."""
        ...

    def reach(self, gallery: str) -> Reach | None:
        """How far a gallery's receipts have come; None before the first was accepted."""
        ...

    def change(self, gallery: str, sequence: int) -> NumberedChange | None:
        """The change that stands in the ledger in this place of its gallery's chain."""
        ...

    def change_before(self, gallery: str, sequence: int) -> int:
        """The highest number below that stands in the ledger; 0 where none does."""
        ...

    def held(self) -> tuple[Held, ...]:
        """Of each gallery that has receipts waiting, the first in its sequence."""
        ...

    def active_policy(self, jurisdiction: str) -> tuple[int, str] | None:
        """Version and digest of the bundle in force."""
        ...

    def authority_key(self, jurisdiction: str) -> tuple[str, int] | None:
        """A state's newest key, and the entry that pinned it or put it in place of another."""
        ...

    def model(self, jurisdiction: str) -> tuple[str, int] | None: ...


Proposal = Callable[[Books], Draft | Existing]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A proposal that says beforehand what it will ask, so that the books are asked once for all
    the proposals of a transaction. `counters` are asked at the time that the entry will bear.
    """

    key: str
    counters: Callable[[datetime], Sequence[Counter]]
    proposal: Proposal

    def __call__(self, books: Books) -> Draft | Existing:
        return self.proposal(books)


Taking = Callable[[Books], Draft | Existing | Aside]
Settling = Callable[[Books], Draft | Aside | None]


@dataclass(frozen=True, slots=True)
class Item:
    """A message to be taken in. `otherwise` is asked where `taking` itself fails."""

    taking: Taking
    otherwise: Taking


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition has been taken in: `offset` is the next to be read.

    `digest` is the SHA-256 of the last payload before it, in hexadecimal: a bus that was restored
    from an older copy does not have it there.
    """

    topic: str
    number: int
    offset: int
    digest: str


@dataclass(frozen=True, slots=True)
class Intake:
    """A poll of the bus: its messages in order, and where it ended, for one transaction.

    `settling` is asked again and again, after the messages, until it answers None.
    """

    items: tuple[Item, ...]
    places: tuple[Place, ...]
    settling: Settling


class StaleEvaluationError(Exception):
    """The policies changed, or ran out, between evaluation and append: evaluate again.

    `now` is the time the entry would have borne.
    """

    def __init__(self, now: datetime) -> None:
        super().__init__("evaluated under policies that are no longer in force")
        self.now = now


@dataclass(frozen=True, slots=True)
class Appended:
    """A committed entry. `existed`: it stood there before this call."""

    index: int
    body: bytes
    nonce: bytes
    existed: bool
