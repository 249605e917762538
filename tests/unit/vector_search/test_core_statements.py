"""What the plane signs, field by field: tickets, changes, deletions, receipts (R-23, R-26)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onrecord.contracts.events import EnrolmentRef
from onrecord.contracts.vector_search import Candidate
from onrecord.kernel.cards import Metric
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.commitment import record_commitment
from onrecord.proof.grant import GalleryGrant, read_grant
from onrecord.proof.merkle import EMPTY_ROOT, leaf_hash, node_hash
from onrecord.vector_search.core.deleting import (
    Order,
    Tombstone,
    backups_end,
    compacted_body,
    deleted_body,
)
from onrecord.vector_search.core.statements import (
    chunk_change_body,
    committed,
    made_at,
    not_before,
    receipt_body,
    root_from,
    single_change_body,
    ticket_body,
    unknown_removed_body,
)
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from tests.builders import bodies
from tests.builders.ledger import MemoryLedger

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
BY = {"person": "custodian"}
KEY, SALT = bytes(range(32)), b"salt"
EMPTY = EMPTY_ROOT.hex()
ONE, TWO = leaf_hash(b"1"), leaf_hash(b"2")
GALLERY = Gallery("US-UT", "model", 4, Metric.IP, "", b"", 90, 7, "last")
ROW = RecordRow(
    "e-1",
    "US-UT",
    "mac",
    "UT-1",
    3,
    RecordState.PENDING,
    "image",
    "model",
    "ticket",
    Attestation(b"{}", b"", ()),
    "key",
    "vault",
    NOW,
    "custodian",
)


def test_a_ticket_names_one_portrait_and_not_whose_it_is() -> None:
    assert ticket_body(
        EnrolmentRef("US-UT", "e-1", 3),
        image_sha256="image",
        model_id="model",
        record="random",
        now=NOW,
        expires_at=LATER,
    ) == {
        "type": statements.ENROLMENT_TICKET,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "enrolment_id": "e-1",
        "generation": 3,
        "image_sha256": "image",
        "model_id": "model",
        "expires_at": format_time(LATER),
        "record": "random",
    }


def test_a_row_is_committed_to_under_its_own_key() -> None:
    """R-26: record and image apart, so that neither is taken for the other."""
    said = committed(KEY, SALT, "UT-1", "image")
    assert said.record == record_commitment(KEY, SALT, "record:UT-1")
    assert said.image == record_commitment(KEY, SALT, "image:image")
    assert said.code is None
    plain = {"image": said.image, "record": said.record}
    assert said.leaf == leaf_hash(canonical.encode(plain))
    rejected = committed(KEY, SALT, "UT-1", "image", ErrorCode.FACE_NOT_FOUND)
    coded = {**plain, "code": ErrorCode.FACE_NOT_FOUND.value}
    assert rejected.leaf == leaf_hash(canonical.encode(coded))


@pytest.mark.parametrize("code", [None, ErrorCode.FACE_NOT_FOUND])
def test_an_enrolment_without_a_list_is_a_chunk_of_one(code: ErrorCode | None) -> None:
    said = committed(KEY, SALT, "UT-1", "image", code)
    leaf = said.leaf.hex()
    assert single_change_body(ROW, said, salt=SALT, by=BY, now=NOW) == {
        "type": statements.GALLERY_CHANGED,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "model_id": "model",
        "enrolment_id": "e-1",
        "generation": 3,
        "record": said.record,
        "image": said.image,
        "code": None if code is None else code.value,
        "act": "enrol",
        "manifest": None,
        "chunk": None,
        "rows": 1,
        "accepted": 1 if code is None else 0,
        "unchanged": 0,
        "rejected": 0 if code is None else 1,
        "accepted_root": leaf if code is None else EMPTY,
        "rejected_root": EMPTY if code is None else leaf,
        "salt": SALT.hex(),
        "by": BY,
    }


def test_a_chunk_counts_its_rows_and_commits_to_them() -> None:
    """R-42."""
    assert chunk_change_body(
        "US-UT",
        "model",
        act=ManifestAct.DELETE,
        manifest="m-1",
        chunk=4,
        unchanged=5,
        accepted=[ONE, TWO],
        rejected=[TWO],
        salt=SALT,
        by=BY,
        now=NOW,
    ) == {
        "type": statements.GALLERY_CHANGED,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "model_id": "model",
        "act": "delete",
        "manifest": "m-1",
        "chunk": 4,
        "rows": 8,
        "accepted": 2,
        "unchanged": 5,
        "rejected": 1,
        "accepted_root": node_hash(ONE, TWO).hex(),
        "rejected_root": TWO.hex(),
        "salt": SALT.hex(),
        "by": BY,
    }


def test_portraits_that_no_roster_knows_go_without_names() -> None:
    assert unknown_removed_body(GALLERY, [ONE, TWO], by=BY, now=NOW) == {
        "type": statements.GALLERY_CHANGED,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "model_id": "model",
        "act": "delete",
        "what": "unknown_portraits",
        "manifest": None,
        "chunk": None,
        "rows": 2,
        "accepted": 2,
        "unchanged": 0,
        "rejected": 0,
        "accepted_root": node_hash(ONE, TWO).hex(),
        "rejected_root": EMPTY,
        "by": BY,
    }


def test_a_root_is_over_one_leaf_or_none() -> None:
    assert (root_from(None), root_from(ONE)) == (EMPTY, ONE.hex())


def test_receipts_of_a_gallery_never_go_back_in_time() -> None:
    def made(at: datetime) -> Attestation:
        return Attestation(canonical.encode({"time": format_time(at)}), b"", ())

    assert not_before(None, NOW) == NOW
    assert not_before(made_at(made(LATER)), NOW) == LATER
    assert not_before(made_at(made(NOW)), LATER) == LATER


def test_a_receipt_names_its_grant_its_list_and_the_one_before() -> None:
    """R-23, law 3: the list is as long as the gallery's own part of the grant."""
    ledger = MemoryLedger()
    ledger.append(bodies.policy_activated())
    grant = read_grant(ledger.log(bodies.granted()), ledger.key)
    allowed = GalleryGrant("policy", "model-b", 3)
    found = [Candidate("ref-a", 900_000), Candidate("ref-b", -5)]
    body = receipt_body(grant, allowed, GALLERY, found, template_sha256="template", now=NOW)
    assert body == {
        "type": statements.RECEIPT,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "sequence": 8,
        "previous": "last",
        "mandate": grant.mandate,
        "grant_index": 1,
        "search_id": "s-1",
        "probe_sha256": bodies.PROBE,
        "template_sha256": "template",
        "model_id": "model-b",
        "policy": "policy",
        "list_size": 3,
        "candidates": [
            {"ref": "ref-a", "similarity": 900_000},
            {"ref": "ref-b", "similarity": -5},
        ],
        "searched": 90,
    }


