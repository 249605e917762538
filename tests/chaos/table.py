"""The report as people read it."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.campaign import Report, Seen


def table(report: Report) -> str:
    """A line for each kind of fault, what clients heard, and every law that broke."""
    by_kind: dict[str, list[Seen]] = defaultdict(list)
    for one in report.seen:
        by_kind[one.kind].append(one)
    rows: list[tuple[str, ...]] = [
        ("fault", "times", "of", "back after, median", "worst", "clients heard")
    ]
    rows += [_row(kind, found) for kind, found in sorted(by_kind.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(["", *lines, "", *_told(report)])


def _row(kind: str, found: list[Seen]) -> tuple[str, ...]:
    back = [one.recovered for one in found if one.recovered is not None]
    heard: Counter[str] = Counter()
    for one in found:
        for what, count in one.heard.items():
            heard[what.rpartition(" ")[2]] += count
    return (
        kind,
        str(len(found)),
        str(len({one.target for one in found})),
        f"{statistics.median(back):.1f} s" if back else "never",
        f"{max(back):.1f} s" if len(back) == len(found) else "never",
        ", ".join(f"{count}x {what}" for what, count in heard.most_common(4)),
    )


def _told(report: Report) -> Iterator[str]:
    for name, counts in (
        ("clients", report.heard),
        ("records", report.records),
        ("ledger", report.ledger),
        ("searches for who was live", report.mates),
        ("leads", report.leads),
    ):
        yield f"{name}: " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    yield f"dead letters sent on again: {report.redriven}"
    yield f"{report.form}, seed {report.seed}: {len(report.seen)} faults in {report.seconds:.0f} s"
    for one in report.broken:
        yield f"BROKEN: {one}"
    yield f"{len(report.broken)} laws broke" if report.broken else "every law held"
