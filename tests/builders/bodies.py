"""Entry bodies of one search, as audit would write them, for tests of what follows from them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestor
from onrecord.proof.merkle import EMPTY_ROOT

PROBE = hashlib.sha256(b"the probe").hexdigest()
POLICY = hashlib.sha256(b"the policy").hexdigest()
MODEL = "test-model@1+fp32:0123456789abcdef"
NONE_BEFORE = "0" * 64


def at(second: int) -> str:
    return f"2026-11-23T06:30:{second:02d}.00Z"


def person(name: str, agency: str = "us-ut-slcpd") -> dict[str, str]:
    return {"person": name, "agency": agency, "subject": f"sub-{name}", "token_id": f"jti-{name}"}


def policy_activated(gallery: str = "US-UT", second: int = 0) -> dict[str, Any]:
    return {
        "kind": "policy.activated",
        "time": at(second),
        "by": person("custodian"),
        "jurisdiction": gallery,
        "version": 1,
        "bundle": POLICY,
        "previous": "",
    }


def granted(
    galleries: Sequence[str] = ("US-UT",), *, second: int = 1, search_id: str = "s-1"
) -> dict[str, Any]:
    return {
        "kind": "request.granted",
        "time": at(second),
        "by": person("asker"),
        "search_id": search_id,
        "probe_sha256": PROBE,
        "list_size": 5,
        "expires_at": "2026-11-23T06:35:00.00Z",
        "galleries": {
            name: {"decision": "granted", "policy": POLICY, "model_id": MODEL, "list_size": 5}
            for name in galleries
        },
    }


def emergency(*, second: int = 1, search_id: str = "s-1", due: str = "") -> dict[str, Any]:
    """A grant that was an emergency in Utah, its follow-up due two days later."""
    said = granted(second=second, search_id=search_id)
    said["request"] = {"emergency": {"facts": "A child was taken."}}
    said["galleries"]["US-UT"]["emergency"] = {
        "due": due or "2026-11-25T06:30:01.00Z",
        "instruments": ["court_order", "search_warrant"],
        "waived": ["instrument_required"],
    }
    return said


def followed_up(
    at_time: str, *, by: str = "asker", grant_index: int = 1, **changes: Any
) -> dict[str, Any]:
    return {
        "kind": "emergency.followed_up",
        "time": at_time,
        "by": person(by),
        "search_id": "s-1",
        "grant_index": grant_index,
        "galleries": ["US-UT"],
        "instrument": {
            "type": "search_warrant",
            "issuer": "c",
            "number": "1",
            "date": "2026-11-23",
        },
        **changes,
    }


def overdue(at_time: str, *, grant_index: int = 1, **changes: Any) -> dict[str, Any]:
    """The alarm that a follow-up has not come."""
    return {
        "kind": "alarm.raised",
        "time": at_time,
        "by": {"service": "audit"},
        "what": "emergency_overdue",
        "why": "",
        "search_id": "s-1",
        "grant_index": grant_index,
        "galleries": ["US-UT"],
        "person": "asker",
        **changes,
    }


def lifted(at_time: str, *, by: str = "auditor", grant_index: int = 1) -> dict[str, Any]:
    return {
        "kind": "emergency.lifted",
        "time": at_time,
        "by": person(by),
        "search_id": "s-1",
        "grant_index": grant_index,
        "galleries": ["US-UT"],
        "reason": "a storm",
    }


def receipt(
    candidates: Mapping[str, int],
    *,
    gallery: str = "US-UT",
    sequence: int = 1,
    previous: str = NONE_BEFORE,
    grant_index: int = 1,
    second: int = 2,
    search_id: str = "s-1",
) -> dict[str, Any]:
    return {
        "type": statements.RECEIPT,
        "time": at(second),
        "gallery": gallery,
        "sequence": sequence,
        "previous": previous,
        "grant_index": grant_index,
        "search_id": search_id,
        "probe_sha256": PROBE,
        "policy": POLICY,
        "model_id": MODEL,
        "list_size": 5,
        "candidates": [{"ref": ref, "similarity": value} for ref, value in candidates.items()],
    }


def executed(said: dict[str, Any], attestor: Attestor, *, second: int = 3) -> dict[str, Any]:
    return {
        "kind": "search.executed",
        "time": at(second),
        "by": {"service": "vector-search"},
        "search_id": said["search_id"],
        "grant_index": said["grant_index"],
        "gallery": said["gallery"],
        "receipt": said,
        "attestation": attestor.attest(said).to_json(),
    }


def looked(
    by: str,
    candidate: str | None = None,
    *,
    gallery: str = "US-UT",
    second: int = 4,
    grant_index: int = 1,
) -> dict[str, Any]:
    """A look at the probe, or at one candidate."""
    named = {"what": "candidate", "gallery": gallery, "candidate_ref": candidate}
    return {
        "kind": "look.granted",
        "time": at(second),
        "by": person(by),
        "search_id": "s-1",
        "grant_index": grant_index,
        "task_id": f"t-{by}",
        "target": {"what": "probe"} if candidate is None else named,
        "expires_at": "2026-11-23T06:32:04.00Z",
    }


def decided(
    by: str, conclusions: Mapping[str, str], *, second: int = 5, grant_index: int = 1
) -> dict[str, Any]:
    return {
        "kind": "examination.decided",
        "time": at(second),
        "by": person(by),
        "search_id": "s-1",
        "grant_index": grant_index,
        "task_id": f"t-{by}",
        "method": "morphological",
        "decisions": [
            {"candidate_ref": ref, "conclusion": one, "reasons": ["ears"], "seconds": 40}
            for ref, one in conclusions.items()
        ],
    }


def released(
    leads: Sequence[str],
    *,
    executed_at: Sequence[int] = (2,),
    decided_at: Sequence[int] = (3, 4),
    second: int = 9,
    grant_index: int = 1,
) -> dict[str, Any]:
    return {
        "kind": "lead.released" if leads else "search.closed",
        "time": at(second),
        "by": {"service": "audit"},
        "search_id": "s-1",
        "grant_index": grant_index,
        "executed": list(executed_at),
        "decided": list(decided_at),
        "leads": [{"gallery": "US-UT", "candidate_ref": ref} for ref in leads],
        "reason": "",
    }


def gap(expected: int, seen: int, *, gallery: str = "US-UT", second: int = 2) -> dict[str, Any]:
    """Receipts from `expected` on never came; receipt `seen` did."""
    return {
        "kind": "alarm.raised",
        "time": at(second),
        "by": {"service": "audit"},
        "what": "receipt_gap",
        "why": "",
        "gallery": gallery,
        "expected": expected,
        "seen": seen,
    }


def changed(attestor: Attestor, *, second: int = 10, **fields: Any) -> dict[str, Any]:
    """A chunk of a manifest: two rows accepted, one that was there already."""
    said = {
        "type": statements.GALLERY_CHANGED,
        "time": at(second),
        "gallery": "US-UT",
        "rows": 3,
        "accepted": 2,
        "unchanged": 1,
        "rejected": 0,
        "accepted_root": "ab" * 32,
        "rejected_root": EMPTY_ROOT.hex(),
        **fields,
    }
    return {
        "kind": "gallery.enrolled",
        "time": at(second),
        "by": {"service": "vector-search"},
        "gallery": "US-UT",
        "change": said,
        "attestation": attestor.attest(said).to_json(),
    }


def statement_digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(canonical.encode(said)).hexdigest()
