"""R-22: no bytes make a reader of receipts, events or tokens fail in another way than by a
refusal, and none but the signed ones are believed.

Attacker: whoever can write to the bus or call a service; where it says so, a plane with its key.
"""

from datetime import datetime, timedelta
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
from onrecord.kernel.vocabulary import Role, Service
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from tests.attacks.fuzzing import documents, fuzzed, mutations, read_or_refused
from tests.attacks.one_search import RECEIPT, START


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
