"""Alerts on causes that somebody has to do something about before, or while, users suffer."""

from typing import Final

from deploy.alerts.rule import Alert, Group, Severity

_OURS: Final = "group by (namespace, job) (last_over_time(onrecord_build_info[1d]))"
_LEDGER_CLAIMS: Final = '{persistentvolumeclaim=~".*ledger.*"}'
_GIB: Final = 1024**3
_DAY: Final = 86400

SERVICES: Final = Group(
    "onrecord-services",
    (
        Alert(
            "OnRecordServiceAbsent",
            "group by (namespace, job, plane) (last_over_time(onrecord_build_info[1d]))\n"
            "unless group by (namespace, job, plane) (onrecord_build_info)",
            Severity.PAGE,
            "{{ $labels.job }} {{ $labels.plane }} is gone: not one of its processes answers",
            "Of {{ $labels.job }} {{ $labels.plane }} in {{ $labels.namespace }} there was a "
            "process in the last day, and there is none now.",
            lasts="2m",
        ),
        Alert(
            "OnRecordServiceAbsent",
            "absent(onrecord_build_info)",
            Severity.PAGE,
            "Prometheus sees nothing of OnRecord: every other alert is blind",
            "Not one process is scraped. Either nothing runs, or Prometheus does not find it.",
            lasts="5m",
            labels={"cause": "not scraped"},
        ),
        Alert(
            "OnRecordProcessUnreachable",
            f"up == 0 and on (namespace, job) {_OURS}\n"
            'or up{job="triton"} == 0 and on (namespace) group by (namespace)'
            " (last_over_time(onrecord_build_info[1d]))",
            Severity.TICKET,
            "{{ $labels.pod }} has not answered for a quarter of an hour",
            "Prometheus cannot scrape {{ $labels.pod }} ({{ $labels.job }}, "
            "{{ $labels.namespace }}). If others of its kind answer, users notice nothing yet.",
            lasts="15m",
        ),
        Alert(
            "OnRecordGalleryAbsent",
            "(group by (namespace, plane, gallery)"
            " (last_over_time(onrecord_gallery_records[1d]))\n"
            "unless on (namespace, gallery) onrecord_gallery_records)\n"
            "and on (namespace, plane) onrecord_build_info",
            Severity.PAGE,
            "The gallery of {{ $labels.gallery }} has gone: its plane runs and does not know it",
            "Plane {{ $labels.plane }} held {{ $labels.gallery }} in the last day and does not "
            "tell of it now: its roster cannot be read, or it was started on another database.",
            lasts="5m",
        ),
        Alert(
            "OnRecordCircuitOpen",
            "sum by (namespace, service) (increase(onrecord_circuit_refused_calls_total[5m])) > 0",
            Severity.TICKET,
            "{{ $labels.service }} has not answered its callers for ten minutes",
            "Calls to {{ $labels.service }} fail at once since several in a row had no answer: it "
            "runs and hangs, or the network between is cut.",
            lasts="10m",
        ),
        Alert(
            "OnRecordCertificateExpiring",
            "min by (namespace, job) (onrecord_certificate_expiry_seconds"
            " / onrecord_certificate_lifetime_seconds) < 0.2",
            Severity.TICKET,
            "The certificate of {{ $labels.job }} was not renewed when it should have been",
            "{{ $value | humanizePercentage }} of its life is left. When it is over, nobody talks "
            "to {{ $labels.job }} and what it signs is not believed.",
            lasts="10m",
        ),
        Alert(
            "OnRecordCertificateRunsOut",
            "min by (namespace, job) (onrecord_certificate_expiry_seconds"
            " / onrecord_certificate_lifetime_seconds) < 0.05",
            Severity.PAGE,
            "The certificate of {{ $labels.job }} is about to run out, or has",
            "{{ $value | humanizePercentage }} of its life is left. When it is over, nobody talks "
            "to {{ $labels.job }} and what it signs is not believed.",
            lasts="1m",
        ),
        Alert(
            "OnRecordGaugesUnreadable",
            "sum by (namespace, job, reading) (increase(onrecord_readings_failed_total[10m])) > 0",
            Severity.TICKET,
            "Some of what {{ $labels.job }} should tell cannot be read: alerts on it are blind",
            "The reading of {{ $labels.reading }} fails again and again, so its gauges are absent.",
            lasts="10m",
        ),
    ),
)

