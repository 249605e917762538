"""Attacker: runs a plane, with its certificate, its keys, its roster and its index."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from onrecord.chassis.bus.ports import SCHEMA, Message
from onrecord.chassis.database import read_transaction
from onrecord.chassis.sealing import Sealed, open_sealed
from onrecord.contracts.enrolment import portrait_aad
from onrecord.contracts.events import SEARCH_EXECUTED, SearchExecuted
from onrecord.contracts.vector_search import Candidate
from onrecord.events.messages import message_of
from onrecord.events.v1 import events_pb2 as pb
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.rpc.values import attestation_message
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.core.values import IndexSpace
from onrecord.vector_search.roster import answers, galleries, records
from tests.attacks.conftest import Refused, entries, kinds
from tests.attacks.fuzzing import documents, fuzzed
from tests.builders.audit import soon
from tests.builders.gateway import build_office
from tests.builders.gateway_services import FakePlane
from tests.builders.joined import Joined, second_plane
from tests.builders.plane import UTAH, face, near, portrait, record_name
from tests.unit.audit.test_one_search import verify


def test_possible_a_receipt_for_another_states_gallery(joined: Joined) -> None:
    """The attack succeeds once: a certificate names the service and not the gallery.

    It is found: the true plane's next receipt no longer follows, which is an alarm.
    """
    granted = joined.audit.authorize()
    forged = joined.audit.receipt(granted.entry, {"false": 999_999})
    assert joined.audit.told(forged) is not None
    assert kinds(joined.audit)[-1] == "search.executed"
    joined.searched(1, case_number="another")
    assert kinds(joined.audit)[-1] == "alarm.raised"


def test_its_own_list_in_place_of_the_true_one_is_never_unsealed(
    joined: Joined, refused: Refused
) -> None:
    """Law 6: the true plane unseals only what its own receipt names."""
    granted = joined.audit.authorize()
    joined.audit.told(joined.audit.receipt(granted.entry, {"false": 999_999}))
    true = joined.search(granted.entry)
    found = replace(true, candidates=(Candidate("false", 999_999),))
    joined.examine(granted.search_id, found, "false", "berg", "cole")
    outcome = joined.release(granted.search_id)
    refused(ErrorCode.RELEASE_NOT_SUPPORTED, lambda: joined.unseal(outcome))


def test_it_opens_no_portrait_of_another_state(joined: Joined, stack: ExitStack) -> None:
    """R-30: it may take the vault of another; the key to it stands elsewhere."""
    rogue = second_plane(joined, "rogue")
    stack.callback(rogue.plane.close)
    rogue.plane.create_gallery(
        rogue.setup(UTAH, authority_key=joined.audit.state_keys[UTAH].verifier.text),
        joined.audit.operator(),
        soon(),
    )
    own = KeyFiles(rogue.folder / "keys").private_key(UTAH)
    true = KeyFiles(joined.world.folder / "keys").private_key(UTAH)
    assert own != true
    for key, opens in ((own, False), (true, True)):
        assert _opened(joined, key) is opens


def _opened(joined: Joined, key: bytes) -> bool:
    with read_transaction(joined.world.roster) as tx:
        (gallery,) = galleries.find_all(tx)
        change = records.find(tx, _enrolment(joined))
    assert change is not None
    assert change.wrapped_key is not None
    assert change.image_sha256 is not None
    sealed = Sealed(joined.world.vault.get(change.vault_key), change.wrapped_key)
    aad = portrait_aad(gallery.jurisdiction, change.enrolment_id, change.image_sha256)
    try:
        return open_sealed(key, sealed, aad) == portrait(1)
    except OnRecordError as error:
        assert error.code is ErrorCode.SEAL_INVALID
        return False


def _enrolment(joined: Joined) -> str:
    begun = joined.world.start(record_name(1), portrait(1))
    return begun.enrolment_id


def test_possible_the_operator_opens_every_portrait_with_the_key_file(joined: Joined) -> None:
    """The attack succeeds: on a laptop the gallery's private key is a file of the operator's."""
    assert _opened(joined, KeyFiles(joined.world.folder / "keys").private_key(UTAH))


def test_not_noticed_a_search_straight_to_the_index(joined: Joined) -> None:
    """R-23: the attack succeeds where the engine keeps no count: no receipt, no entry, no row."""
    before = len(kinds(joined.audit)), joined.world.plane.receipts(UTAH, 0, soon())
    with read_transaction(joined.world.roster) as tx:
        (gallery,) = galleries.find_all(tx)
    space: IndexSpace = gallery.space
    hits = joined.world.index.search(space, near(face(1), 2), 1, Deadline.after(30))
    assert len(hits) == 1
    joined.audit.take_in()
    assert (len(kinds(joined.audit)), joined.world.plane.receipts(UTAH, 0, soon())) == before


def test_possible_it_says_compacted_and_keeps_the_vector(joined: Joined) -> None:
    """The attack succeeds: nobody else sees the index. It has signed the lie (ADR 24)."""
    joined.world.exact.keeps_deleted = True
    joined.plane.delete_record(UTAH, record_name(1), joined.world.custodian(), soon())
    joined.pass_(hours=1)
    joined.plane.maintain(soon())
    receipt = joined.plane.deletion(UTAH, record_name(1), joined.world.custodian(), soon())
    assert receipt.compacted is not None
    assert len(joined.world.exact.held(UTAH)) == 3
    _, found = joined.searched(1)
    assert len(found.candidates) == 2, "no search that keeps to the roster returns it"


def test_possible_a_gallery_that_two_planes_claim_is_whoevers_answers_first(
    tmp_path: Path,
) -> None:
    """The attack succeeds: the gateway asks the first; what it did is on the record."""
    office = build_office(tmp_path)
    rogue = FakePlane(office.audit, office.clock, ["US-UT"], "rogue")
    rogue.hold("US-UT", "a-false-record")
    office.parts = replace(office.parts, planes={"rogue": rogue, "first": office.plane})
    renewed = office.restarted()
    answer = renewed.search()
    assert answer.status_code == 201
    assert (rogue.searched, office.plane.searched) == (["US-UT"], [])
    assert len(office.audit.ended(answer.json()["search_id"])) == 1


def test_possible_it_keeps_whom_a_search_without_a_lead_had_found(joined: Joined) -> None:
    """The attack succeeds (R-29): which reference named which record stays with the plane."""
    granted, found = joined.searched(1)
    joined.examine(granted.search_id, found, "none", "berg", "cole")
    assert joined.release(granted.search_id).proof is None
    with read_transaction(joined.world.roster) as tx:
        kept = answers.find_candidate(tx, found.candidates[0].candidate_ref)
        assert kept is not None
        row = records.find(tx, kept.enrolment_id)
    assert row is not None
    assert row.record_id == record_name(1)
    assert entries(joined.audit)[-1]["kind"] == "search.closed"


def test_whatever_a_plane_signs_becomes_an_entry(joined: Joined) -> None:
    """Law 3: nothing that is signed is thrown away, and no form of it stops the ledger."""
    granted = joined.audit.authorize()
    attestor = joined.audit.attestor(Service.VECTOR_SEARCH)
    valid = statements.read(joined.audit.receipt(granted.entry))
    schema = message_of(SearchExecuted(attestor.attest(valid))).headers[SCHEMA]
    signed: set[bytes] = set()

    @settings(fuzzed, max_examples=40)
    @given(documents(valid))
    def publish(said: dict[str, Any]) -> None:
        attestation = attestor.attest(said)
        payload = pb.SearchExecuted(receipt=attestation_message(attestation)).SerializeToString()
        message = Message(SEARCH_EXECUTED, "US-UT", payload, {SCHEMA: schema})
        joined.audit.bus.publisher().publish([message], soon())
        signed.add(attestation.statement)

    before = len(kinds(joined.audit))
    publish()
    joined.audit.take_in()
    joined.pass_(minutes=2)
    joined.audit.take_in()
    told = entries(joined.audit)[before:]
    assert {one["kind"] for one in told} <= {"alarm.raised", "search.executed"}
    assert len(told) >= len(signed) - 5, "some wait for the receipts before them"
    verify(joined.audit)
