"""R-1, R-22: no bytes make a reader of grants, releases or looks fail in another way than by a
refusal, and none but those in the ledger are believed.

Attacker: whoever can send a service what another should have sent; for the last class below also
the holder of the ledger's key, who can log what the ledger itself never writes.
"""

import json
from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import given

from onrecord.proof import canonical
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.grant import read_grant
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
from tests.attacks.one_search import (
    EXECUTED_BODY,
    GRANT,
    GRANT_BODY,
    LEDGER,
    LOOK_BODY,
    PROOF,
    RELEASE,
    RELEASE_BODY,
    decision,
)
from tests.builders.ledger import MemoryLedger


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
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


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
