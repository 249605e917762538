"""How many requests a second audit authorises and appends, and how long one waits.

    python -m load_tests.authorize [--rounds 5] [--seconds 6] [--threads 16] [--galleries 1]
                                   [--postgres | --database URL]

With `--postgres` the ledger is in a PostgreSQL that is started for it, and the results go beside
those of SQLite (`authorize-postgresql.json`); with `--database`, in one that is there, migrated.

Everything is real: mutual TLS and gRPC, tokens verified (ES256), policy evaluated by Cedar, quotas
counted, entries committed (every commit synced to disk), checkpoints signed, grants with their
proofs, tiles published. Audit is a process of its own; this one asks, and tells what share of the
cores it took to do so. In each round, one after the other: bare commits of SQLite, audit asked
inside its process, audit over gRPC as fast as it answers, and audit over gRPC at half that rate
and at half of the rate that is the goal, in open loops: requests come when they come (exponential
gaps), whether or not the last one was answered, and a wait is counted from when a request was due.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from sqlalchemy.engine import make_url

from load_tests.authorize_report import plot, tell
from load_tests.authorize_server import AT_ONCE, STATES, call_for, serve
from load_tests.goals import IMAGES, RESULTS, goal
from load_tests.postgres import ledger_on_postgres
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.grpc import open_channel
from onrecord.clients.audit import AuditClient
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Role, Service
from tests.builders.audit import TRAINED

_DEADLINE = 30.0
_SEED = 20261123


@dataclass(frozen=True, slots=True)
class Round:
    """Rates a second; waits in milliseconds; cores as a share of one core (2.0: both of two)."""

    bare_commits: float
    inside: float
    over_grpc: float
    cores_generator: float
    cores_audit: float
    asked: float
    answered: float
    p50_ms: float
    p99_ms: float
    half_cores_generator: float
    half_cores_audit: float
    goal_p50_ms: float
    goal_p99_ms: float
    goal_late_p99_ms: float
    load: float


class Generator:
    """Asks audit for authorisations, as a gateway with many people at its door."""

    def __init__(self, folder: Path, port: int, threads: int, states: tuple[str, ...]) -> None:
        issuer = DevelopmentIssuer.open(folder / "identity")
        identity = LocalAuthority.open(folder / "transport").issue(Service.GATEWAY)
        self._channel = open_channel(f"127.0.0.1:{port}", identity, Service.AUDIT)
        self._client = AuditClient(self._channel)
        self._issuer = issuer
        self._threads = threads
        self._states = states
        self._runs = 0
        self._random = random.Random(_SEED)  # noqa: S311 - arrivals, not secrets

    def closed(self, seconds: float) -> float:
        """Answers a second where each of `threads` asks again as soon as it is answered."""
        self._runs += 1
        until = time.perf_counter() + seconds
        counts = [0] * self._threads

        def work(number: int) -> None:
            token = self._token(number)
            while time.perf_counter() < until:
                self._ask(token, f"{self._runs}-{number}-{counts[number]}")
                counts[number] += 1

        began = time.perf_counter()
        workers = [threading.Thread(target=work, args=(n,)) for n in range(self._threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sum(counts) / (time.perf_counter() - began)

    def open(self, rate: float, seconds: float) -> tuple[float, list[float], list[float]]:
        """Answers a second; each wait in milliseconds from when the request was due; and how much
        of it had gone by before this process came to ask.
        """
        self._runs += 1
        tokens = [self._token(number) for number in range(self._threads)]
        waits: list[float] = []
        late: list[float] = []

        def work(number: int, due: float) -> None:
            late.append((time.perf_counter() - due) * 1000)
            self._ask(tokens[number % self._threads], f"{self._runs}-{number}")
            waits.append((time.perf_counter() - due) * 1000)

        began = due = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE * self._threads) as pool:
            pending, number = [], 0
            while (due := due + self._random.expovariate(rate)) < began + seconds:
                time.sleep(max(0.0, due - time.perf_counter()))
                pending.append(pool.submit(work, number, due))
                number += 1
            for one in pending:
                one.result()
        return len(waits) / (time.perf_counter() - began), waits, late

    def close(self) -> None:
        channel: grpc.Channel = self._channel
        channel.close()

    def _token(self, number: int) -> str:
        return self._issuer.issue(
            person=f"person-{number}",
            agency="us-ut-slcpd",
            roles=[Role.REQUESTER],
            training_completed=TRAINED,
            gallery=None,
            now=datetime.now(UTC),
        )

    def _ask(self, token: str, key: str) -> None:
        answer = self._client.authorize(
            call_for(self._states, token, key), Deadline.after(_DEADLINE)
        )
        if not answer.granted or answer.replayed:
            raise AssertionError("the load must be of new grants")


def measure(orders: Connection, generator: Generator, seconds: float, half_of_goal: float) -> Round:
    """One round."""
    bare = _ordered(orders, "bare", 1.0)
    inside = _ordered(orders, "inside", seconds / 2)
    before = _cpu(orders)
    capacity = generator.closed(seconds)
    spent = [(now - then) / seconds for now, then in zip(_cpu(orders), before, strict=True)]
    rate = capacity / 2
    before = _cpu(orders)
    answered, waits, _ = generator.open(rate, seconds)
    half = [(now - then) / seconds for now, then in zip(_cpu(orders), before, strict=True)]
    cuts = statistics.quantiles(waits, n=100)
    _, at_goal, late = generator.open(half_of_goal, seconds)
    goal = statistics.quantiles(at_goal, n=100)
    return Round(
        bare_commits=bare,
        inside=inside,
        over_grpc=capacity,
        cores_generator=spent[0],
        cores_audit=spent[1],
        asked=rate,
        answered=answered,
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        half_cores_generator=half[0],
        half_cores_audit=half[1],
        goal_p50_ms=goal[49],
        goal_p99_ms=goal[98],
        goal_late_p99_ms=statistics.quantiles(late, n=100)[98],
        load=os.getloadavg()[0],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--galleries", type=int, default=1, choices=range(1, len(STATES) + 1))
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--database", help="SQLAlchemy URL; default: SQLite in a fresh folder")
    kind.add_argument("--postgres", action="store_true", help="start a PostgreSQL for it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--images", type=Path, default=IMAGES)
    given = parser.parse_args()
    with ExitStack() as stack:
        if given.postgres:
            given.database = stack.enter_context(ledger_on_postgres())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        rounds = _rounds(Path(folder), given)
    name = "authorize" if given.database is None else f"authorize-{_kind(given.database)}"
    told = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "threads": given.threads,
        "galleries": given.galleries,
        "database": "sqlite" if given.database is None else _kind(given.database),
        "rounds": [asdict(one) for one in rounds],
        "medians": {
            name: statistics.median(getattr(one, name) for one in rounds)
            for name in asdict(rounds[0])
        },
        "targets": {"over_grpc": _rate(), "p99_ms": goal("authorise_p99_ms").at_most},
    }
    (given.results / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")
    tell(told)
    plot(told, given.images / f"{name}.png")
    medians = told["medians"]
    assert isinstance(medians, dict)
    found = {
        "authorise_per_second": medians["over_grpc"],
        "authorise_p99_ms": medians["goal_p99_ms"],
    }
    for measure_name, value in found.items():
        print(f"{told['database']}: {goal(measure_name).name}: {goal(measure_name).verdict(value)}")
    return 0 if all(goal(one).reached(value) for one, value in found.items()) else 1


def _rate() -> float:
    """What the goal asks for, a second."""
    return goal("authorise_per_second").at_least or 0.0


def _kind(url: str) -> str:
    return make_url(url).get_backend_name()


def _rounds(folder: Path, given: argparse.Namespace) -> list[Round]:
    context = multiprocessing.get_context("spawn")
    orders, theirs = context.Pipe()
    audit = context.Process(
        target=serve, args=(theirs, str(folder), given.galleries, given.threads, given.database)
    )
    audit.start()
    generator = Generator(folder, orders.recv(), given.threads, STATES[: given.galleries])
    try:
        generator.closed(1.0)  # once, so that everything has been touched
        half = _rate() / 2
        return [measure(orders, generator, given.seconds, half) for _ in range(given.rounds)]
    finally:
        generator.close()
        orders.send(("stop",))
        audit.join(30)


def _ordered(orders: Connection, order: str, *more: float) -> float:
    orders.send((order, *more))
    answer: float = orders.recv()
    return answer


def _cpu(orders: Connection) -> tuple[float, float]:
    """Processor seconds so far: of this process, and of audit's."""
    return time.process_time(), _ordered(orders, "cpu")


if __name__ == "__main__":
    sys.exit(main())
