"""From what the gateway keeps to what a client is shown: nothing of the candidates."""

import base64
from collections.abc import Sequence

from onrecord.contracts.audit import ActivePolicy, LoggedBody
from onrecord.contracts.images import QualityMeasure
from onrecord.contracts.vector_search import GalleryInfo
from onrecord.gateway.administration import Landscape
from onrecord.gateway.core import views
from onrecord.gateway.core.states import GalleryState, Reason
from onrecord.gateway.emergencies import Emergency, granted_as_emergency
from onrecord.gateway.examinations import OpenedTask
from onrecord.gateway.store import Search, Task
from onrecord.gateway.store.events import Event
from onrecord.kernel.times import format_time
from onrecord.proof.entry import LoggedEntry


def search_view(search: Search, emergencies: Sequence[Emergency] | None = None) -> views.SearchView:
    """`emergencies` as the ledger knows them; without, what the grant itself says."""
    told = granted_as_emergency(search) if emergencies is None else emergencies
    return views.SearchView(
        search_id=search.search_id,
        status=search.status.value,
        case_number=search.case_number,
        probe_sha256=search.probe_sha256,
        list_size=search.list_size,
        created_at=format_time(search.created_at),
        expires_at=None if search.expires_at is None else format_time(search.expires_at),
        galleries=[gallery_view(state) for state in search.galleries],
        reasons=[_reason(reason) for reason in search.reasons],
        emergencies=[
            views.EmergencyView(
                one.gallery, format_time(one.due), one.status.value, one.entry_index
            )
            for one in told
        ],
        receipt=entry_view(search.entry),
    )


def emergency_view(one: Emergency) -> views.EmergencyView:
    return views.EmergencyView(one.gallery, format_time(one.due), one.status.value, one.entry_index)


def search_page(searches: Sequence[Search], limit: int) -> views.SearchPage:
    after = searches[-1].search_id if len(searches) == limit else None
    return views.SearchPage([search_view(search) for search in searches], after)


def gallery_view(state: GalleryState) -> views.GalleryView:
    receipt = None
    if state.receipt_sequence is not None and state.receipt_sha256 is not None:
        receipt = views.ReceiptView(
            state.receipt_sequence, state.receipt_sha256, state.receipt_index
        )
    return views.GalleryView(
        gallery=state.gallery,
        status=state.status.value,
        reasons=[_reason(reason) for reason in state.reasons],
        retryable=state.retryable,
        policy=state.policy,
        model_id=state.model_id,
        list_size=state.list_size,
        receipt=receipt,
    )


def entry_view(entry: LoggedEntry) -> views.EntryView:
    return views.EntryView(
        body=_base64(entry.body),
        nonce=_base64(entry.nonce),
        index=entry.index,
        inclusion=[_base64(part) for part in entry.inclusion],
        checkpoint=entry.checkpoint,
    )


def event_page(events: Sequence[Event], after: int) -> views.EventPage:
    listed = [
        views.EventView(one.event_id, one.time, one.kind, one.ref, dict(one.data)) for one in events
    ]
    return views.EventPage(listed, events[-1].event_id if events else after)


def task_page(tasks: Sequence[Task], limit: int) -> views.TaskPage:
    after = tasks[-1].task_id if len(tasks) == limit else None
    return views.TaskPage(
        [views.TaskSummary(task.task_id, task.status.value) for task in tasks], after
    )


def task_view(opened: OpenedTask) -> views.TaskView:
    return views.TaskView(
        opened.task.task_id,
        opened.task.status.value,
        [views.CandidateView(reference) for reference in opened.candidate_refs],
    )


def decision_view(task: Task) -> views.DecisionView:
    return views.DecisionView(task.task_id, task.status.value, task.decision_index)


def quality_view(measure: QualityMeasure) -> views.QualityView:
    return views.QualityView(
        measure.component, measure.value, measure.gate, measure.unit, measure.passed
    )


def gallery_list(land: Landscape) -> views.GalleryList:
    return views.GalleryList(
        [gallery_info_view(one, land.policies.get(one.jurisdiction)) for one in land.galleries],
        [views.AwayView(name, why.code.value, why.message) for name, why in land.away.items()],
    )


def gallery_info_view(
    info: GalleryInfo, policy: ActivePolicy | None = None
) -> views.GalleryInfoView:
    return views.GalleryInfoView(
        gallery=info.jurisdiction,
        plane=info.plane,
        model_id=info.model_id,
        metric=info.metric,
        authority_key=info.authority_key,
        public_key=_base64(info.public_key),
        live_records=info.live_records,
        last_sequence=info.last_sequence,
        policy=None if policy is None else views.PolicyInForceView(policy.version, policy.expires),
    )


def policy_view(policy: ActivePolicy) -> views.PolicyView:
    return views.PolicyView(
        gallery=policy.jurisdiction,
        version=policy.version,
        digest=policy.digest,
        effective=policy.effective,
        expires=policy.expires,
        citation=policy.citation,
        legal_review=policy.legal_review,
    )


def body_page(bodies: Sequence[LoggedBody], limit: int) -> views.BodyPage:
    after = bodies[-1].index + 1 if len(bodies) == limit else None
    shown = [views.BodyView(one.index, _base64(one.nonce), _base64(one.body)) for one in bodies]
    return views.BodyPage(shown, after)


def _reason(reason: Reason) -> views.ReasonView:
    return views.ReasonView(reason.code, reason.message)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
