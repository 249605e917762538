"""What clients are shown. These classes are the schemas of `/openapi.json`.

Similarities are whole millionths of a cosine, never a probability; times are RFC 3339 in UTC.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventView:
    """`ref` names what changed: a search, a task, an enrolment, a manifest's chunk.

    `data` says what of it, such as `{"status": "released"}`. Look there for the rest.
    """

    id: int
    time: str
    kind: str
    ref: str
    data: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class EventPage:
    """`next` is what to send as `after`: it stays as it was where there is nothing new."""

    events: list[EventView]
    next: int


@dataclass(frozen=True, slots=True)
class ReasonView:
    """Why, with a stable code."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """The plane's receipt: its number in the gallery and the hash of its statement.

    `entry_index` is where the ledger holds it; null until it has got there, a moment later.
    """

    sequence: int
    statement_sha256: str
    entry_index: int | None


@dataclass(frozen=True, slots=True)
class GalleryView:
    """One gallery of a search. `retryable` says whether trying again may reach it."""

    gallery: str
    status: str
    reasons: list[ReasonView]
    retryable: bool
    policy: str | None
    model_id: str | None
    list_size: int
    receipt: ReceiptView | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """The ledger's entry with its proof (base64 but for index and checkpoint)."""

    body: str
    nonce: str
    index: int
    inclusion: list[str]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class EmergencyView:
    """A gallery granted as an emergency. `status`: `due`, `overdue`, `followed_up`, `lifted`, or
    `unknown` while the ledger does not answer; `entry_index` is the entry that made it so.
    """

    gallery: str
    due: str
    status: str
    entry_index: int | None


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search as its requester sees it. `receipt` proves that the request is on the record.

    `emergencies` is empty but for a search that went before its instrument.
    """

    search_id: str
    status: str
    case_number: str
    probe_sha256: str
    list_size: int
    created_at: str
    expires_at: str | None
    galleries: list[GalleryView]
    reasons: list[ReasonView]
    emergencies: list[EmergencyView]
    receipt: EntryView


@dataclass(frozen=True, slots=True)
class SearchPage:
    searches: list[SearchView]
    next: str | None


@dataclass(frozen=True, slots=True)
class TaskSummary:
    task_id: str
    status: str


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: list[TaskSummary]
    next: str | None


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate as an examiner sees it: a name that says nothing."""

    candidate_ref: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task with its candidates in an order that says nothing."""

    task_id: str
    status: str
    candidates: list[CandidateView]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision that is on the record. The index is null where its answer was lost once."""

    task_id: str
    status: str
    entry_index: int | None


@dataclass(frozen=True, slots=True)
class ExaminerView:
    person: str
    agency: str
    training_completed: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """One component of the probe's quality; `value` and `gate` in millionths of `unit`."""

    component: str
    value: int
    gate: int
    unit: str
    passed: bool


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead: the state's own id of a record. `similarity` in millionths, not a probability."""

    gallery: str
    record_id: str
    candidate_ref: str
    similarity: int


@dataclass(frozen=True, slots=True)
class LeadReport:
    """INVESTIGATIVE LEAD ONLY, with all that R-16 demands."""

    search_id: str
    case_number: str
    stamps: list[str]
    leads: list[LeadView]
    reason: str
    probe_sha256: str
    probe_quality: list[QualityView]
    models: list[str]
    galleries: list[GalleryView]
    threshold: str
    entry_index: int


@dataclass(frozen=True, slots=True)
class PolicyInForceView:
    """Which policy of its state a gallery is searched under."""

    version: int
    expires: str


@dataclass(frozen=True, slots=True)
class GalleryInfoView:
    """A gallery as anyone signed in may know it. `public_key` is X25519 in base64.

    `last_sequence` is the number of its plane's last receipt. `policy` is null where none is in
    force, and where audit is among what is `unavailable`.
    """

    gallery: str
    plane: str
    model_id: str
    metric: str
    authority_key: str
    public_key: str
    live_records: int
    last_sequence: int
    policy: PolicyInForceView | None


@dataclass(frozen=True, slots=True)
class AwayView:
    """A plane by its name, or `audit`, that did not answer: what it holds is not listed."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class GalleryList:
    galleries: list[GalleryInfoView]
    unavailable: list[AwayView]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy in force. `digest` is the SHA-256 of its bundle's manifest."""

    gallery: str
    version: int
    digest: str
    effective: str
    expires: str
    citation: str
    legal_review: str


@dataclass(frozen=True, slots=True)
class PolicyList:
    policies: list[PolicyView]


@dataclass(frozen=True, slots=True)
class LoggedView:
    """Something was written to the ledger."""

    entry_index: int


@dataclass(frozen=True, slots=True)
class BodyView:
    """An entry's body and nonce, base64, exactly as the leaf commits to them."""

    index: int
    nonce: str
    body: str


@dataclass(frozen=True, slots=True)
class BodyPage:
    """`next` is what to send as `after` for the following bodies; null at the end."""

    bodies: list[BodyView]
    next: int | None


@dataclass(frozen=True, slots=True)
class HealthView:
    status: str


@dataclass(frozen=True, slots=True)
class ReadinessView:
    """`ready` only when every check holds; `checks` maps its name to `ok` or why not."""

    status: str
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class ProblemView:
    """RFC 9457 problem details. `code` is stable; `field` names what is at fault, as a path."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    field: str | None = None
    details: dict[str, str | int] | None = None
