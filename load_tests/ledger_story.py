"""Bodies of a ledger of any length, as audit would write them: every law between entries holds.

One state, and one plane that signs its receipts. Some hundreds of searches run at once. Most are
examined to their end; one in ten is left open for ever, which is what a verifier must remember.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from onrecord.kernel.times import format_time
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestor

_GALLERY = "US-UT"
_AT_ONCE = 400
_CANDIDATES = 6
_LEFT_OPEN = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(milliseconds=50)
_LIFE = timedelta(days=1)
_POLICY = hashlib.sha256(b"the policy").hexdigest()
_MODEL = "test-model@1+fp32:0123456789abcdef"
_EXAMINERS = ("one", "two")

Body = dict[str, Any]


@dataclass(slots=True)
class _World:
    """Where the ledger stands, and the plane whose receipts are dense and chained."""

    attestor: Attestor
    index: int = 0
    sequence: int = 0
    previous: str = "0" * 64

    @property
    def now(self) -> datetime:
        return START + self.index * _APART

    def signed(self, said: Body) -> Body:
        self.sequence += 1
        said |= {"sequence": self.sequence, "previous": self.previous}
        attestation = self.attestor.attest(said | {"time": format_time(self.now)})
        self.previous = hashlib.sha256(attestation.statement).hexdigest()
        return {
            "receipt": canonical.decode(attestation.statement),
            "attestation": attestation.to_json(),
        }


def bodies(count: int, attestor: Attestor) -> Iterator[bytes]:
    """The canonical bodies of entries 0 to `count` - 1, an entry every 50 ms."""
    world = _World(attestor)
    running: deque[Iterator[Body]] = deque([_activation()])
    begun = 0
    for world.index in range(count):
        body = None
        while body is None:
            if len(running) < _AT_ONCE and world.index:
                running.appendleft(_search(begun, world))
                begun += 1
            body = next(running[0], None)
            if body is None:
                running.popleft()
        running.rotate(-1)
        yield canonical.encode(body | {"time": format_time(world.now)})


def _activation() -> Iterator[Body]:
    yield {
        "kind": "policy.activated",
        "by": _person("custodian"),
        "jurisdiction": _GALLERY,
        "version": 1,
        "bundle": _POLICY,
        "previous": "",
    }


def _search(number: int, world: _World) -> Iterator[Body]:
    """The entries of one search, each for the place where the ledger stands when it is asked."""
    search_id = hashlib.sha256(b"search %d" % number).hexdigest()[:32]
    probe = hashlib.sha256(b"probe %d" % number).hexdigest()
    refs = [hashlib.sha256(b"%d %d" % (number, n)).hexdigest()[:24] for n in range(_CANDIDATES)]
    granted = world.index
    about = {"search_id": search_id, "grant_index": granted}
    allowed = {"policy": _POLICY, "model_id": _MODEL, "list_size": _CANDIDATES}
    yield {
        "kind": "request.granted",
        "by": _person(f"asker-{number % 5000}"),
        "search_id": search_id,
        "probe_sha256": probe,
        "list_size": _CANDIDATES,
        "expires_at": format_time(world.now + _LIFE),
        "galleries": {_GALLERY: {"decision": "granted", **allowed}},
        "idempotency": search_id,
        "request_digest": probe,
        "case_number": f"SLC-2026-{number:06d}",
        "purpose": "criminal_investigation",
    }
    said = {"type": statements.RECEIPT, "gallery": _GALLERY, "probe_sha256": probe, **about}
    listed = [{"ref": ref, "similarity": 900_000 - n} for n, ref in enumerate(refs)]
    receipt = world.signed(said | allowed | {"candidates": listed})
    executed = world.index
    service = {"service": "vector-search"}
    yield {"kind": "search.executed", "by": service, **about, "gallery": _GALLERY, **receipt}
    if number % _LEFT_OPEN == 0:
        return
    decided = []
    for name in _EXAMINERS:
        at_work = {"by": _person(name), **about, "task_id": f"{name}-{search_id}"}
        for ref in (None, *refs):
            face = {"what": "candidate", "gallery": _GALLERY, "candidate_ref": ref}
            yield {
                "kind": "look.granted",
                **at_work,
                "target": {"what": "probe"} if ref is None else face,
                "expires_at": format_time(world.now + _LIFE),
            }
        decided.append(world.index)
        yield {
            "kind": "examination.decided",
            **at_work,
            "method": "morphological",
            "decisions": [_different(ref) for ref in refs],
        }
    ends = {"executed": [executed], "decided": decided, "leads": [], "reason": "none supported"}
    yield {"kind": "search.closed", "by": {"service": "audit"}, **about, **ends}


def _different(ref: str) -> Body:
    return {
        "candidate_ref": ref,
        "conclusion": "supports_different",
        "reasons": ["ears"],
        "seconds": 40,
    }


def _person(name: str) -> dict[str, str]:
    return {
        "person": name,
        "agency": "us-ut-slcpd",
        "subject": f"sub-{name}",
        "token_id": f"jti-{name}",
    }
