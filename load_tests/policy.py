"""How long the law takes: policy evaluation a gallery, and for a request to fifty of them.

    python -m load_tests.policy [--requests 2000] [--rounds 3] [--out results.json]

Utah's example law is put under fifty states, which all grant: no way is longer, since a refusal
ends before Cedar is asked. In each round the two ways go through the same requests, one after the
other: `evaluate`, as audit calls it, with every guard, the state's table of statutes, Cedar and the
reasons; and bare cedarpy, asked the same questions with the same handles and nothing else. Both
are told by the clock on the wall and by the processor's time of the thread: on a busy machine the
first is mostly waiting. Goals: 0.5 ms a gallery at the 99th percentile, 25 ms for a request to
fifty galleries.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import cedarpy

from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, context_of, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.contracts.request_parsing import JURISDICTIONS, parse_request
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role
from tests.builders.audit import MODEL, POLICIES, REQUEST, START

GALLERIES = 50
TARGET_GALLERY_MS = 0.5
TARGET_REQUEST_MS = 25.0
_SEED = 20261123


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds: median and 99th percentile, by the clock and of the processor."""

    median: float
    p99: float
    cpu_median: float
    cpu_p99: float

    @classmethod
    def of(cls, taken: Iterable[tuple[float, float]]) -> "Times":
        found = []
        for seconds in zip(*taken, strict=True):
            ordered = sorted(seconds)
            at = min(len(ordered) - 1, int(len(ordered) * 0.99))
            found += [statistics.median(ordered), ordered[at]]
        return cls(*(round(1000 * one, 4) for one in found))


@dataclass(frozen=True, slots=True)
class Round:
    """One way through all requests, then the other; `load` is the machine's, over one minute."""

    gallery: Times
    bare_gallery: Times
    request_of_fifty: Times
    bare_request_of_fifty: Times
    load: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000, help="of one gallery each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    arguments = parser.parse_args()
    shelf = fifty()
    rounds = [one_round(shelf, arguments.requests) for _ in range(arguments.rounds)]
    fields = ("gallery", "bare_gallery", "request_of_fifty", "bare_request_of_fifty")
    told: dict[str, Any] = {
        "rounds": [asdict(one) for one in rounds],
        "medians_of_rounds": {
            name: _middle([getattr(one, name) for one in rounds]) for name in fields
        },
    }
    middle = told["medians_of_rounds"]
    told["reached"] = {
        "gallery": middle["gallery"]["p99"] <= TARGET_GALLERY_MS,
        "gallery_cpu": middle["gallery"]["cpu_p99"] <= TARGET_GALLERY_MS,
        "fifty": middle["request_of_fifty"]["p99"] <= TARGET_REQUEST_MS,
        "fifty_cpu": middle["request_of_fifty"]["cpu_p99"] <= TARGET_REQUEST_MS,
    }
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0


def fifty() -> PolicyShelf:
    """Fifty states, each under Utah's example law."""
    states = sorted(JURISDICTIONS)[:GALLERIES]
    policies = {}
    for state in states:
        files = [
            (POLICIES / "US-UT" / name).read_text().replace("US-UT", state).encode()
            for name in ("policy.cedar", "authority.yaml")
        ]
        read = read_policy(files[0], files[1], state)
        policies[state] = PolicyInForce(state, 1, f"digest-{state}", read)
    return PolicyShelf(1, policies, dict.fromkeys(states, MODEL))


def one_round(shelf: PolicyShelf, count: int) -> Round:
    """The same requests both ways, to one gallery each, and then to all fifty."""
    chance = random.Random(_SEED)  # noqa: S311 - the same requests in every round
    states = sorted(shelf.policies)
    singles = [one_request([chance.choice(states)]) for _ in range(count)]
    wide = [one_request(states) for _ in range(max(100, count // 20))]
    assert all(verdict.granted for verdict in evaluate(wide[0], shelf))
    return Round(
        gallery=Times.of(_timed(singles, lambda one: evaluate(one, shelf))),
        bare_gallery=Times.of(_timed(*_bare(singles, shelf))),
        request_of_fifty=Times.of(_timed(wide, lambda one: evaluate(one, shelf))),
        bare_request_of_fifty=Times.of(_timed(*_bare(wide, shelf))),
        load=round(os.getloadavg()[0], 1),
    )


def one_request(galleries: list[str]) -> Asked:
    """A request that every one of the galleries grants."""
    claims = Claims(
        subject="account",
        person="olsen",
        agency="us-ut-slcpd",
        roles=frozenset({Role.REQUESTER}),
        expires_at=START,
        token_id="t",  # noqa: S106 - an id, not a secret
        training_completed=date(2026, 6, 1),
    )
    return Asked(parse_request({**REQUEST, "galleries": galleries}), claims, START)


Item = TypeVar("Item")
Question = list[tuple[StatePolicy, dict[str, Any]]]


def _bare(
    requests: list[Asked], shelf: PolicyShelf
) -> tuple[list[Question], Callable[[Question], None]]:
    """The same questions for cedarpy alone, put together beforehand."""
    questions = []
    for one in requests:
        asked: Question = []
        for gallery in one.request.galleries:
            state = shelf.policies[gallery].state
            assert state is not None
            said = {
                "principal": {"type": "Agency", "id": one.claims.agency},
                "action": {"type": "Action", "id": "search"},
                "resource": {"type": "Gallery", "id": gallery},
                "context": context_of(one, state),
            }
            asked.append((state, said))
        questions.append(asked)

    def ask(question: Question) -> None:
        for state, said in question:
            cedarpy.is_authorized(said, state.policies, state.entities, state.schema)

    return questions, ask


def _timed(items: list[Item], work: Callable[[Item], object]) -> list[tuple[float, float]]:
    for item in items[:50]:
        work(item)
    taken = []
    for item in items:
        began, began_cpu = time.perf_counter(), time.thread_time()
        work(item)
        taken.append((time.perf_counter() - began, time.thread_time() - began_cpu))
    return taken


def _middle(found: list[Times]) -> dict[str, float]:
    names = ("median", "p99", "cpu_median", "cpu_p99")
    return {name: statistics.median(getattr(one, name) for one in found) for name in names}


if __name__ == "__main__":
    sys.exit(main())
