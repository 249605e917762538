"""One search's entries in a ledger in memory, for those who change them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from onrecord.kernel.times import format_time
from onrecord.proof import statements
from onrecord.proof.release import ReleaseProof
from tests.builders.ledger import MemoryLedger

START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
NOW = format_time(START)
LATER = format_time(START + timedelta(minutes=5))
MODEL = "test-model@1+fp32+0123456789abcdef"
PROBE = hashlib.sha256(b"the probe").hexdigest()
LEDGER = MemoryLedger()
for _ in range(5):
    LEDGER.append({"kind": "alarm.raised", "time": NOW, "what": "test"})


def by(name: str) -> dict[str, str]:
    return {"person": name, "agency": "us-ut-slcpd", "subject": name, "token_id": name}


GRANT_BODY: dict[str, Any] = {
    "kind": "request.granted",
    "time": NOW,
    "by": by("olsen"),
    "search_id": "s-1",
    "probe_sha256": PROBE,
    "list_size": 2,
    "galleries": {
        "US-UT": {"decision": "granted", "model_id": MODEL, "list_size": 2, "policy": "0" * 64},
        "US-VT": {"decision": "refused", "policy": None, "reasons": []},
    },
    "expires_at": LATER,
}
GRANT = LEDGER.log(GRANT_BODY)
RECEIPT: dict[str, Any] = {
    "type": statements.RECEIPT,
    "time": NOW,
    "gallery": "US-UT",
    "sequence": 1,
    "previous": "0" * 64,
    "mandate": statements.mandate_id(GRANT),
    "grant_index": GRANT.index,
    "search_id": "s-1",
    "probe_sha256": PROBE,
    "policy": "0" * 64,
    "model_id": MODEL,
    "list_size": 2,
    "candidates": [{"ref": "c-1", "similarity": 900_000}, {"ref": "c-2", "similarity": 1}],
}
EXECUTED_BODY = {
    "kind": "search.executed",
    "time": NOW,
    "by": {"service": "vector-search"},
    "search_id": "s-1",
    "grant_index": GRANT.index,
    "gallery": "US-UT",
    "receipt": RECEIPT,
}
EXECUTED = LEDGER.log(EXECUTED_BODY)


def decision(name: str) -> dict[str, Any]:
    said = (("c-1", "supports_same"), ("c-2", "supports_different"))
    return {
        "kind": "examination.decided",
        "time": NOW,
        "by": by(name),
        "search_id": "s-1",
        "grant_index": GRANT.index,
        "task_id": f"t-{name}",
        "method": "morphological_analysis",
        "decisions": [
            {"candidate_ref": ref, "conclusion": one, "reasons": ["ears"], "seconds": 40}
            for ref, one in said
        ],
    }


DECIDED = tuple(LEDGER.log(decision(name)) for name in ("berg", "cole"))
RELEASE_BODY = {
    "kind": "lead.released",
    "time": NOW,
    "by": {"service": "audit"},
    "search_id": "s-1",
    "grant_index": GRANT.index,
    "executed": [EXECUTED.index],
    "decided": [one.index for one in DECIDED],
    "leads": [{"gallery": "US-UT", "candidate_ref": "c-1"}],
    "reason": "",
}
RELEASE = LEDGER.log(RELEASE_BODY)
PROOF = ReleaseProof(RELEASE, GRANT, (EXECUTED,), DECIDED)
LOOK_BODY = {
    "kind": "look.granted",
    "time": NOW,
    "by": by("berg"),
    "search_id": "s-1",
    "grant_index": GRANT.index,
    "task_id": "t-berg",
    "target": {"what": "candidate", "gallery": "US-UT", "candidate_ref": "c-1"},
    "expires_at": LATER,
}
