"""One of several audit processes on one ledger: it opens it, asks, and tells what came of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from onrecord.kernel.times import SystemClock
from tests.builders.audit import AuditForTest, open_audit


@dataclass(frozen=True, slots=True)
class Told:
    """What one request was answered: its entry, whether Utah granted it, and why not."""

    index: int
    search_id: str
    granted: bool
    codes: tuple[str, ...]


def ask(
    ends: Connection, folder: str, url: str, named: str, requests: int, changes: dict[str, Any]
) -> None:
    """Tell that it is open, wait for a word, make `requests` at once, tell what was answered."""
    audit = open_audit(Path(folder), clock=SystemClock(), url=url)
    try:
        ends.send("open")
        ends.recv()
        ends.send(_asked(audit, named, requests, changes))
        ends.recv()  # until everybody has been answered
    finally:
        audit.close()


def _asked(audit: AuditForTest, named: str, requests: int, changes: dict[str, Any]) -> list[Told]:
    start = threading.Barrier(requests)

    def one(number: int) -> Told:
        own: dict[str, Any] = {
            "key": f"{named}-{number}",
            "case_number": f"case-{named}-{number}",
            "probe": f"{number:064x}",
        }
        start.wait()
        answer = audit.authorize(**({"person": f"person-{number}"} | own | changes))
        codes = [code for said in answer.galleries for code, _ in said.reasons]
        return Told(answer.entry.index, answer.search_id, answer.granted, tuple(codes))

    with ThreadPoolExecutor(requests) as pool:
        return list(pool.map(one, range(requests)))
