"""Searches on a real roster, with a bus that can be taken away and nothing enrolled by hand.

The grants are entries of a ledger in memory, the statements are signed, the rows stand in the
roster as an enrolment leaves them; the index holds as many vectors as there are rows.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert

from onrecord.chassis.bus.ports import Message
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import open_database, write_transaction
from onrecord.chassis.objects import LocalObjects
from onrecord.contracts.images import Template, Vector
from onrecord.contracts.vector_search import (
    GalleryAnswer,
    GalleryFailure,
    GalleryResult,
    PlaneSearch,
    TemplateSearch,
)
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof import statements
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.notes import NoteSigner
from onrecord.proof.statements import mandate_id
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery, RecordState
from onrecord.vector_search.roster import galleries
from onrecord.vector_search.roster.schema import create_schema, records
from onrecord.vector_search.service.parts import GATHERING_SECONDS, PlaneParts
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.relay import Relay
from onrecord.vector_search.service.searching import Searches
from onrecord.vector_search.service.trust import LedgerTrust
from tests.builders.databases import database_url
from tests.builders.index import ExactIndex
from tests.builders.ledger import ORIGIN, MemoryLedger

MODEL = "test-model@1+fp32+0123456789abcdef"
DIMENSION = 16
UTAH, VERMONT, MARYLAND = STATES = ("US-UT", "US-VT", "US-MD")
PROBE = hashlib.sha256(b"the probe").hexdigest()


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class TakenBus:
    """A publisher that keeps what it is given; `down` makes it take nothing."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.down = False
        self.arrived = threading.Event()

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        deadline.check()
        if self.down:
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus is down")
        self.published.extend(messages)
        self.arrived.set()

    def close(self) -> None:
        """Nothing is held open."""


class LedgerOfTests:
    """`LedgerProofs`; `slow` is called before a proof is given."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.policies: dict[str, AuthorityBundle] = {}
        self.asked = 0
        self.slow: Callable[[], None] = lambda: None

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        self.asked += 1
        self.slow()
        return self.ledger.consistency(old_size, new_size)

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        return self.policies[digest]

    def checkpoint(self, deadline: Deadline) -> str:
        return self.ledger.checkpoint()


class NoTokens:
    """`TokenVerifier` where nobody has one."""

    def verify(self, token: str) -> Claims:
        raise OnRecordError(ErrorCode.TOKEN_MISSING, "there are no tokens here")


@dataclass(slots=True)
class SearchWorld:
    """Three galleries and whoever asks them. `searches` is the thing under test."""

    clock: MovedClock
    bus: TakenBus
    ledger: MemoryLedger
    proofs: LedgerOfTests
    index: ExactIndex
    roster: Engine
    relay: Relay
    searches: Searches
    attestors: dict[Service, Attestor]
    policies: dict[str, str] = field(default_factory=dict)

    def open_gallery(self, state: str, number_of_records: int) -> None:
        """A gallery with its policy signed, and its records live."""
        signer = NoteSigner.generate(key_name(state))
        bundle = build_bundle(
            b"permit(principal, action, resource);",
            state.encode(),
            jurisdiction=state,
            version=1,
            previous="",
            signer=signer,
        )
        self.proofs.policies[bundle.digest] = bundle
        self.policies[state] = bundle.digest
        gallery = Gallery(
            state, MODEL, DIMENSION, Metric.IP, signer.verifier.text, bytes(32), 0, 0, NO_RECEIPT
        )
        rows = [live_row(state, number) for number in range(number_of_records)]
        for number, row in enumerate(rows):
            self.index.plant(state, MODEL, str(row["index_key"]), face(number))
        with write_transaction(self.roster) as tx:
            galleries.add(tx, gallery)
            galleries.count_live(tx, state, number_of_records)
            tx.execute(insert(records), rows)

    def grant(self, search_id: str = "s-1", states: Sequence[str] = STATES) -> LoggedEntry:
        decision = {"decision": "granted", "model_id": MODEL, "list_size": 3}
        return self.ledger.log(
            {
                "kind": "request.granted",
                "time": format_time(self.clock.now()),
                "by": {"person": "p-1", "agency": "us-ut-slcpd"},
                "search_id": search_id,
                "probe_sha256": PROBE,
                "list_size": 3,
                "galleries": {s: {**decision, "policy": self.policies[s]} for s in states},
                "expires_at": format_time(self.clock.now() + timedelta(minutes=5)),
            }
        )

    def template(self, grant: LoggedEntry, vector: Vector | None = None) -> Template:
        """What detection and embedding hand on for the grant's probe."""
        vector = face(1) if vector is None else vector
        said = {
            "time": format_time(self.clock.now()),
            "mandate": mandate_id(grant),
            "crop_sha256": hashlib.sha256(b"crop").hexdigest(),
            "model_id": MODEL,
        }
        detected = self.attestors[Service.DETECTION].attest(
            {**said, "type": statements.DETECTED, "image_sha256": PROBE}
        )
        embedded = self.attestors[Service.EMBEDDING].attest(
            {
                **said,
                "type": statements.EMBEDDED,
                "detected": statements.statement_sha256(detected),
                "template_sha256": statements.template_sha256(vector.tobytes(), MODEL),
            }
        )
        return Template(MODEL, vector, detected, embedded)

    def ask(
        self, grant: LoggedEntry, template: Template, state: str = UTAH, seconds: float = 60
    ) -> GalleryResult:
        (answer,) = self.ask_all(grant, template, (state,), seconds)
        if isinstance(answer, GalleryFailure):
            raise answer.error
        return answer

    def ask_all(
        self,
        grant: LoggedEntry,
        template: Template,
        states: Sequence[str] = STATES,
        seconds: float = 60,
    ) -> tuple[GalleryAnswer, ...]:
        """As the gateway asks: in one call."""
        wanted = PlaneSearch(grant, (TemplateSearch(template, tuple(states)),))
        return self.searches.search(wanted, Deadline.after(seconds))


