"""The real audit service in a temporary folder, with everyone who talks to it.

`audit_for_test(tmp_path)` opens a ledger with the three demo states' policies activated and a
model registered for each; `AuditForTest` holds the people, the services' signing keys, and the
steps of a search. Closing it and opening another on the same folder is a restart.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from onrecord.audit.adapters import schema
from onrecord.audit.app import RunningAudit, build_audit
from onrecord.audit.core.witnessing import Witnessing
from onrecord.audit.service.audit_service import AuditService
from onrecord.chassis.bus.ports import Bus, Message
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import read_transaction
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.tokens import JwtVerifier
from onrecord.contracts.audit import (
    Authorization,
    AuthorizeCall,
    CandidateDecision,
    DecideCall,
    LookCall,
)
from onrecord.contracts.events import GalleryChanged, SearchExecuted
from onrecord.events.messages import message_of
from onrecord.events.topics import open_bus
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.kernel.vocabulary import Conclusion, Role, Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, Attestor
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.grant import read_grant
from onrecord.proof.notes import NoteSigner
from tests.builders.databases import database_url

POLICIES = Path(__file__).resolve().parents[2] / "policies"
STATES = ("US-UT", "US-VT", "US-MD")
ORIGIN = "test.example/onrecord"
MODEL = "test-model@1+fp32+0123456789abcdef"
PROBE = hashlib.sha256(b"the probe").hexdigest()
START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
PATIENCE = 0.05
"""Seconds that an examiner's call waits for receipts: none are on their way in these tests."""
TRAINED = date(2026, 6, 1)

