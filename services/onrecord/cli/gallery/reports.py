"""What a list came to: rejects by reason, duplicates, as text and as CSV beside the list."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from onrecord.client import Manifest, ManifestRow, OnRecordClient

_SHOWN = 12
_COLUMNS = ("row", "record_id", "path", "status", "code", "enrolment_id")


class Tally:
    """Counts by reason and the first row numbers of each: a million rejects need no memory."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, list[int]] = {}

    def add(self, reason: str, row: int) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self.first.setdefault(reason, [])
        if len(shown) < _SHOWN:
            shown.append(row)

    def lines(self) -> list[str]:
        """One a reason, the most frequent first."""
        said = []
        for reason in sorted(self.counts, key=lambda name: (-self.counts[name], name)):
            rows = ", ".join(f"{row}" for row in self.first[reason])
            more = ", …" if self.counts[reason] > len(self.first[reason]) else ""
            said.append(f"  {reason:<24} {self.counts[reason]:>9,}  rows {rows}{more}")
        return said


def write_report(
    client: OnRecordClient, state: Manifest, path: Path, statuses: Sequence[str]
) -> Tally:
    """Rows in these states, or the duplicates for none, into a CSV file; none for none."""
    tally = Tally()
    duplicates = not statuses
    path.unlink(missing_ok=True)
    with ExitStack() as stack:
        table = None
        for one in _rows(client, state, statuses, duplicates=duplicates):
            if table is None:  # a report about nothing would be a file to look into
                file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                table = csv.writer(file)
                table.writerow(_COLUMNS)
            tally.add("duplicate" if duplicates else one.code or one.status, one.row)
            table.writerow(
                (one.row, one.record_id, one.path, one.status, one.code or "", one.enrolment_id)
            )
    return tally


def _rows(
    client: OnRecordClient, state: Manifest, statuses: Sequence[str], *, duplicates: bool
) -> Iterator[ManifestRow]:
    for chunk in state.chunks:
        wanted = chunk.duplicates if duplicates else sum(chunk.counts.get(n, 0) for n in statuses)
        if wanted:
            yield from client.manifest_rows(
                state.gallery, state.manifest_id, chunk.number, statuses, duplicates=duplicates
            )
