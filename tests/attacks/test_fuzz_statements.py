"""R-1, R-22, R-42: no bytes make a reader of grants, statements, manifests or authority bundles
fail in another way than by a refusal, and none but the signed ones verify.

Attacker: whoever can send a service what another should have sent; for the last class below also
the holder of the ledger's key, who can log what the ledger itself never writes.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from onrecord.audit.core.receipts import read_receipt
from onrecord.chassis.bus.ports import SCHEMA, Message, Partition, Received
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.tokens import JwtVerifier
from onrecord.contracts.events import SearchExecuted
from onrecord.events.messages import message_of, read_dead_letter, read_event
from onrecord.events.v1 import events_pb2 as pb
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import ManifestAct, Role, Service
from onrecord.manifests.reading import open_list
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from onrecord.proof.authority import (
    AuthorityBundle,
    build_bundle,
    key_name,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.grant import read_grant
from onrecord.proof.manifests import (
    ManifestHeader,
    Row,
    chunk_root,
    read_header,
    sign_manifest,
    verify_manifest,
)
from onrecord.proof.notes import NoteSigner
from onrecord.proof.release import ReleaseProof, verify_release
from onrecord.rpc.v1 import values_pb2 as rpc
from onrecord.rpc.values import (
    logged_entry_message,
    read_logged_entry,
    read_release_proof,
    release_proof_message,
)
from onrecord.vector_search.core.looks import read_look
from tests.attacks.fuzzing import documents, fuzzed, mutations, read_or_refused
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


class TestWhatIsInTheLedger:
    @staticmethod
    @fuzzed
    @given(mutations(canonical.encode(GRANT.to_json())))
    def test_a_grant_as_json(data: bytes) -> None:
        entry = read_or_refused(lambda: LoggedEntry.from_json(canonical.decode(data)))
        if entry is not None:
            assert canonical.encode(entry.to_json()) == data
            grant = read_or_refused(lambda: read_grant(entry, LEDGER.key))
            assert grant is None or grant == read_grant(GRANT, LEDGER.key)

    @staticmethod
    @fuzzed
    @given(mutations(logged_entry_message(GRANT).SerializeToString()))
    def test_a_grant_as_it_is_sent(data: bytes) -> None:
        """A message that is no message is refused by the server before it is read."""
        message = _parsed(rpc.LoggedEntry(), data)
        if message is not None:
            entry = read_logged_entry(message)
            grant = read_or_refused(lambda: read_grant(entry, LEDGER.key))
            assert grant is None or grant == read_grant(GRANT, LEDGER.key)

    @staticmethod
    @fuzzed
    @given(mutations(release_proof_message(PROOF).SerializeToString()))
    def test_a_release_as_it_is_sent(data: bytes) -> None:
        message = _parsed(rpc.ReleaseProof(), data)
        if message is not None:
            found = read_or_refused(lambda: verify_release(read_release_proof(message), LEDGER.key))
            if found is not None:
                assert found.leads == verify_release(PROOF, LEDGER.key).leads
                assert found.entry.body_bytes == RELEASE.body


def _parsed(message: Any, data: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


class TestWhatServicesSign:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> LocalAuthority:
        return LocalAuthority.open(tmp_path, now=lambda: START - timedelta(days=1))

    def test_a_receipt(self, authority: LocalAuthority) -> None:
        identity = authority.issue(Service.VECTOR_SEARCH)
        receipt = Attestor(identity.key, identity.chain).attest(RECEIPT)
        verifier = AttestationVerifier([authority.root])

        @fuzzed
        @given(mutations(canonical.encode(receipt.to_json())))
        def as_json(data: bytes) -> None:
            said = read_or_refused(lambda: Attestation.from_json(canonical.decode(data)))
            if said is not None:
                checked(said)

        @fuzzed
        @given(mutations(message_of(SearchExecuted(receipt)).payload))
        def as_sent(data: bytes) -> None:
            event = read_or_refused(lambda: read_event(_received(SearchExecuted, data)))
            if event is not None:
                checked(event.receipt)

        def checked(said: Attestation) -> None:
            read = read_or_refused(
                lambda: verifier.verify(said, Service.VECTOR_SEARCH, statements.RECEIPT)
            )
            assert read is None or read == RECEIPT

        as_json()
        as_sent()

    def test_a_receipt_that_its_plane_has_signed_falsely(self, authority: LocalAuthority) -> None:
        """Attacker: a plane, with its own key."""
        identity = authority.issue(Service.VECTOR_SEARCH)
        attestor = Attestor(identity.key, identity.chain)
        verifier = AttestationVerifier([authority.root])

        @fuzzed
        @given(documents(RECEIPT))
        def signed(said: dict[str, Any]) -> None:
            attestation = attestor.attest(said)
            read_or_refused(
                lambda: read_receipt(
                    verifier.verify(attestation, Service.VECTOR_SEARCH, statements.RECEIPT),
                    attestation,
                )
            )

        signed()


def _received(kind: type, data: bytes) -> Received:
    schema = pb.DESCRIPTOR.message_types_by_name[kind.__name__].full_name
    message = Message("topic", "key", data, {SCHEMA: schema})
    return Received(message, Partition("topic", 0), 0, START)


@fuzzed
@given(mutations(b"\x0a\x04\x0a\x02US", b"\x0a\x05topic"))
def test_any_message_on_the_bus_is_an_event_or_malformed(data: bytes) -> None:
    for name, kind in pb.DESCRIPTOR.message_types_by_name.items():
        if name in ("Enrolment", "Sealed"):
            continue
        headers = {SCHEMA: kind.full_name}
        received = Received(Message("t", "k", data, headers), Partition("t", 0), 0, START)
        read_or_refused(lambda one=received: read_event(one))  # type: ignore[misc]
    read_or_refused(lambda: read_dead_letter(data))


STATE = NoteSigner.generate(key_name("US-UT"))
NEXT = NoteSigner.generate(key_name("US-UT"))
BUNDLES = (
    build_bundle(
        b"permit(principal, action, resource);",
        b"jurisdiction: US-UT\n",
        jurisdiction="US-UT",
        version=2,
        previous="0" * 64,
        signer=STATE,
    ),
    build_bundle(
        b"permit(principal, action, resource);",
        b"jurisdiction: US-UT\n",
        jurisdiction="US-UT",
        version=3,
        previous="0" * 64,
        signer=STATE,
        next_signer=NEXT,
    ),
)


class TestWhatAStateSigns:
    @staticmethod
    @fuzzed
    @given(mutations(*[canonical.encode(one.to_json()) for one in BUNDLES]))
    def test_a_bundle(data: bytes) -> None:
        bundle = read_or_refused(lambda: AuthorityBundle.from_json(canonical.decode(data)))
        if bundle is not None:
            manifest = read_or_refused(lambda: verify_bundle(bundle, [STATE.verifier]))
            assert manifest is None or bundle.digest in {one.digest for one in BUNDLES}
            if manifest is not None:
                assert (bundle.policy, bundle.authority) == (
                    BUNDLES[0].policy,
                    BUNDLES[0].authority,
                )

    @staticmethod
    @fuzzed
    @given(documents(json.loads(BUNDLES[1].manifest)))
    def test_the_manifest_of_a_bundle_says_one_thing(said: dict[str, Any]) -> None:
        """Two manifests that read alike would be two digests of one law."""
        data = canonical.encode(said)
        manifest = read_or_refused(lambda: read_manifest(data))
        if manifest is not None:
            again = {name: getattr(manifest, name) for name in said if hasattr(manifest, name)}
            assert canonical.encode(again) == data

    HEADER = ManifestHeader(
        gallery="US-UT",
        act=ManifestAct.ENROL,
        created=START,
        rows=3,
        chunk_rows=2,
        chunks=tuple(chunk_root([Row(f"UT-{n}", "0" * 64, "a.jpg")]) for n in range(2)),
    )
    SIGNATURE = sign_manifest(HEADER, STATE)

    @staticmethod
    @fuzzed
    @given(mutations(HEADER.encode()), mutations(SIGNATURE.encode()))
    def test_a_list_of_records(data: bytes, signature: bytes) -> None:
        whole = TestWhatAStateSigns
        read = read_or_refused(lambda: read_header(data))
        assert read is None or read.encode() == data
        for note in (whole.SIGNATURE, signature.decode("latin-1")):
            for encoded in (data, whole.HEADER.encode()):
                found = read_or_refused(
                    lambda a=encoded, b=note: verify_manifest(a, b, [STATE.verifier])  # type: ignore[misc]
                )
                assert found is None or found == whole.HEADER

    @staticmethod
    @fuzzed
    @given(documents(json.loads(HEADER.encode())))
    def test_a_list_that_the_state_has_signed_falsely(said: dict[str, Any]) -> None:
        data = canonical.encode(said)
        read = read_or_refused(lambda: read_header(data))
        assert read is None or read.encode() == data

    def test_its_rows_as_csv(self, tmp_path: Path) -> None:
        file = tmp_path / "list.csv"
        valid = b"record_id,image_sha256,path\r\n" + b"".join(
            b'UT-%d,%b,"a,%d.jpg"\r\n' % (number, b"0" * 64, number) for number in range(3)
        )

        @fuzzed
        @given(mutations(valid))
        def read(data: bytes) -> None:
            file.write_bytes(data)
            rows = read_or_refused(lambda: list(open_list(file, ManifestAct.ENROL).rows()))
            assert rows is None or all(isinstance(row, Row) for row in rows)

        read()

    def test_its_rows_as_parquet(self, tmp_path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        file = tmp_path / "list.parquet"
        table = pyarrow.table(
            {
                "record_id": [f"UT-{number}" for number in range(3)],
                "image_sha256": ["0" * 64] * 3,
                "path": ["a.jpg"] * 3,
            }
        )
        parquet.write_table(table, file)
        valid = file.read_bytes()

        @fuzzed
        @given(mutations(valid))
        def read(data: bytes) -> None:
            file.write_bytes(data)
            rows = read_or_refused(lambda: list(open_list(file, ManifestAct.ENROL).rows()))
            assert rows is None or all(isinstance(row, Row) for row in rows)

        read()


def test_a_token_speaks_for_nobody_else(tmp_path: Path) -> None:
    """Law 10."""

    class Standing:
        def now(self) -> datetime:
            return START

    issuer = DevelopmentIssuer.open(tmp_path)
    verifier = JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, Standing())
    token = issuer.issue(person="olsen", agency="a", roles=[Role.REQUESTER], now=START)
    claims = verifier.verify(token)

    @fuzzed
    @given(mutations(token.encode()))
    def sent(data: bytes) -> None:
        found = read_or_refused(lambda: verifier.verify(data.decode("latin-1")))
        assert found is None or found == claims

    sent()


class TestWhatOnlyTheLedgersKeyCouldLog:
    """Attacker: audit's key, or a fault of audit. Each body really stands in the ledger."""

    @staticmethod
    @fuzzed
    @given(documents(GRANT_BODY))
    def test_a_grant(body: dict[str, Any]) -> None:
        entry = MemoryLedger(LEDGER.signer).log(body)
        read_or_refused(lambda: read_grant(entry, LEDGER.key))

    @staticmethod
    @fuzzed
    @given(documents(LOOK_BODY))
    def test_a_look(body: dict[str, Any]) -> None:
        entry = MemoryLedger(LEDGER.signer).log(body)
        read_or_refused(lambda: read_look(verify_entry(entry, LEDGER.key)))

    @staticmethod
    @fuzzed
    @given(
        documents({"grant": GRANT_BODY, "executed": EXECUTED_BODY, "release": RELEASE_BODY})
        | documents({"first": decision("berg"), "second": decision("cole")})
    )
    def test_a_release(changed: dict[str, Any]) -> None:
        ledger = MemoryLedger(LEDGER.signer)
        for body in LEDGER.bodies[: GRANT.index]:
            ledger.append(json.loads(body[1]))
        bodies = {
            "grant": GRANT_BODY,
            "executed": EXECUTED_BODY,
            "first": decision("berg"),
            "second": decision("cole"),
            "release": RELEASE_BODY,
        } | changed
        logged = {name: ledger.append(_object(body)) for name, body in bodies.items()}
        entry = {name: ledger.logged(index) for name, index in logged.items()}
        proof = ReleaseProof(
            entry["release"],
            entry["grant"],
            (entry["executed"],),
            (entry["first"], entry["second"]),
        )
        found = read_or_refused(lambda: verify_release(proof, LEDGER.key))
        if found is not None:
            assert 1 <= len(found.leads) <= 2


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {"body": body}