BUS: Final = Group(
    "onrecord-bus",
    (
        Alert(
            "OnRecordConsumerStalled",
            "max by (namespace, group) (onrecord_bus_lag_messages) > 0\n"
            "unless on (namespace, group)"
            " sum by (namespace, group) (rate(onrecord_bus_messages_total[10m])) > 0",
            Severity.PAGE,
            "{{ $labels.group }} reads nothing from the bus, and messages wait",
            "{{ $value }} messages wait for {{ $labels.group }}, which has finished none for ten "
            "minutes and more. Topics forget after 24 hours.",
            lasts="10m",
        ),
        Alert(
            "OnRecordLedgerBehind",
            'max by (namespace) (onrecord_bus_lag_messages{group="audit"}) > 1000',
            Severity.PAGE,
            "The ledger does not keep up with what planes tell it",
            "{{ $value }} receipts and changes wait to be taken into the ledger. Examinations wait "
            "for them; when it takes a minute, grants seem to have no end.",
            lasts="5m",
        ),
        Alert(
            "OnRecordDeadLetters",
            'max by (namespace, about) (onrecord_dead_letters_waiting{about="enrolment"}) > 0\n'
            "or max by (namespace, about)"
            ' (delta(onrecord_dead_letters_waiting{about="nothing"}[6h])) > 0',
            Severity.TICKET,
            "Enrolments or deletions are stuck until somebody sends them on again",
            "{{ $value }} messages could not be worked on (about {{ $labels.about }}). "
            "`onrecord dlq list` names them.",
            lasts="5m",
        ),
    ),
)

DATA: Final = Group(
    "onrecord-data",
    (
        Alert(
            "OnRecordRosterDrift",
            "sum by (namespace, gallery) (rate(onrecord_roster_drops_total[30m]))\n"
            "> 0.1 * sum by (namespace, gallery) (rate(onrecord_index_search_seconds_count[30m]))",
            Severity.TICKET,
            "The index of {{ $labels.gallery }} returns records that are no longer in the gallery",
            "In {{ $labels.gallery }} more than one hit in ten searches is dropped, since the "
            "roster does not hold it live. Nobody sees it; it takes the place of a true hit.",
            lasts="30m",
        ),
        Alert(
            "OnRecordTransportKeyOverdue",
            "max by (namespace, gallery) (onrecord_transport_keys_overdue) > 0",
            Severity.TICKET,
            "Keys to faces of {{ $labels.gallery }} should have been destroyed and were not",
            "{{ $value }} transport keys of {{ $labels.gallery }} have run out for an hour and "
            "more, and their plane has not destroyed them (R-46). Whoever kept messages of the bus "
            "can open them with these.",
            lasts="1h",
        ),
        Alert(
            "OnRecordPolicyExpiring",
            f"0 < max by (namespace, gallery) (onrecord_policy_expiry_seconds) < {14 * _DAY}",
            Severity.TICKET,
            "The policy of {{ $labels.gallery }} runs out in {{ $value | humanizeDuration }}",
            "When it has, the gallery refuses everything (R-1). Only the state can sign another.",
        ),
        Alert(
            "OnRecordPolicyExpired",
            "max by (namespace, gallery) (onrecord_policy_expiry_seconds) <= 0",
            Severity.PAGE,
            "The policy of {{ $labels.gallery }} has run out: its gallery refuses everything",
            "It ran out {{ $value | humanizeDuration }} from now (R-1). Only the state can sign "
            "another.",
        ),
        Alert(
            "OnRecordLedgerDiskFilling",
            "(min by (namespace)"
            f" (predict_linear(onrecord_ledger_disk_free_bytes[6h], {4 * _DAY})) < 0\n"
            f"and min by (namespace) (onrecord_ledger_disk_free_bytes) < {50 * _GIB})\n"
            "or (min by (namespace, persistentvolumeclaim) (predict_linear("
            f"kubelet_volume_stats_available_bytes{_LEDGER_CLAIMS}[6h], {4 * _DAY})) < 0\n"
            "and min by (namespace, persistentvolumeclaim) ("
            f"kubelet_volume_stats_available_bytes{_LEDGER_CLAIMS}"
            f" / kubelet_volume_stats_capacity_bytes{_LEDGER_CLAIMS}) < 0.5)",
            Severity.TICKET,
            "The ledger's disk will be full in four days",
            "As it went on in the last six hours. A full disk stops every search: no entry, no "
            "grant. {{ $labels.persistentvolumeclaim }}",
            lasts="1h",
        ),
        Alert(
            "OnRecordLedgerDiskFull",
            f"min by (namespace) (onrecord_ledger_disk_free_bytes) < {2 * _GIB}\n"
            "or min by (namespace, persistentvolumeclaim) ("
            f"kubelet_volume_stats_available_bytes{_LEDGER_CLAIMS}"
            f" / kubelet_volume_stats_capacity_bytes{_LEDGER_CLAIMS}) < 0.05",
            Severity.PAGE,
            "The ledger's disk is nearly full: when it is, nobody can search",
            "Less than 2 GiB, or a twentieth, is left. No entry, no grant. "
            "{{ $labels.persistentvolumeclaim }}",
            lasts="1m",
        ),
    ),
)
