"""A gateway over fakes that keep their contracts, on a folder. Built twice, it is a restart.

The ledger is a real tree in memory, so what the gateway hands out can be proved, and the fake
plane unseals only what `verify_release` allows. Signatures of services are left out: the gateway
carries statements, it does not judge them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from onrecord.chassis.database import open_database
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.chassis.tokens import JwtVerifier
from onrecord.events.topics import open_bus
from onrecord.gateway.administration import ModelFacts
from onrecord.gateway.app import Gateway, GatewayParts, build_gateway
from onrecord.gateway.limits import Limits
from onrecord.kernel.vocabulary import Conclusion, Role
from onrecord.kernel.writepoints import WritePoint, unobserved
from tests.builders.databases import database_url
from tests.builders.gateway_audit import MODEL, OTHER_MODEL, FakeAudit, StillClock
from tests.builders.gateway_services import FakeDetection, FakeEmbedding, FakePlane

TRAINED = date(2026, 6, 1)

REQUEST: dict[str, Any] = {
    "case_number": "SLC-2026-004182",
    "purpose": "criminal_investigation",
    "role_sought": "suspect",
    "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
    "suspicion": "reasonable_suspicion",
    "federal_ground": "b1",
    "beneficiary_agency": "us-ut-slcpd",
    "narrative": "Robbery of a shop.",
    "instrument": {"type": "none"},
    "emergency": None,
    "probe": {
        "kind": "photograph",
        "source": "surveillance_still",
        "authority": "owner's consent",
        "captured_at": "2026-11-02T21:14:00Z",
        "edits": [],
    },
    "galleries": ["US-UT"],
    "list_size": 5,
}


@dataclass(slots=True)
class Office:
    """A gateway, all it stands on, and the people who use it."""

    folder: Path
    clock: StillClock
    issuer: DevelopmentIssuer
    audit: FakeAudit
    detection: FakeDetection
    embedding: FakeEmbedding
    plane: FakePlane
    parts: GatewayParts
    gateway: Gateway
    http: TestClient
    keys: int = 0
    people: dict[str, str] = field(default_factory=dict)

    def token(self, person: str, *roles: Role, **changes: Any) -> str:
        settings: dict[str, Any] = {
            "agency": "us-ut-slcpd",
            "roles": roles,
            "now": self.clock.now(),
            "training_completed": TRAINED,
            **changes,
        }
        return self.issuer.issue(person=person, **settings)

    def bearer(self, person: str, *roles: Role, **changes: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(person, *roles, **changes)}"}

    def search(
        self,
        request: dict[str, Any] | bytes | None = None,
        probe: bytes = b"the probe",
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **changes: Any,
    ) -> Response:
        """`POST /v1/searches` by Olsen; `changes` go into the request."""
        if key is None:
            self.keys += 1
            key = f"key-{self.keys}"
        if isinstance(request, bytes):
            body = request
        else:
            body = json.dumps({**(request or REQUEST), **changes}).encode()
        files = {
            "request": (None, body, "application/json"),
            "probe": ("probe.jpg", probe, "image/jpeg"),
        }
        sent = headers or {**self.bearer("olsen", Role.REQUESTER), "Idempotency-Key": key}
        answer: Response = self.http.post("/v1/searches", files=files, headers=sent)
        return answer

    def get(self, path: str, person: str, role: Role) -> Response:
        answer: Response = self.http.get(path, headers=self.bearer(person, role))
        return answer

    def join(self, *people: str, **changes: Any) -> None:
        for person in people:
            headers = self.bearer(person, Role.EXAMINER, **changes)
            answer = self.http.put("/v1/examiners/me", headers=headers)
            assert answer.status_code == 200, answer.text

    def tasks(self, *people: str) -> dict[str, str]:
        """The newest open task of each of `people` who has one."""
        found = {}
        for person in people:
            listed = self.get("/v1/tasks", person, Role.EXAMINER).json()["tasks"]
            for task in listed:
                if task["status"] == "open":
                    found[person] = task["task_id"]
        return found

    def task(self, person: str, task_id: str) -> Any:
        return self.get(f"/v1/tasks/{task_id}", person, Role.EXAMINER).json()

    def decide(
        self,
        person: str,
        task_id: str,
        same: Sequence[str] = (),
        *,
        otherwise: Conclusion = Conclusion.SUPPORTS_DIFFERENT,
        looks: bool = True,
    ) -> Response:
        """A decision on every candidate, after a look at the probe and at each of them."""
        references = [
            one["candidate_ref"] for one in self.task(person, task_id).get("candidates", [])
        ] or list(same)
        if looks:
            for face in ("probe", *(f"candidates/{one}/portrait" for one in references)):
                self.get(f"/v1/tasks/{task_id}/{face}", person, Role.EXAMINER)
        decisions = [
            {
                "candidate_ref": one,
                "conclusion": "supports_same" if one in same else otherwise.value,
                "reasons": ["ears and nose"],
                "seconds": 40,
            }
            for one in references
        ]
        answer: Response = self.http.post(
            f"/v1/tasks/{task_id}/decision",
            json={"method": "morphological_analysis", "decisions": decisions},
            headers=self.bearer(person, Role.EXAMINER),
        )
        return answer

    def status(self, search_id: str) -> str:
        answer = self.get(f"/v1/searches/{search_id}", "olsen", Role.REQUESTER)
        return str(answer.json()["status"])

    def best(self, search_id: str) -> str:
        """The candidate the ledger's receipts put first."""
        executed = [body for body in self._bodies() if body["kind"] == "search.executed"]
        first = [body["receipt"] for body in executed if body["search_id"] == search_id]
        return str(max(first[0]["candidates"], key=lambda one: one["similarity"])["ref"])

    def restarted(self, reached: WritePoint = unobserved) -> "Office":
        """The same office after its gateway ended and a new one began."""
        parts = replace(
            self.parts,
            database=open_database(database_url(self.folder, "casework")),
            reached=reached,
        )
        return replace(self, parts=parts, **_served(parts))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The gateway's consumers of the bus, for as long as this lasts."""
        for worker in self.gateway.workers:
            worker.start()
        try:
            yield
        finally:
            for worker in self.gateway.workers:
                assert worker.stop(10.0)

    def _bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.audit.ledger.bodies]


