"""`Audit`, in process and over gRPC: the same answers, the same refusals (laws 1, 5, 10)."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from onrecord.audit.core.witnessing import WitnessAddress, Witnessing
from onrecord.audit.rpc import register
from onrecord.clients.audit import AuditClient, LedgerProofsClient
from onrecord.contracts.audit import Audit, LookCall, SearchEnd
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Conclusion, EntryKind, Role, Service
from onrecord.proof import statements
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.entry import parse_body, verify_entry
from onrecord.proof.merkle import verify_consistency
from onrecord.proof.release import verify_release
from tests.builders.audit import MODEL, PROBE, AuditForTest, soon
from tests.builders.servers import Servers
from tests.builders.witnessing import running_witness
from tests.contract.conftest import Refused, Way, copied, foreign, plain_text


class TestAuthorize:
    def test_every_gallery_is_answered_in_one_entry_that_is_in_the_ledger(
        self, audit: AuditForTest
    ) -> None:
        """Law 1, R-1: granted and refused galleries stand in the same entry."""
        answer = audit.authorize(galleries=["US-UT", "US-VT", "US-MD"])
        assert not answer.replayed and answer.granted
        assert [one.gallery for one in answer.galleries] == ["US-UT", "US-VT", "US-MD"]
        utah, vermont, maryland = answer.galleries
        assert (utah.granted, utah.model_id, utah.reasons) == (True, MODEL, ())
        assert utah.list_size == 5
        for one in (vermont, maryland):
            assert not one.granted and one.reasons
        body = verify_entry(answer.entry, audit.signer.verifier).body
        assert body["search_id"] == answer.search_id
        assert body["probe_sha256"] == PROBE
        assert {name: said["decision"] for name, said in body["galleries"].items()} == {
            "US-UT": "granted",
            "US-VT": "refused",
            "US-MD": "refused",
        }

    def test_a_request_that_all_refuse_is_an_entry_and_no_error(self, audit: AuditForTest) -> None:
        answer = audit.authorize(galleries=["US-VT"])
        assert not answer.granted
        assert parse_body(answer.entry.body)[2] == "request.refused"

    def test_the_same_key_again_is_the_same_entry(
        self, audit: AuditForTest, refused: Refused
    ) -> None:
        """R-9."""
        first = audit.authorize(key="one")
        again = audit.authorize(key="one")
        assert again.replayed
        assert (again.search_id, again.entry.index) == (first.search_id, first.entry.index)
        assert again.entry.body == first.entry.body
        assert again.galleries == first.galleries
        refused(ErrorCode.IDEMPOTENCY_CONFLICT, lambda: audit.authorize(key="one", list_size=6))
        refused(ErrorCode.IDEMPOTENCY_CONFLICT, lambda: audit.authorize(key="one", probe="0" * 64))

    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"purpose": "curiosity"}, ErrorCode.FIELD_INVALID, "purpose"),
            ({"purpose": None}, ErrorCode.FIELD_INVALID, "purpose"),
            ({"offence": {"statute": "s"}}, ErrorCode.FIELD_MISSING, "offence.tier"),
            ({"favourite": 1}, ErrorCode.FIELD_UNKNOWN, "favourite"),
            ({"list_size": 51}, ErrorCode.LIST_SIZE_OUT_OF_RANGE, "list_size"),
            ({"galleries": ["US-ZZ"]}, ErrorCode.JURISDICTION_UNKNOWN, "galleries[0]"),
            ({"narrative": "n" * 100_000}, ErrorCode.FIELD_TOO_LONG, "narrative"),
        ],
        ids=["invalid", "null", "missing", "unknown", "list size", "jurisdiction", "too long"],
    )
    def test_a_refusal_keeps_its_code_and_field(
        self,
        audit: AuditForTest,
        refused: Refused,
        change: dict[str, Any],
        code: ErrorCode,
        field: str,
    ) -> None:
        """R-7."""
        assert refused(code, lambda: audit.authorize(**change)).field == field

    def test_who_asks_is_in_the_token_alone(self, audit: AuditForTest, refused: Refused) -> None:
        """Law 10."""
        tokens = {
            ErrorCode.TOKEN_INVALID: "not a token",
            ErrorCode.TOKEN_EXPIRED: audit.token(
                "olsen", Role.REQUESTER, now=audit.clock.now() - timedelta(hours=1)
            ),
            ErrorCode.ROLE_MISSING: audit.token("olsen", Role.EXAMINER),
        }
        before = size(audit)
        for code, token in tokens.items():
            refused(code, lambda token=token: audit.authorize(token=token))  # type: ignore[misc]
        assert size(audit) == before

    def test_training_too_long_ago_is_a_reason(self, audit: AuditForTest, refused: Refused) -> None:
        """R-12: a request is refused on the record; a look is not given."""
        long_ago = date(2025, 6, 1)
        stale = audit.token("olsen", Role.REQUESTER, training_completed=long_ago)
        answer = audit.authorize(token=stale)
        assert not answer.granted
        assert "training_expired" in [code for code, _ in answer.galleries[0].reasons]
        search_id = audit.executed().search_id
        examiner = audit.token(
            "berg", Role.EXAMINER, agency="us-ut-dps", training_completed=long_ago
        )
        refused(
            ErrorCode.TRAINING_EXPIRED,
            lambda: audit.look("berg", search_id, "c-1", user_token=examiner),
        )


class TestSearch:
    def test_from_request_to_release(self, audit: AuditForTest, refused: Refused) -> None:
        """Laws 3 and 6, R-15: each step an entry, each repeat the same entry."""
        authorization = audit.authorize()
        search_id = authorization.search_id
        receipt = audit.receipt(authorization.entry)
        assert audit.service.ends(search_id, soon()) == ()
        executed = audit.told(receipt)
        assert audit.told(receipt).index == executed.index
        digest = statements.statement_sha256(receipt)
        ended = SearchEnd("US-UT", EntryKind.SEARCH_EXECUTED, executed.index, digest)
        assert audit.service.ends(search_id, soon()) == (ended,)
        refused(ErrorCode.SEARCH_STATE, lambda: audit.service.release(search_id, soon()))

        for person in ("berg", "cole"):
            look = audit.look(person, search_id, "c-1")
            target = parse_body(look.body)[0]["target"]
            assert target == {"what": "candidate", "gallery": "US-UT", "candidate_ref": "c-1"}
            assert parse_body(audit.look(person, search_id).body)[0]["target"] == {"what": "probe"}
            decided = audit.decide(person, search_id)
            assert audit.decide(person, search_id).index == decided.index
        refused(ErrorCode.EXAMINER_CONFLICT, lambda: audit.look("dahl", search_id))
        other = {"c-1": Conclusion.INCONCLUSIVE, "c-2": Conclusion.INCONCLUSIVE}
        refused(ErrorCode.TASK_DECIDED, lambda: audit.decide("berg", search_id, other))

        outcome = audit.service.release(search_id, soon())
        assert outcome.proof is not None
        released = verify_release(outcome.proof, audit.signer.verifier)
        assert [lead.candidate_ref for lead in released.leads] == ["c-1"]
        again = audit.service.release(search_id, soon())
        assert again.entry.index == outcome.entry.index
        assert again.reason == outcome.reason

    def test_a_requester_is_no_examiner(self, audit: AuditForTest, refused: Refused) -> None:
        search_id = audit.executed().search_id
        refused(ErrorCode.EXAMINER_CONFLICT, lambda: audit.look("olsen", search_id))
        refused(
            ErrorCode.NOT_FOUND,
            lambda: audit.service.authorize_look(
                LookCall(
                    "no-such-search",
                    "t",
                    None,
                    None,
                    audit.token("berg", Role.EXAMINER, agency="us-ut-dps"),
                    "r",
                ),
                soon(),
            ),
        )

    def test_a_search_without_a_lead_is_closed(self, audit: AuditForTest) -> None:
        search_id = audit.executed().search_id
        neither = dict.fromkeys(("c-1", "c-2"), Conclusion.SUPPORTS_DIFFERENT)
        audit.decide("berg", search_id, neither)
        audit.decide("cole", search_id, neither)
        outcome = audit.service.release(search_id, soon())
        assert outcome.proof is None
        assert parse_body(outcome.entry.body)[2] == "search.closed"

    def test_a_refused_probe_is_the_end_of_the_grant(self, audit: AuditForTest) -> None:
        """R-23."""
        authorization = audit.authorize()
        refusal = audit.refusal(authorization.entry)
        entry = audit.service.record_quality_refusal(authorization.search_id, refusal, soon())
        body, _, kind = parse_body(entry.body)
        assert (kind, body["code"]) == ("search.refused_quality", "face_not_found")
        again = audit.service.record_quality_refusal(authorization.search_id, refusal, soon())
        assert again.index == entry.index

    def test_a_gallery_that_failed_is_the_end_of_the_grant(self, audit: AuditForTest) -> None:
        search_id = audit.authorize().search_id
        entry = audit.service.record_failure(search_id, ["US-UT"], "plane_unavailable", soon())
        body, _, kind = parse_body(entry.body)
        assert (kind, body["galleries"]) == ("search.failed", ["US-UT"])
        ended = SearchEnd("US-UT", EntryKind.SEARCH_FAILED, entry.index, None)
        assert audit.service.ends(search_id, soon()) == (ended,)
        again = audit.service.record_failure(search_id, ["US-UT"], "plane_unavailable", soon())
        assert again.index == entry.index

    def test_nobody_knows_the_ends_of_a_search_that_was_not_granted(
        self, audit: AuditForTest, refused: Refused
    ) -> None:
        search_id = audit.authorize(galleries=["US-VT"]).search_id
        for unknown in (search_id, "no-such-search"):
            refused(ErrorCode.NOT_FOUND, lambda at=unknown: audit.service.ends(at, soon()))  # type: ignore[misc]


class TestStates:
    def test_settling_a_state_twice_is_settling_it_once(self, audit: AuditForTest) -> None:
        before = size(audit)
        audit.settle_states()
        assert size(audit) == before

    def test_a_policy_is_the_custodians_and_signed_by_the_state(
        self, audit: AuditForTest, refused: Refused
    ) -> None:
        bundle = audit.bundle("US-UT", version=2, previous=audit.bundle("US-UT").digest)
        refused(
            ErrorCode.ROLE_MISSING,
            lambda: audit.service.activate_policy(bundle, audit.operator(), soon()),
        )
        other = audit.bundle("US-VT")
        foreign_note = type(bundle)(
            bundle.policy, bundle.authority, bundle.manifest, other.signature
        )
        refused(
            ErrorCode.SIGNATURE_INVALID,
            lambda: audit.service.activate_policy(foreign_note, audit.custodian("US-UT"), soon()),
        )
        entry = audit.service.activate_policy(bundle, audit.custodian("US-UT"), soon())
        assert parse_body(entry.body)[0]["version"] == 2

    def test_policies_in_force_are_public(self, audit: AuditForTest) -> None:
        """R-2, R-28."""
        policies = {one.jurisdiction: one for one in audit.service.active_policies(soon())}
        utah = policies["US-UT"]
        bundle = audit.bundle("US-UT")
        assert (utah.version, utah.digest) == (1, bundle.digest)
        assert utah.citation and utah.legal_review
        assert audit.service.policy(bundle.digest, soon()) == bundle

    def test_a_policy_nobody_activated(self, audit: AuditForTest, refused: Refused) -> None:
        refused(ErrorCode.POLICY_MISSING, lambda: audit.service.policy("0" * 64, soon()))


class TestLedger:
    def test_any_entry_can_be_proved_again_in_process_alone(
        self, audit: AuditForTest, way: Way, refused: Refused
    ) -> None:
        """Law 10: over gRPC it would take no person's token, so no service is given an entry."""
        written = audit.authorize().entry
        if way is Way.OVER_GRPC:
            refused(
                ErrorCode.CALLER_NOT_ALLOWED, lambda: audit.service.entry(written.index, soon())
            )
            return
        proved = audit.service.entry(written.index, soon())
        assert (proved.body, proved.nonce) == (written.body, written.nonce)
        verify_entry(proved, audit.signer.verifier)
        for index in (size(audit), -1, 2**62):
            refused(ErrorCode.NOT_FOUND, lambda index=index: audit.service.entry(index, soon()))  # type: ignore[misc]

    def test_two_sizes_are_shown_to_agree(self, audit: AuditForTest) -> None:
        old = open_checkpoint(audit.service.checkpoint(soon()), audit.signer.verifier).checkpoint
        audit.executed()
        new = open_checkpoint(audit.service.checkpoint(soon()), audit.signer.verifier).checkpoint
        assert new.size > old.size
        proof = audit.service.consistency_proof(old.size, new.size, soon())
        verify_consistency(old.size, old.root, new.size, new.root, proof)
        assert audit.service.consistency_proof(new.size, new.size, soon()) == ()

    def test_bodies_are_for_auditors(self, audit: AuditForTest, refused: Refused) -> None:
        audit.executed()
        auditor = audit.token("auditor-1", Role.AUDITOR)
        bodies = audit.service.bodies(0, 1000, auditor, soon())
        assert [one.index for one in bodies] == list(range(size(audit)))
        assert list(audit.service.bodies(3, 2, auditor, soon())) == list(bodies[3:5])
        refused(
            ErrorCode.ROLE_MISSING,
            lambda: audit.service.bodies(0, 10, audit.operator(), soon()),
        )

    def test_a_deadline_that_has_passed_writes_nothing(
        self, audit: AuditForTest, refused: Refused
    ) -> None:
        search_id = audit.authorize().search_id
        before = size(audit)
        refused(
            ErrorCode.DEADLINE_EXCEEDED,
            lambda: audit.service.record_failure(
                search_id, ["US-UT"], "plane_unavailable", Deadline.after(0.0)
            ),
        )
        assert size(audit) == before


