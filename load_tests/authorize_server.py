"""The audit service in a process of its own, over mutual TLS, and what it is compared with."""

import re
import sqlite3
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from onrecord.audit.rpc import register
from onrecord.chassis.heap import set_apart
from onrecord.contracts.audit import AuthorizeCall
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Role, Service
from tests.builders.audit import MODEL, POLICIES, PROBE, REQUEST, AuditForTest, open_audit, soon
from tests.builders.servers import servers

STATES = ("US-UT", "US-MD", "US-CA")
AT_ONCE = 4
"""Requests under way in the open loop, in threads of the closed one: beyond it audit sheds."""

_HELD = b"x" * 2000


def serve(orders: Connection, folder: str, galleries: int, threads: int, url: str | None) -> None:
    """Answer orders until told to stop: `port`, `cpu`, `inside`, `bare` and their answers."""
    states = STATES[:galleries]
    audit = open_audit(Path(folder), clock=SystemClock(), url=url)
    without_quotas(audit, states)
    round_ = 0
    with servers(Path(folder) / "transport") as net:
        port = net.serve(Service.AUDIT, register(audit.service), threads=AT_ONCE * threads)
        set_apart()  # as `onrecord serve` does where it is ready
        orders.send(port)
        while (order := orders.recv())[0] != "stop":
            if order[0] == "cpu":
                orders.send(time.process_time())
            elif order[0] == "inside":
                round_ += 1
                orders.send(inside(audit, order[1], threads, states, f"inside-{round_}"))
            elif order[0] == "bare":
                orders.send(bare_commits(Path(folder) / "bare.db", order[1]))
    audit.close()


def inside(
    audit: AuditForTest, seconds: float, threads: int, states: tuple[str, ...], keys: str
) -> float:
    """Authorisations a second without the network, callers and all in one process."""
    until = time.perf_counter() + seconds
    counts = [0] * threads

    def work(number: int) -> None:
        token = audit.token(f"person-{number}", Role.REQUESTER)
        while time.perf_counter() < until:
            key = f"{keys}-{number}-{counts[number]}"
            audit.service.authorize(call_for(states, token, key), soon())
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - began)


def bare_commits(path: Path, seconds: float) -> float:
    """What the disk and SQLite alone give: rows of an entry's size, each committed and synced."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS entries (held BLOB)")
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO entries VALUES (?)", (_HELD,))
        connection.execute("COMMIT")
        count += 1
    rate = count / (time.perf_counter() - began)
    connection.close()
    return rate


def call_for(states: tuple[str, ...], token: str, key: str) -> AuthorizeCall:
    return AuthorizeCall(
        request={**REQUEST, "galleries": list(states)},
        probe_sha256=PROBE,
        user_token=token,
        idempotency_key=key,
        source="load",
    )


def without_quotas(audit: AuditForTest, states: tuple[str, ...]) -> None:
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