def build_office(
    folder: Path,
    *,
    reached: WritePoint = unobserved,
    galleries: Sequence[str] = ("US-UT", "US-VT", "US-MD"),
    limits: Limits | None = None,
) -> Office:
    """Three galleries with three records each, and nobody in the examiners' pool."""
    clock = StillClock()
    issuer = DevelopmentIssuer.open(folder / "issuer")
    tokens = JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, clock)
    audit = FakeAudit(tokens, clock)
    plane = FakePlane(audit, clock, galleries)
    for gallery in galleries:
        plane.hold(gallery, *(f"{gallery}-{number}" for number in range(3)))
    detection, embedding = FakeDetection(), FakeEmbedding()
    parts = GatewayParts(
        audit=audit,
        detection=detection,
        embedding=embedding,
        planes={"first": plane},
        tokens=tokens,
        database=open_database(database_url(folder, "casework")),
        casework_key=SymmetricSeal(b"k" * 32),
        vault=LocalObjects(folder / "vault"),
        ingest=LocalObjects(folder / "ingest"),
        bus=open_bus(folder / "bus", clock),
        ledger_objects=LocalObjects(folder / "ledger"),
        models={MODEL: ModelFacts(4, "IP"), OTHER_MODEL: ModelFacts(4, "IP")},
        clock=clock,
        chance=Random(7),  # noqa: S311 - a test draws the same each time
        limits=limits or Limits(admission=4, fan_out=4),
        reached=reached,
    )
    plane.attach(parts.bus.publisher(), parts.vault, parts.ingest)
    served = _served(parts)
    return Office(folder, clock, issuer, audit, detection, embedding, plane, parts, **served)


def _served(parts: GatewayParts) -> dict[str, Any]:
    gateway = build_gateway(parts)
    return {"gateway": gateway, "http": TestClient(gateway.app)}
