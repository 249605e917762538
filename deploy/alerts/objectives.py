"""What users are promised, and alerts on how fast what it allows to go wrong is used up.

Several windows and several burn rates, as in Google's SRE Workbook, chapter 5: an alert fires
where a long window has burnt a share of the month's budget, and stops soon after, since a short
window must burn as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deploy.alerts.rule import Alert, Group, Record, Severity

_RECORDED: Final = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600}
"""Computed from what was scraped; in seconds."""
_AVERAGED: Final = {"1d": 86400, "3d": 259200}
"""Averages of what was computed for five minutes: days of scrapes are too many to be read."""
_SECONDS: Final = _RECORDED | _AVERAGED
_AT_LEAST: Final = 3
"""Bad ones in the long window: one search that fails at night is nobody's emergency."""


@dataclass(frozen=True, slots=True)
class Burn:
    """`rate`: how many times faster than would use up the budget in exactly thirty days."""

    long: str
    short: str
    rate: float
    lasts: str
    fast: bool


BURNS: Final = (
    Burn("1h", "5m", 14.4, "2m", fast=True),
    Burn("6h", "30m", 6.0, "5m", fast=True),
    Burn("1d", "2h", 3.0, "15m", fast=False),
    Burn("3d", "6h", 1.0, "30m", fast=False),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """`goal`: the share that is to be good, in thirty days. `total` and `bad` are rates, with
    WINDOW in place of the window. `broken`: what a bad one is, in words.
    """

    name: str
    alert: str
    goal: float
    total: str
    bad: str
    broken: str
    fast: Severity = Severity.PAGE

    @property
    def prefix(self) -> str:
        return f"onrecord:{self.name}"

    @property
    def budget(self) -> str:
        return f"{1 - self.goal:g}"


_SEARCHES: Final = 'onrecord_request_seconds_count{job="gateway", method="POST /v1/searches"'
_BROUGHT: Final = (
    'onrecord_request_seconds_count{job="gateway", method=~"PUT /v1/galleries/.+/records/.+'
    '|POST /v1/galleries/.+/portraits"'
)


def _rate(selector: str) -> str:
    return f"sum by (namespace) (rate({selector}[WINDOW]))"


SEARCH_AVAILABILITY: Final = Objective(
    "search_availability",
    "OnRecordSearchAvailability",
    0.999,
    total=_rate(_SEARCHES + "}"),
    # A search that is answered may still have a gallery that was not searched: the ledger says so.
    bad=f"""\
({_rate(_SEARCHES + ', outcome=~"unavailable|failed|shed"}')}
  or 0 * {_rate(_SEARCHES + "}")})
+ ({_rate('onrecord_ledger_entries_total{kind=~"search.failed|search.expired"}')}
  or 0 * {_rate(_SEARCHES + "}")})""",
    broken="Searches fail, are turned away, or leave a granted gallery out",
)
SEARCH_LATENCY: Final = Objective(
    "search_latency",
    "OnRecordSearchLatency",
    0.99,
    total=_rate(_SEARCHES + ', outcome="ok"}'),
    bad=f"""\
{_rate(_SEARCHES + ', outcome="ok"}')}
- {_rate(_SEARCHES.replace("_count", "_bucket") + ', outcome="ok", le="2.5"}')}""",
    broken="Searches take longer than 2.5 seconds",
)
ENROLMENT_AVAILABILITY: Final = Objective(
    "enrolment_availability",
    "OnRecordEnrolmentAvailability",
    0.995,
    total=_rate(_BROUGHT + "}"),
    # Whoever fills a gallery goes on until there is no room: being turned away is no failure here.
    bad=f"""\
{_rate(_BROUGHT + ', outcome=~"unavailable|failed"}')}
or 0 * {_rate(_BROUGHT + "}")}""",
    broken="Portraits cannot be brought",
)
ENROLMENT_LATENCY: Final = Objective(
    "enrolment_latency",
    "OnRecordEnrolmentLatency",
    0.99,
    total=_rate("onrecord_enrolment_seconds_count"),
    bad=f"""\
{_rate("onrecord_enrolment_seconds_count")}
- {_rate('onrecord_enrolment_seconds_bucket{le="900.0"}')}""",
    broken="Records become live later than in a quarter of an hour",
    fast=Severity.TICKET,
)
OBJECTIVES: Final = (
    SEARCH_AVAILABILITY,
    SEARCH_LATENCY,
    ENROLMENT_AVAILABILITY,
    ENROLMENT_LATENCY,
)


def groups() -> Iterator[Group]:
    for one in OBJECTIVES:
        name = one.name.replace("_", "-")
        yield Group(f"onrecord-{name}", (*_records(one), *_alerts(one)))


def _records(one: Objective) -> Iterator[Record]:
    yield Record(f"{one.prefix}:objective", f"vector({one.goal:g})")
    for window in _RECORDED:
        for what, expr in (("total", one.total), ("bad", one.bad)):
            yield Record(f"{one.prefix}:{what}_rate{window}", expr.replace("WINDOW", window))
    for window in _AVERAGED:
        for what in ("total", "bad"):
            expr = f"avg_over_time({one.prefix}:{what}_rate5m[{window}])"
            yield Record(f"{one.prefix}:{what}_rate{window}", expr)
    for window in _SECONDS:
        # Of nothing nothing is bad: without a request there is no ratio.
        bad, total = f"{one.prefix}:bad_rate{window}", f"{one.prefix}:total_rate{window}"
        ratio = f"clamp_max({bad} / ({total} > 0), 1)"
        yield Record(f"{one.prefix}:error_ratio_rate{window}", ratio)
    month = " / ".join(
        f"sum_over_time({one.prefix}:{what}_rate5m[30d])" for what in ("bad", "total")
    )
    yield Record(f"{one.prefix}:error_budget_left", f"1 - ({month}) / {one.budget}")


def _alerts(one: Objective) -> Iterator[Alert]:
    for burn in BURNS:
        limit = f"{burn.rate:g} * {one.budget}"
        long, short = (
            f"{one.prefix}:error_ratio_rate{window} > {limit}" for window in (burn.long, burn.short)
        )
        some = f"{one.prefix}:bad_rate{burn.long} * {_SECONDS[burn.long]} >= {_AT_LEAST}"
        speed = "Fast" if burn.fast else "Slow"
        yield Alert(
            f"{one.alert}{speed}Burn",
            f"{long}\nand {short}\nand {some}",
            one.fast if burn.fast else Severity.TICKET,
            summary=f"{one.broken}: {{{{ $value | humanizePercentage }}}} in {_spoken(burn.long)}",
            description=(
                f"{one.goal:.1%} are to be good in thirty days. What may go wrong in that "
                f"time goes wrong {burn.rate:g} times as fast, over {burn.long} and over "
                f"{burn.short}. Namespace {{{{ $labels.namespace }}}}."
            ),
            lasts=burn.lasts,
            labels={"window": burn.long},
        )


def _spoken(window: str) -> str:
    return {"1h": "an hour", "6h": "six hours", "1d": "a day", "3d": "three days"}[window]
