"""A small process that lives through one search and is ended at a write point (R-22).

Imports nothing but audit's write path, so that a kill is cheap. `live` may be repeated until it
comes through: every step of it is one that a client would repeat after a crash.
"""

import hashlib
import os
import threading
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.entry import LoggedEntry
from tests.builders.audit import AuditForTest, SetClock, open_audit, soon

KILLED = 77
ACKNOWLEDGED = "acknowledged"


def die_at(folder: str, point: str, nth: int) -> None:
    """Live through the search until `point` is reached for the `nth` time."""
    armed = threading.Event()
    seen = 0

    def reached(name: str) -> None:
        nonlocal seen
        if armed.is_set() and name == point:
            seen += 1
            if seen == nth:
                os._exit(KILLED)

    audit = open_audit(Path(folder), clock=SetClock(), reached=reached)
    armed.set()
    live(audit)
    audit.close()


def live(audit: AuditForTest) -> None:
    """A request, its receipt, two examinations, the release; each acknowledgement is kept."""
    authorization = audit.authorize(key="the-search", galleries=["US-UT", "US-VT"])
    _acknowledge(audit, authorization.entry)
    _acknowledge(audit, audit.told(audit.receipt(authorization.entry)))
    search_id = authorization.search_id
    for person in ("berg", "cole"):
        try:
            for candidate in (None, "c-1", "c-2"):
                _acknowledge(audit, audit.look(person, search_id, candidate))
            _acknowledge(audit, audit.decide(person, search_id, looks=False))
        except OnRecordError as error:
            # Decided, or released, before the crash: what a repeat is told.
            if error.code not in (ErrorCode.TASK_DECIDED, ErrorCode.SEARCH_STATE):
                raise
    _acknowledge(audit, audit.service.release(search_id, soon()).entry)
    _acknowledge(audit, audit.authorize(key="another", galleries=["US-MD"]).entry)


def acknowledged(folder: Path) -> list[tuple[int, str]]:
    """Index and digest of every body that was handed to a caller."""
    path = folder / ACKNOWLEDGED
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(index), digest) for index, digest in (line.split() for line in lines)]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _acknowledge(audit: AuditForTest, entry: LoggedEntry) -> None:
    with (audit.folder / ACKNOWLEDGED).open("a") as file:
        file.write(f"{entry.index} {digest(entry.body)}\n")
        file.flush()
        os.fsync(file.fileno())
    # Published now, so that each point of publishing is passed once for each entry.
    audit.running.ledger.publish()