@pytest.mark.parametrize("order", [Order(BY), Order(BY, "m-1", 4)])
def test_a_deletion_proves_the_fact_and_names_nobody(order: Order) -> None:
    """R-26, R-30: with the three times of law 9."""
    tombstone = Tombstone("US-UT", "mac", 3, NOW)
    body = deleted_body(
        tombstone, order, record_id="UT-1", data_key=KEY, salt=SALT, backups_expire_at=LATER
    )
    assert body == {
        "type": statements.RECORD_DELETED,
        "time": format_time(NOW),
        "gallery": "US-UT",
        "generation": 3,
        "salt": SALT.hex(),
        "record": record_commitment(KEY, SALT, "record:UT-1"),
        "not_returned_from": format_time(NOW),
        "backups_expire_at": format_time(LATER),
        "manifest": order.manifest,
        "chunk": order.chunk,
        "by": BY,
    }
    assert compacted_body(tombstone, "deleted", LATER) == {
        "type": statements.RECORD_COMPACTED,
        "time": format_time(LATER),
        "gallery": "US-UT",
        "generation": 3,
        "deleted": "deleted",
        "compacted_at": format_time(LATER),
    }


def test_backups_run_out_after_their_days() -> None:
    assert backups_end(NOW, 35) == NOW + timedelta(days=35)
    assert not replace(ROW, wrapped_key=None).submitted
    assert replace(ROW, wrapped_key=b"key").submitted
    assert ROW.ref == EnrolmentRef("US-UT", "e-1", 3)
