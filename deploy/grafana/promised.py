"""What users are promised, and how much of what may go wrong in thirty days is left."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, state
from deploy.grafana.queries import Query, least
from deploy.grafana.terms import TO_ENROLMENT, TO_SEARCH

_PROMISES = (
    (
        "search_availability",
        "Searches answered: budget left",
        "99.9 % of searches end as they should (not unavailable, failed, shed or with a gallery "
        "left out).",
        "OnRecordSearchAvailability",
        TO_SEARCH,
    ),
    (
        "search_latency",
        "Searches in time: budget left",
        "99 % of searches are answered within 2.5 seconds.",
        "OnRecordSearchLatency",
        TO_SEARCH,
    ),
    (
        "enrolment_availability",
        "Enrolments accepted: budget left",
        "99.5 % of portraits can be brought.",
        "OnRecordEnrolmentAvailability",
        TO_ENROLMENT,
    ),
    (
        "enrolment_latency",
        "Enrolments in time: budget left",
        "99 % of enrolments are live within a quarter of an hour.",
        "OnRecordEnrolmentLatency",
        TO_ENROLMENT,
    ),
)


def promised() -> tuple[Sized, ...]:
    """Error budgets, by the recording rules that the alerts stand on."""
    return tuple(_budget(*one) for one in _PROMISES)


def _budget(name: str, title: str, promise: str, alert: str, more: tuple[str, str]) -> Sized:
    says = (
        f"{promise} What is left of what may go wrong in thirty days; below 0 more went wrong "
        "than was promised. Normal: above half. Where nobody asked in that time, all of it."
    )
    left = least(f"onrecord:{name}:error_budget_left")
    asked_nothing = f"0 * max (onrecord:{name}:objective{{}}) + 1"
    return state(
        Says(
            title,
            says,
            "percentunit",
            Bad(f"{alert}SlowBurn", 0, 0.25, True, (f"{alert}FastBurn",)),
            more,
        ),
        Query(f"{left} or {asked_nothing}"),
        width=6,
        height=3,
        lines=False,
    )