class TestOverGrpcAlone:
    """What only the wire can get wrong."""

    @pytest.fixture
    def inside(self, tmp_path: Path, settled: Path) -> Iterator[AuditForTest]:
        built = copied(settled, tmp_path / "audit")
        yield built
        built.close()

    def test_the_client_answers_what_the_service_answers(
        self, inside: AuditForTest, net: Servers
    ) -> None:
        """What is written is asked for both ways: every field is the same."""
        port = net.serve(Service.AUDIT, register(inside.service))
        client: Audit = AuditClient(net.channel(port, Service.AUDIT))
        inside.executed(galleries=["US-UT", "US-VT"])
        auditor = inside.token("auditor-1", Role.AUDITOR)
        assert client.active_policies(soon()) == inside.service.active_policies(soon())
        assert client.checkpoint(soon()) == inside.service.checkpoint(soon())
        bodies = inside.service.bodies(0, 1000, auditor, soon())
        assert tuple(client.bodies(0, 1000, auditor, soon())) == tuple(bodies)
        proof = inside.service.consistency_proof(3, len(bodies), soon())
        assert client.consistency_proof(3, len(bodies), soon()) == tuple(proof)

    def test_what_a_quorum_has_cosigned(
        self, inside: AuditForTest, net: Servers, refused: Refused, tmp_path: Path
    ) -> None:
        """R-16: the same checkpoint both ways; without witnesses there is none."""
        key = inside.signer.verifier
        with running_witness(tmp_path / "witness.db", key) as witness:
            none: Audit = AuditClient(
                net.channel(net.serve(Service.AUDIT, register(inside.service)), Service.AUDIT)
            )
            refused(ErrorCode.NOT_FOUND, lambda: none.witnessed_checkpoint(soon()))
            asked = Witnessing((WitnessAddress(witness.key, witness.url),), 1)
            cosigned = inside.reopen(witnessing=asked)
            port = net.serve(Service.AUDIT, register(cosigned.service))
            note = AuditClient(net.channel(port, Service.AUDIT)).witnessed_checkpoint(soon())
            assert note == cosigned.service.witnessed_checkpoint(soon())
            assert open_checkpoint(note, key, [witness.key]).witnessed_by == (witness.key.name,)
            cosigned.close()

    def test_a_plane_may_ask_for_proofs_and_for_nothing_else(
        self, inside: AuditForTest, net: Servers, refused: Refused
    ) -> None:
        port = net.serve(Service.AUDIT, register(inside.service))
        channel = net.channel(port, Service.AUDIT, caller=Service.VECTOR_SEARCH)
        assert LedgerProofsClient(channel).checkpoint(soon())
        plane = AuditClient(channel)
        before = inside.service.checkpoint(soon())
        refused(
            ErrorCode.CALLER_NOT_ALLOWED,
            lambda: plane.record_failure("s", ["US-UT"], "internal", soon()),
        )
        refused(ErrorCode.CALLER_NOT_ALLOWED, lambda: plane.entry(0, soon()))
        refused(ErrorCode.CALLER_NOT_ALLOWED, lambda: plane.witnessed_checkpoint(soon()))
        assert inside.service.checkpoint(soon()) == before

    def test_strangers_reach_nothing(
        self, inside: AuditForTest, net: Servers, refused: Refused, tmp_path: Path
    ) -> None:
        port = net.serve(Service.AUDIT, register(inside.service))
        with (
            plain_text(port) as plain,
            foreign(port, Service.AUDIT, tmp_path / "foreign") as stranger,
        ):
            for channel in (plain, stranger):
                client = AuditClient(channel)
                refused(ErrorCode.LEDGER_UNAVAILABLE, lambda c=client: c.checkpoint(soon()))  # type: ignore[misc]
        for caller in (Service.DETECTION, Service.EMBEDDING, Service.AUDIT):
            client = AuditClient(net.channel(port, Service.AUDIT, caller))
            refused(ErrorCode.CALLER_NOT_ALLOWED, lambda c=client: c.checkpoint(soon()))  # type: ignore[misc]

    def test_a_ledger_that_is_gone_is_unavailable(
        self, inside: AuditForTest, net: Servers, refused: Refused
    ) -> None:
        """Law 4."""
        server = net.build(Service.AUDIT, register(inside.service))
        port = server.start()
        client = AuditClient(net.channel(port, Service.AUDIT))
        assert client.checkpoint(soon())
        server.stop(grace=1.0)
        refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: client.checkpoint(soon()))


def size(audit: AuditForTest) -> int:
    """Entries in the ledger."""
    return len(audit.service.bodies(0, 10_000, audit.token("auditor-1", Role.AUDITOR), soon()))
