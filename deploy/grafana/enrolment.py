"""Portraits on their way into the galleries, over the bus."""

from deploy.grafana.board import GALLERIES, Board, Section
from deploy.grafana.bus import bus
from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, cloud, lines, ranking, state
from deploy.grafana.queries import (
    GALLERY,
    Query,
    increase,
    or_zero,
    quantile,
    ranked,
    rate,
    spread,
    worst,
)
from deploy.grafana.terms import ENROLLING, OURS, TOLD_BY_ALL

_CALL = "onrecord_request_seconds"
_ENROLLED = 'outcome="enrolled"'
_STALLED = (
    f"({worst('onrecord_bus_lag_messages', by='group')} > 0) unless on (group) "
    f"({rate('onrecord_bus_messages_total', by='group', over='10m')} > 0)"
)
_REJECTED = 'outcome="rejected"'


def enrolment() -> Board:
    return Board(
        "onrecord-enrolment",
        "Enrolment",
        "Portraits from the custodian's call to the live record: what came, what was rejected and "
        "why, how long it took, and where messages wait.",
        (
            Section("Records", _records()),
            Section("How long it takes", _time()),
            Section("The bus", bus()),
        ),
        (GALLERIES,),
    )


def _records() -> tuple[Sized, ...]:
    ended = "onrecord_enrolment_records_total"
    reasons = increase("onrecord_enrolment_rejects_total", by="reason")
    return (
        state(
            Says(
                "Enrolled an hour",
                "Records that went live, at the pace of the last five minutes. Normal: what "
                "custodians send; a manifest makes it thousands.",
                "short",
            ),
            Query(f"3600 * {rate(ended, GALLERY, _ENROLLED, over='5m')}"),
            width=6,
        ),
        state(
            Says(
                "Rejected",
                "The share of enrolments that ended rejected, in the time chosen. Normal: some "
                "per cent, by the quality of a state's portraits; a jump means that a state sends "
                "something else.",
                "percentunit",
            ),
            Query(
                f"({increase(ended, GALLERY, _REJECTED)} or "
                f"0 * {increase(ended, GALLERY)}) / {increase(ended, GALLERY)}"
            ),
            width=6,
            lines=False,
        ),
        state(
            Says(
                "Groups that stand still",
                "Groups that have messages before them and have finished none in ten minutes. "
                "Normal: 0.",
                "short",
                Bad("OnRecordConsumerStalled", 1),
            ),
            Query(or_zero(f"count ({_STALLED})", TOLD_BY_ALL)),
            width=6,
        ),
        state(
            Says(
                "Dead letters",
                "Enrolments and deletions that were given up and wait for somebody to send them "
                "on again (`onrecord dlq`). Normal: 0.",
                "short",
                Bad("OnRecordDeadLetters", 1),
            ),
            Query(worst("onrecord_dead_letters_waiting", 'about="enrolment"')),
            width=6,
        ),
        lines(
            Says(
                "Enrolments by gallery",
                "Records that went live or were rejected. Normal: what custodians send.",
                "ops",
            ),
            Query(rate(ended, GALLERY, by="gallery, outcome"), "{{gallery}} {{outcome}}"),
            width=8,
        ),
        ranking(
            Says(
                "Why portraits were rejected",
                "Reasons in the time chosen, the most frequent first. Normal: face_not_found and "
                "measures of quality. One reason that jumps is a state's new camera or export.",
                "short",
            ),
            Query(ranked(f"ceil({reasons})", "reason", TOLD_BY_ALL), "{{reason}}"),
            width=8,
        ),
        lines(
            Says(
                "Portraits taken by the gateway",
                "Calls that bring a portrait, by how they ended. Normal: ok alone; refused is the "
                "custodian's matter, shed says that it is full.",
                "reqps",
            ),
            Query(
                rate(f"{_CALL}_count", 'outcome=~"ok|refused"', *ENROLLING, by="outcome"),
                "{{outcome}}",
            ),
            Query(
                or_zero(
                    rate(f"{_CALL}_count", OURS, *ENROLLING),
                    rate(f"{_CALL}_count", *ENROLLING),
                ),
                "unavailable, failed, shed",
            ),
            width=8,
        ),
    )


def _time() -> tuple[Sized, ...]:
    return (
        cloud(
            Says(
                "From ticket to live",
                "Each column is a moment; the darker a field, the more enrolments took that long. "
                "Normal: a band at seconds; minutes and more while a manifest is taken in.",
                "s",
            ),
            spread("onrecord_enrolment_seconds", GALLERY),
            width=8,
        ),
        lines(
            Says(
                "From ticket to live, 99 of 100",
                "What 99 of 100 enrolments took at most, whatever they waited for, by gallery. "
                "Normal: seconds; a quarter of an hour is promised, also behind a manifest.",
                "s",
                Bad("OnRecordEnrolmentLatencyFastBurn", 900),
            ),
            Query(
                quantile(0.99, "onrecord_enrolment_seconds", GALLERY, by="gallery"), "{{gallery}}"
            ),
            width=8,
        ),
        lines(
            Says(
                "Taking a portrait, 95 of 100",
                "What 95 of 100 calls that bring a portrait took at most at the gateway, until it "
                "was stored and on the bus. Normal: below a second.",
                "s",
            ),
            Query(quantile(0.95, _CALL, *ENROLLING), "95 of 100"),
            width=8,
        ),
    )
