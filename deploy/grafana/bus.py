"""What waits on the bus, what was done, and what was given up."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, ranking
from deploy.grafana.queries import Query, increase, mean, quantile, ranked, rate, worst
from deploy.grafana.terms import TOLD_BY_ALL


def bus() -> tuple[Sized, ...]:
    messages = "onrecord_bus_messages_total"
    dead = increase("onrecord_bus_dead_letters_total", by="group, reason")
    return (
        lines(
            Says(
                "Messages behind, by group and topic",
                "How many messages stand beyond what a group has finished. Normal: near 0. A line "
                "that only climbs: its group finishes less than comes, or nothing.",
                "short",
            ),
            Query(worst("onrecord_bus_lag_messages", by="group, topic"), "{{group}} {{topic}}"),
        ),
        lines(
            Says(
                "Messages finished",
                "Messages a second that each group is done with. Normal: it follows what comes; 0 "
                "beside a lag is a group that stands still.",
                "ops",
            ),
            Query(rate(messages, 'outcome="done"', by="group"), "{{group}}"),
        ),
        lines(
            Says(
                "Put aside, or given up",
                "Messages that are tried again later (parked), and that were given up (dead). "
                "Normal: 0; parked while a part is away.",
                "ops",
            ),
            Query(
                rate(messages, 'outcome=~"parked|dead"', by="group, outcome"),
                "{{group}} {{outcome}}",
            ),
            width=8,
        ),
        ranking(
            Says(
                "Why messages were given up",
                "The code of the error, in the time chosen, by group. Normal: none.",
                "short",
                Bad("OnRecordDeadLetters", 1),
            ),
            Query(
                ranked(f"ceil({dead})", "group", TOLD_BY_ALL),
                "{{group}} {{reason}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Worked on together",
                "How many messages of one poll are worked on together, mean by group. Normal: "
                "near 1 at rest, up to the poll's limit while a manifest is taken in.",
                "short",
            ),
            Query(mean("onrecord_bus_worked_together_messages", by="group"), "{{group}}"),
            width=8,
        ),
        lines(
            Says(
                "Work on one poll, 95 of 100",
                "What 95 of 100 polls took at most, by group. Normal: detection is the longest; "
                "it must stay far below the group's session, or its partitions are taken away.",
                "s",
            ),
            Query(quantile(0.95, "onrecord_bus_work_seconds", by="group"), "{{group}}"),
            width=24,
            height=6,
        ),
    )