def face(number: int) -> Vector:
    values = np.random.default_rng(number).standard_normal(DIMENSION)
    return np.asarray(values / np.linalg.norm(values), "<f4")


def live_row(state: str, number: int) -> dict[str, Any]:
    """A row of `records` as an enrolment leaves it."""
    name = hashlib.sha256(f"{state}/{number}".encode()).hexdigest()
    return {
        "enrolment_id": name[:32],
        "gallery": state,
        "record_mac": name,
        "record_id": f"record-{number}",
        "generation": 1,
        "state": RecordState.LIVE.value,
        "image_sha256": name,
        "model_id": MODEL,
        "ticket": "ticket:" + name,
        "ticket_attestation": "{}",
        "index_key": name,
        "vault_key": name,
        "remains": 0,
        "requested_at": "2026-11-23T06:30:00.00Z",
        "duplicate": 0,
        "authorised_by": "{}",
    }


def build_searches(
    folder: Path,
    number_of_records: int = 5,
    *,
    reached: WritePoint = unobserved,
    gathering_seconds: float = GATHERING_SECONDS,
    index: ExactIndex | None = None,
) -> SearchWorld:
    """Three galleries on a roster in `folder`."""
    clock, bus, index = MovedClock(), TakenBus(), index or ExactIndex()
    authority = LocalAuthority.open(folder / "ca", now=lambda: clock.now() - timedelta(days=1))
    attestors = {}
    for service in (Service.DETECTION, Service.EMBEDDING, Service.VECTOR_SEARCH):
        identity = authority.issue(service)
        attestors[service] = Attestor(identity.key, identity.chain)
    ledger = MemoryLedger(NoteSigner.generate(ORIGIN))
    proofs = LedgerOfTests(ledger)
    roster = open_database(database_url(folder, "roster"))
    create_schema(roster)
    relay = Relay(roster, bus, reached)
    parts = PlaneParts(
        name="plane",
        roster=roster,
        relay=relay,
        index=index,
        keys=KeyFiles(folder / "keys"),
        vault=LocalObjects(folder / "vault"),
        ingest=LocalObjects(folder / "ingest"),
        attestor=attestors[Service.VECTOR_SEARCH],
        verifier=AttestationVerifier([authority.root]),
        tokens=NoTokens(),
        ledger_key=ledger.key,
        ledger=proofs,
        clock=clock,
        random_bytes=os.urandom,
        max_records=1000,
        reached=reached,
        gathering_seconds=gathering_seconds,
    )
    searches = Searches(parts, LedgerTrust(parts), PolicyTrust(parts))
    world = SearchWorld(clock, bus, ledger, proofs, index, roster, relay, searches, attestors)
    for state in STATES:
        parts.keys.mint(state)
        world.open_gallery(state, number_of_records)
    return world
