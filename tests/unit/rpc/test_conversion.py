"""Every value survives the wire unchanged, and a message that is not ours is named as such."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.chassis.grpc import MAX_MESSAGE_BYTES
from onrecord.contracts import audit as audit_contract
from onrecord.contracts import enrolment as enrolment_contract
from onrecord.contracts import vector_search as plane_contract
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import AlignedCrop, Detection, Template
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.manifests import MAX_CHUNK_BYTES, MAX_CHUNK_ROWS, Row, chunk_root
from onrecord.proof.release import ReleaseProof
from onrecord.proof.statements import Mandate
from onrecord.rpc import (
    audit,
    detection,
    embedding,
    enrolment,
    manifests,
    values,
    vector_search,
)
from onrecord.rpc.v1 import (
    audit_pb2,
    detection_pb2,
    embedding_pb2,
    enrolment_pb2,
    values_pb2,
    vector_search_pb2,
)
from tests.builders.strategies import plain, values_of

PAIRS: list[tuple[Any, Callable[[Any], Message], Callable[[Any], Any]]] = [
    (LoggedEntry, values.logged_entry_message, values.read_logged_entry),
    (Attestation, values.attestation_message, values.read_attestation),
    (Mandate, values.mandate_message, values.read_mandate),
    (ReleaseProof, values.release_proof_message, values.read_release_proof),
    (AuthorityBundle, values.authority_bundle_message, values.read_authority_bundle),
    (AlignedCrop, values.aligned_crop_message, values.read_aligned_crop),
    (Template, values.template_message, values.read_template),
    (Detection, detection.detection_message, detection.read_detection),
    (
        Sequence[EmbedRequest],
        embedding.embed_request_message,
        embedding.read_embed_request,
    ),
    (Sequence[Template], embedding.templates_message, embedding.read_templates),
    (
        plane_contract.GallerySetup,
        lambda setup: vector_search.gallery_setup_message(setup, "token"),
        vector_search.read_gallery_setup,
    ),
    (
        Sequence[plane_contract.GalleryInfo],
        vector_search.galleries_message,
        vector_search.read_galleries,
    ),
    (
        enrolment_contract.EnrolmentBatch,
        lambda batch: enrolment.batch_message(batch, "token"),
        enrolment.read_batch,
    ),
    (Sequence[enrolment_contract.Begun], enrolment.begun_message, enrolment.read_begun),
    (
        Sequence[enrolment_contract.Submission],
        lambda submissions: enrolment.submissions_message("US-UT", submissions),
        enrolment.read_submissions,
    ),
    (
        enrolment_contract.EnrolmentState,
        enrolment.enrolment_state_message,
        enrolment.read_enrolment_state,
    ),
    (
        enrolment_contract.TransportKey,
        enrolment.transport_key_message,
        enrolment.read_transport_key,
    ),
    (enrolment_contract.Deletion, enrolment.deletion_message, enrolment.read_deletion),
    (
        enrolment_contract.GalleryCheck,
        enrolment.gallery_check_message,
        enrolment.read_gallery_check,
    ),
    (Sequence[enrolment_contract.Redriven], enrolment.redriven_message, enrolment.read_redriven),
    (
        tuple[enrolment_contract.ChunkRef, Sequence[Row]],
        lambda both: manifests.chunk_rows_message(*both),
        manifests.read_chunk_rows,
    ),
    (
        enrolment_contract.ManifestState,
        manifests.manifest_state_message,
        manifests.read_manifest_state,
    ),
    (
        Sequence[enrolment_contract.ManifestRow],
        manifests.manifest_rows_message,
        manifests.read_manifest_rows,
    ),
    (
        Sequence[enrolment_contract.RowStatus],
        lambda wanted: manifests.rows_wanted_message(
            enrolment_contract.ChunkRef("m", 0), wanted, 0, 1
        ),
        manifests.read_statuses,
    ),
    (
        plane_contract.GallerySearch,
        vector_search.gallery_search_message,
        vector_search.read_gallery_search,
    ),
    (
        plane_contract.GalleryResult,
        vector_search.gallery_result_message,
        vector_search.read_gallery_result,
    ),
    (Sequence[plane_contract.Lead], vector_search.leads_message, vector_search.read_leads),
    (Sequence[Attestation], vector_search.receipts_message, vector_search.read_receipts),
    (audit_contract.AuthorizeCall, audit.authorize_call_message, audit.read_authorize_call),
    (audit_contract.Authorization, audit.authorization_message, audit.read_authorization),
    (audit_contract.LookCall, audit.look_call_message, audit.read_look_call),
    (audit_contract.DecideCall, audit.decide_call_message, audit.read_decide_call),
    (audit_contract.ReleaseOutcome, audit.release_outcome_message, audit.read_release_outcome),
    (
        Sequence[audit_contract.ActivePolicy],
        audit.active_policies_message,
        audit.read_active_policies,
    ),
    (Sequence[audit_contract.LoggedBody], audit.bodies_message, audit.read_bodies),
]


@pytest.mark.parametrize(
    ("hint", "write", "read"), PAIRS, ids=[read.__name__ for *_, read in PAIRS]
)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_value_survives_the_wire(
    hint: Any,
    write: Callable[[Any], Message],
    read: Callable[[Any], Any],
    data: st.DataObject,
) -> None:
    value = data.draw(values_of(hint))
    message = write(value)
    assert plain(read(type(message).FromString(message.SerializeToString()))) == plain(value)


def test_arrays_arrive_read_only_and_row_by_row() -> None:
    """Hand-computed: pixel (1, 0) of a 2 x 3 crop stands after the three pixels of row 0."""
    nobody = Attestation(b"", b"", ())
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    message = values.aligned_crop_message(AlignedCrop("m", pixels, nobody))
    assert (message.height, message.width) == (2, 3)
    assert message.pixels[9:12] == bytes([9, 10, 11])
    crop = values.read_aligned_crop(message)
    assert not crop.pixels.flags.writeable
    assert crop.sha256 == AlignedCrop("m", pixels, nobody).sha256

    vector = np.array([1.0, -2.0], np.float32)
    sent = values.template_message(Template("m", vector, nobody, nobody))
    assert sent.vector == bytes.fromhex("0000803f000000c0")  # IEEE 754, least byte first
    template = values.read_template(sent)
    assert not template.vector.flags.writeable
    assert template.sha256 == Template("m", vector, nobody, nobody).sha256


_ATTESTATION = values_pb2.Attestation(statement=b"{}")
_ENTRY = values_pb2.LoggedEntry(body=b"{}")
_CROP = values_pb2.AlignedCrop(height=1, width=2, pixels=b"123456", attestation=_ATTESTATION)

MALFORMED: list[tuple[str, Callable[[Any], Any], Message, str]] = [
    ("no mandate", detection.read_detect_request, detection_pb2.DetectRequest(), "mandate"),
    (
        "an empty mandate",
        detection.read_detect_request,
        detection_pb2.DetectRequest(mandate=values_pb2.Mandate()),
        "mandate",
    ),
    (
        "pixels too few",
        embedding.read_embed_request,
        embedding_pb2.EmbedRequest(
            items=[
                embedding_pb2.EmbedItem(crop=_CROP, mandate=values_pb2.Mandate(grant=_ENTRY)),
                embedding_pb2.EmbedItem(
                    crop=values_pb2.AlignedCrop(
                        height=2, width=2, pixels=b"123456", attestation=_ATTESTATION
                    )
                ),
            ]
        ),
        "items[1].crop.pixels",
    ),
    (
        "no height",
        values.read_aligned_crop,
        values_pb2.AlignedCrop(width=1, attestation=_ATTESTATION),
        "height",
    ),
    (
        "a crop nobody signed",
        values.read_aligned_crop,
        values_pb2.AlignedCrop(height=1, width=1, pixels=b"123"),
        "attestation",
    ),
    ("half a float", values.read_template, values_pb2.Template(vector=b"123456"), "vector"),
    ("no floats", values.read_template, values_pb2.Template(), "vector"),
    (
        "a template not embedded",
        values.read_template,
        values_pb2.Template(vector=b"1234", detected=_ATTESTATION),
        "embedded",
    ),
    ("no answer", detection.read_detection, detection_pb2.DetectResponse(), "detection"),
    (
        "a code nobody knows",
        detection.read_detection,
        detection_pb2.DetectResponse(
            refusal=detection_pb2.DetectionRefusal(code="ugly", attestation=_ATTESTATION)
        ),
        "refusal.code",
    ),
    (
        "a request that is not JSON",
        audit.read_authorize_call,
        audit_pb2.AuthorizeRequest(request=b"{"),
        "request",
    ),
    (
        "a request not canonical",
        audit.read_authorize_call,
        audit_pb2.AuthorizeRequest(request=b'{"b": 1}'),
        "request",
    ),
    (
        "a request with a float",
        audit.read_authorize_call,
        audit_pb2.AuthorizeRequest(request=b'{"b":1.5}'),
        "request",
    ),
    (
        "a request that is a list",
        audit.read_authorize_call,
        audit_pb2.AuthorizeRequest(request=b"[]"),
        "request",
    ),
    (
        "a conclusion nobody knows",
        audit.read_decide_call,
        audit_pb2.DecideRequest(
            decisions=[audit_pb2.CandidateDecision(conclusion="supports_everything")]
        ),
        "decisions[0].conclusion",
    ),
    (
        "an authorisation without its entry",
        audit.read_authorization,
        audit_pb2.AuthorizeResponse(search_id="s"),
        "entry",
    ),
    (
        "a release without its grant",
        values.read_release_proof,
        values_pb2.ReleaseProof(release=_ENTRY),
        "grant",
    ),
    (
        "a search without a template",
        vector_search.read_gallery_search,
        vector_search_pb2.SearchRequest(grant=_ENTRY),
        "template",
    ),
    (
        "a submission without a vault portrait",
        enrolment.read_submissions,
        enrolment_pb2.SubmitEnrolmentsRequest(
            submissions=[enrolment_pb2.Submission(enrolment_id="e")]
        ),
        "submissions[0].vault",
    ),
    (
        "a problem nobody knows",
        enrolment.read_batch,
        enrolment_pb2.BeginEnrolmentsRequest(starts=[enrolment_pb2.EnrolmentStart(problem="ugly")]),
        "starts[0].problem",
    ),
    (
        "a key without its end",
        enrolment.read_transport_key,
        enrolment_pb2.TransportKey(key=b"k"),
        "seal_until",
    ),
    (
        "a deletion nobody signed",
        enrolment.read_deletion,
        enrolment_pb2.Deletion(
            not_returned_from="2026-11-23T06:30:00.12Z",
            backups_expire_at="2026-11-23T06:30:00.12Z",
        ),
        "deleted",
    ),
    (
        "rows of no chunk",
        manifests.read_chunk_rows,
        enrolment_pb2.PutChunkRequest(rows=[enrolment_pb2.ManifestLine(record_id="r")]),
        "chunk",
    ),
    (
        "a status counted twice",
        manifests.read_chunk_state,
        enrolment_pb2.ChunkState(
            counts=[
                enrolment_pb2.RowCount(status="accepted", rows=1),
                enrolment_pb2.RowCount(status="accepted", rows=2),
            ]
        ),
        "counts",
    ),
]


@pytest.mark.parametrize(
    ("read", "message", "field"),
    [(read, message, field) for _, read, message, field in MALFORMED],
    ids=[name for name, *_ in MALFORMED],
)
def test_a_malformed_message_names_its_field(
    read: Callable[[Any], Any], message: Message, field: str
) -> None:
    with pytest.raises(OnRecordError) as caught:
        read(message)
    assert caught.value.code is ErrorCode.REQUEST_MALFORMED
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("count", "path"),
    [(MAX_CHUNK_ROWS, "é" * 147), (MAX_CHUNK_ROWS, '"' * 147), (1, "x" * (MAX_CHUNK_BYTES - 90))],
)
def test_the_largest_chunk_that_may_be_signed_fits_a_message(count: int, path: str) -> None:
    """R-42: and one byte a row more is no chunk (`tests/unit/manifests`)."""
    rows = [Row(f"{number:06d}", f"{number:064x}", path) for number in range(count)]
    lines = sum(len(row.line) + 1 for row in rows)
    assert 0.97 * MAX_CHUNK_BYTES < lines <= MAX_CHUNK_BYTES
    chunk_root(rows)
    message = manifests.chunk_rows_message(enrolment_contract.ChunkRef("0" * 64, 3_500), rows)
    assert message.ByteSize() < MAX_MESSAGE_BYTES
