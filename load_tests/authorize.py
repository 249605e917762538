"""How many requests a second audit authorises and appends, and how long one waits.

    python -m load_tests.authorize [--requests 4000] [--threads 32] [--galleries 1] [--database URL]

Everything is real: tokens verified (ES256), policy evaluated by Cedar, quotas counted, entries
committed (every commit synced to disk), checkpoints signed, grants with their proofs, tiles
published. Only the network is left out.
"""

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from onrecord.contracts.audit import AuthorizeCall
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Role
from onrecord.proof.grant import read_grant
from tests.builders.audit import (
    MODEL,
    POLICIES,
    PROBE,
    REQUEST,
    AuditForTest,
    open_audit,
    soon,
)

TARGET_P99_SECONDS = 0.15
STATES = ("US-UT", "US-MD", "US-CA")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--galleries", type=int, default=1, choices=(1, 2, 3))
    parser.add_argument("--database", help="SQLAlchemy URL; default: SQLite in a fresh folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        audit = open_audit(Path(folder), clock=SystemClock(), database_url=given.database)
        _without_quotas(audit, STATES[: given.galleries])
        seconds, waits = _drive(audit, given.requests, given.threads, STATES[: given.galleries])
        audit.close()
    cuts = statistics.quantiles(waits, n=100)
    print(f"{given.requests} requests, {given.threads} threads, {given.galleries} galleries each")
    print(f"authorised  {given.requests / seconds:8.0f} /s")
    print(f"median      {cuts[49] * 1000:8.1f} ms")
    print(f"p99         {cuts[98] * 1000:8.1f} ms (target {TARGET_P99_SECONDS * 1000:.0f} ms)")
    return 0 if cuts[98] <= TARGET_P99_SECONDS else 1


def _without_quotas(audit: AuditForTest, states: tuple[str, ...]) -> None:
    """Each state with Utah's rules and quotas nobody reaches."""
    utah = (POLICIES / "US-UT" / "authority.yaml").read_text()
    lifted = re.sub(r"(per_\w+): \d+", r"\1: 10000000", utah)
    cedar = (POLICIES / "US-UT" / "policy.cedar").read_text()
    for state in states:
        bundle = audit.bundle(
            state,
            policy=cedar.replace('Gallery::"US-UT"', f'Gallery::"{state}"').encode(),
            authority=lifted.replace(
                "jurisdiction: US-UT\nname", f"jurisdiction: {state}\nname"
            ).encode(),
        )
        key = audit.state_keys[state].verifier.text
        audit.service.pin_authority_key(state, key, audit.operator(), soon())
        audit.service.activate_policy(bundle, audit.custodian(state), soon())
        audit.service.register_gallery_model(state, MODEL, audit.operator(), soon())


def _drive(
    audit: AuditForTest, requests: int, threads: int, states: tuple[str, ...]
) -> tuple[float, list[float]]:
    waits: list[float] = []
    tokens = [audit.token(f"person-{number}", Role.REQUESTER) for number in range(threads)]
    start = threading.Barrier(threads + 1)

    def work(number: int) -> None:
        mine = []
        start.wait()
        for turn in range(requests // threads):
            call = AuthorizeCall(
                request={**REQUEST, "galleries": list(states)},
                probe_sha256=PROBE,
                user_token=tokens[number],
                idempotency_key=f"{number}-{turn}",
                source="load",
            )
            began = time.perf_counter()
            authorization = audit.service.authorize(call, soon())
            mine.append(time.perf_counter() - began)
            assert all(decision.granted for decision in authorization.galleries)
        read_grant(authorization.entry, audit.signer.verifier)
        waits.extend(mine)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began, waits


if __name__ == "__main__":
    sys.exit(main())
