"""What waits for people: examinations, leads, searches that stay open."""

from deploy.grafana.board import Board, Section
from deploy.grafana.dress import Says
from deploy.grafana.panels import Sized, cloud, lines, state
from deploy.grafana.queries import Query, or_zero, quantile, rate, spread, worst
from deploy.grafana.terms import OURS

_CALL = "onrecord_request_seconds"
_DESK = ('job="gateway"', 'method=~".*/v1/(tasks|examiners).*"')
_ENTRIES = "onrecord_ledger_entries_total"
_TASKS = worst("onrecord_examination_open_tasks")


def casework() -> Board:
    return Board(
        "onrecord-casework",
        "Casework",
        "What waits for people and how fast they get it: examinations, decisions, leads. Numbers "
        "only; who examined what stands in the ledger.",
        (Section("What waits", _waits()), Section("What was done", _done())),
        hours=12,
    )


def _waits() -> tuple[Sized, ...]:
    return (
        state(
            Says(
                "Open tasks",
                "Examinations that wait for their examiner. Normal: what your examiners clear in "
                "a day; nobody is woken for it.",
                "short",
            ),
            Query(_TASKS),
            width=6,
        ),
        state(
            Says(
                "Longest wait",
                "How long ago the search was made whose task has waited longest; 0 without open "
                "tasks. Normal: below a working day.",
                "dtdurations",
            ),
            Query(or_zero(worst("onrecord_examination_oldest_seconds"), _TASKS)),
            width=6,
        ),
        state(
            Says(
                "Searches in casework",
                "Searches that are kept, of every status. Normal: closed ones leave it by the "
                "state's term.",
                "short",
            ),
            Query(f"sum ({worst('onrecord_searches_kept', by='status')})"),
            width=6,
        ),
        state(
            Says(
                "Examiners' calls not answered",
                "The share of calls about tasks, portraits and decisions that ended unavailable, "
                "failed or shed, in five minutes. Normal: 0.",
                "percentunit",
            ),
            Query(
                f"({rate(f'{_CALL}_count', OURS, *_DESK, over='5m')} or "
                f"0 * {rate(f'{_CALL}_count', *_DESK, over='5m')}) / "
                f"{rate(f'{_CALL}_count', *_DESK, over='5m')}"
            ),
            width=6,
        ),
        lines(
            Says(
                "Searches by status",
                "Searches in casework, on top of one another. Normal: sealed and examining come "
                "and go; what only climbs waits for examiners.",
                "short",
            ),
            Query(worst("onrecord_searches_kept", by="status"), "{{status}}"),
            stacked=True,
        ),
        lines(
            Says(
                "Open tasks, over time",
                "Examinations that wait. Normal: it falls in working hours.",
                "short",
            ),
            Query(_TASKS, "open tasks"),
        ),
    )


def _done() -> tuple[Sized, ...]:
    return (
        lines(
            Says(
                "Looks, decisions, leads",
                "Entries an hour: portraits looked at, examinations decided, leads released, "
                "searches closed. Normal: two decisions a search, and few leads.",
                "short",
            ),
            Query(
                "3600 * "
                + rate(
                    _ENTRIES,
                    'kind=~"look.granted|examination.decided|lead.released|search.closed"',
                    by="kind",
                ),
                "{{kind}}",
            ),
        ),
        lines(
            Says(
                "Emergencies and evidence",
                "Entries an hour: emergency instruments that came or were lifted, evidence that "
                "was opened. Normal: 0 on most days.",
                "short",
            ),
            Query(
                "3600 * "
                + rate(
                    _ENTRIES,
                    'kind=~"emergency.followed_up|emergency.lifted|evidence.opened"',
                    by="kind",
                ),
                "{{kind}}",
            ),
        ),
        cloud(
            Says(
                "How long examiners waited",
                "Calls about tasks, portraits and decisions; the darker a field, the more took "
                "that long. Normal: below a second: a portrait is opened by the plane.",
                "s",
            ),
            spread(_CALL, *_DESK),
            width=8,
        ),
        lines(
            Says(
                "Examiners' calls, 95 of 100",
                "What 95 of 100 calls took at most, the five slowest kinds. Normal: portraits and "
                "probes the longest, below a second.",
                "s",
            ),
            Query(f"topk(5, {quantile(0.95, _CALL, *_DESK, by='method')})", "{{method}}"),
            width=8,
        ),
        lines(
            Says(
                "Examiners' calls by how they ended",
                "Normal: ok; refused is a look beyond the rules, such as a second one.",
                "reqps",
            ),
            Query(rate(f"{_CALL}_count", *_DESK, by="outcome"), "{{outcome}}"),
            width=8,
            stacked=True,
        ),
    )