REQUEST: dict[str, Any] = {
    "case_number": "SLC-2026-004182",
    "purpose": "criminal_investigation",
    "role_sought": "suspect",
    "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
    "suspicion": "reasonable_suspicion",
    "federal_ground": "b1",
    "beneficiary_agency": "us-ut-slcpd",
    "narrative": "Armed robbery of a shop.",
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
class SetClock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def pass_(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@dataclass(slots=True)
class AuditForTest:
    """Audit at work, and its surroundings."""

    folder: Path
    clock: Clock
    running: RunningAudit
    issuer: DevelopmentIssuer
    tokens: JwtVerifier
    authority: LocalAuthority
    signer: NoteSigner
    objects: LocalObjects
    bus: Bus
    state_keys: dict[str, NoteSigner]
    keys: int = 0
    receipts: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def service(self) -> AuditService:
        return self.running.service

    def close(self) -> None:
        self.running.close()
        self.bus.close()

    def token(
        self,
        person: str,
        *roles: Role,
        agency: str = "us-ut-slcpd",
        training_completed: date | None = TRAINED,
        gallery: str | None = None,
        **changes: Any,
    ) -> str:
        settings: dict[str, Any] = {"now": self.clock.now(), **changes}
        return self.issuer.issue(
            person=person,
            agency=agency,
            roles=roles,
            training_completed=training_completed,
            gallery=gallery,
            **settings,
        )

    def custodian(self, jurisdiction: str) -> str:
        state = jurisdiction.lower()
        return self.token(
            f"custodian-{state}", Role.CUSTODIAN, agency=f"{state}-dmv", gallery=jurisdiction
        )

    def operator(self) -> str:
        return self.token("operator-1", Role.OPERATOR, agency="operator")

    def attestor(self, service: Service) -> Attestor:
        identity = self.authority.issue(service)
        return Attestor(identity.key, identity.chain)

    def bundle(
        self,
        jurisdiction: str,
        *,
        version: int = 1,
        previous: str = "",
        policy: bytes | None = None,
        authority: bytes | None = None,
    ) -> AuthorityBundle:
        """The demo state's bundle, or one with another file in it, signed by the state's key."""
        folder = POLICIES / jurisdiction
        return build_bundle(
            (folder / "policy.cedar").read_bytes() if policy is None else policy,
            (folder / "authority.yaml").read_bytes() if authority is None else authority,
            jurisdiction=jurisdiction,
            version=version,
            previous=previous,
            signer=self.state_keys[jurisdiction],
        )

    def settle_states(self, states: Sequence[str] = STATES) -> None:
        """Pin each state's key, activate its policy, register a model. Repeatable."""
        for state in states:
            key = self.state_keys[state].verifier.text
            self.service.pin_authority_key(state, key, self.operator(), soon())
            self.service.activate_policy(self.bundle(state), self.custodian(state), soon())
            self.service.register_gallery_model(state, MODEL, self.operator(), soon())

    def authorize(
        self,
        person: str = "olsen",
        *,
        key: str | None = None,
        probe: str = PROBE,
        token: str | None = None,
        **changes: Any,
    ) -> Authorization:
        """A request by `person`; `changes` replace fields of `REQUEST`."""
        self.keys += 1
        call = AuthorizeCall(
            request={**REQUEST, **changes},
            probe_sha256=probe,
            user_token=token if token is not None else self.token(person, Role.REQUESTER),
            idempotency_key=key if key is not None else f"key-{self.keys}",
            source="req-1",
        )
        return self.service.authorize(call, soon())

    def receipt(
        self,
        grant: LoggedEntry,
        similarities: Mapping[str, int] | None = None,
        gallery: str = "US-UT",
        **changes: Any,
    ) -> Attestation:
        """The plane's next receipt for a gallery, with these candidates. Not yet logged."""
        read = read_grant(grant, self.signer.verifier)
        sequence, previous = self.receipts.get(gallery, (0, "0" * 64))
        allowed = read.galleries.get(gallery)
        listed = {"c-1": 900_000, "c-2": 400_000} if similarities is None else similarities
        said = {
            "type": statements.RECEIPT,
            "time": format_time(self.clock.now()),
            "gallery": gallery,
            "sequence": sequence + 1,
            "previous": previous,
            "mandate": read.mandate,
            "grant_index": read.index,
            "search_id": read.search_id,
            "probe_sha256": read.probe_sha256,
            "policy": "" if allowed is None else allowed.policy,
            "model_id": MODEL if allowed is None else allowed.model_id,
            "list_size": 5 if allowed is None else allowed.list_size,
            "candidates": [{"ref": ref, "similarity": one} for ref, one in listed.items()],
            "searched": 300,
            **changes,
        }
        attestation = self.attestor(Service.VECTOR_SEARCH).attest(said)
        self.receipts[gallery] = (said["sequence"], statements.statement_sha256(attestation))
        return attestation

    def refusal(self, grant: LoggedEntry, code: str = "face_not_found") -> Attestation:
        """Detection's signed refusal of the granted probe."""
        read = read_grant(grant, self.signer.verifier)
        said = {
            "type": statements.DETECTION_REFUSED,
            "time": format_time(self.clock.now()),
            "mandate": read.mandate,
            "image_sha256": read.probe_sha256,
            "code": code,
        }
        return self.attestor(Service.DETECTION).attest(said)

    def executed(
        self, similarities: Mapping[str, int] | None = None, person: str = "olsen", **changes: Any
    ) -> Authorization:
        """A request granted by every gallery it names, and searched in each."""
        authorization = self.authorize(person, **changes)
        for decision in authorization.galleries:
            if decision.granted:
                self.told(self.receipt(authorization.entry, similarities, decision.gallery))
        return authorization

    def publish(self, *said: Attestation) -> None:
        """What the plane publishes: receipts, and changes of galleries."""
        self.bus.publisher().publish([_message(one) for one in said], soon())

    def told(self, said: Attestation) -> LoggedEntry:
        """Publish, let audit read the bus to its end, and find the entry: an alarm, if need be."""
        self.publish(said)
        self.take_in()
        entry = self.entry_of(said)
        assert entry is not None, "it was read, and there is no entry"
        return entry

    def take_in(self) -> None:
        """Audit reads the bus to its end."""
        consumer = self.running.consumer
        assert consumer is not None
        while consumer.step():
            pass

    def entry_of(self, said: Attestation) -> LoggedEntry | None:
        """The entry in which a statement of the plane stands; None where it is in none."""
        digest = statements.statement_sha256(said)
        table = schema.markers
        with read_transaction(self.running.engine) as connection:
            index = connection.execute(
                select(table.c.entry).where(
                    table.c.marker.in_([f"receipt:{digest}", f"change:{digest}"])
                )
            ).scalar()
        return None if index is None else self.running.ledger.entries([int(index)])[0]

    def look(
        self,
        person: str,
        search_id: str,
        candidate: str | None = None,
        gallery: str = "US-UT",
        **changes: Any,
    ) -> LoggedEntry:
        settings: dict[str, Any] = {
            "task_id": f"task-{person}",
            "user_token": self.token(person, Role.EXAMINER, agency="us-ut-dps"),
            **changes,
        }
        named = None if candidate is None else gallery
        return self.service.authorize_look(
            LookCall(search_id, gallery=named, candidate_ref=candidate, source="r", **settings),
            soon(),
        )

    def decide(
        self,
        person: str,
        search_id: str,
        conclusions: Mapping[str, Conclusion] | None = None,
        *,
        looks: bool = True,
        **changes: Any,
    ) -> LoggedEntry:
        """A decision by `person`: by default c-1 is the one and c-2 is not.

        Looks at the probe and at each of Utah's candidates first, unless told otherwise.
        """
        said = conclusions or {
            "c-1": Conclusion.SUPPORTS_SAME,
            "c-2": Conclusion.SUPPORTS_DIFFERENT,
        }
        settings: dict[str, Any] = {
            "task_id": f"task-{person}",
            "method": "morphological_analysis",
            "decisions": tuple(
                CandidateDecision(ref, conclusion, ("ears",), 40)
                for ref, conclusion in said.items()
            ),
            "user_token": self.token(person, Role.EXAMINER, agency="us-ut-dps"),
            "source": "r",
            **changes,
        }
        if looks:
            named = [one.candidate_ref for one in settings["decisions"]]
            of = {name: settings[name] for name in ("task_id", "user_token")}
            for candidate in (None, *named):
                # What must not be looked at is no reason not to try to decide on it.
                with suppress(OnRecordError):
                    self.look(person, search_id, candidate, **of)
        return self.service.decide(DecideCall(search_id, **settings), soon())

    def reopen(
        self, reached: WritePoint = unobserved, witnessing: Witnessing | None = None
    ) -> "AuditForTest":
        """Close and open again on the same folder."""
        self.close()
        again = open_audit(self.folder, clock=self.clock, reached=reached, witnessing=witnessing)
        again.receipts, again.keys = self.receipts, self.keys
        return again


def soon() -> Deadline:
    """A deadline far enough for any test."""
    return Deadline.after(30.0)


def audit_for_test(
    tmp_path: Path,
    *,
    clock: Clock | None = None,
    states: Sequence[str] = STATES,
    reached: WritePoint = unobserved,
) -> AuditForTest:
    """An open ledger in which `states` have their policies and models."""
    audit = open_audit(tmp_path, clock=clock or SetClock(), reached=reached)
    audit.settle_states(states)
    return audit


def open_audit(
    folder: Path,
    *,
    clock: Clock,
    reached: WritePoint = unobserved,
    url: str | None = None,
    witnessing: Witnessing | None = None,
) -> AuditForTest:
    """The ledger in `folder`, empty where there is none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    issuer = DevelopmentIssuer.open(folder / "identity")
    tokens = JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, clock)
    authority = LocalAuthority.open(folder / "certificates", clock.now)
    objects = LocalObjects(folder / "public")
    signer = _kept_key(folder / "ledger.key", ORIGIN)
    states = {
        state: _kept_key(folder / f"{state}.key", key_name(state)) for state in (*STATES, "US-CA")
    }
    bus = open_bus(folder / "bus", clock)
    running = build_audit(
        database_url=url or database_url(folder, "ledger"),
        objects=objects,
        signer=signer,
        tokens=tokens,
        roots=[authority.root],
        bus=bus,
        patience=PATIENCE,
        clock=clock,
        witnessing=witnessing,
        reached=reached,
    )
    return AuditForTest(
        folder, clock, running, issuer, tokens, authority, signer, objects, bus, states
    )


def _message(said: Attestation) -> Message:
    is_receipt = statements.read(said)["type"] == statements.RECEIPT
    return message_of(SearchExecuted(said) if is_receipt else GalleryChanged(said))


def _kept_key(path: Path, name: str) -> NoteSigner:
    if not path.exists():
        path.write_text(NoteSigner.generate(name).text)
    return NoteSigner.parse(path.read_text())
