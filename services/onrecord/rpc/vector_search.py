"""What the plane takes and gives, to messages and back."""

from collections.abc import Sequence

from onrecord.chassis.grpc_status import error_bytes, error_from_bytes
from onrecord.contracts.vector_search import (
    Candidate,
    GalleryAnswer,
    GalleryFailure,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
    PlaneSearch,
    TemplateSearch,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.attestation import Attestation
from onrecord.rpc.fields import read_all, read_field
from onrecord.rpc.v1 import vector_search_pb2 as pb
from onrecord.rpc.values import (
    attestation_message,
    logged_entry_message,
    read_attestation,
    read_logged_entry,
    read_template,
    template_message,
)


def gallery_setup_message(setup: GallerySetup, user_token: str) -> pb.CreateGalleryRequest:
    return pb.CreateGalleryRequest(
        jurisdiction=setup.jurisdiction,
        model_id=setup.model_id,
        dimension=setup.dimension,
        metric=setup.metric,
        authority_key=setup.authority_key,
        user_token=user_token,
    )


def read_gallery_setup(message: pb.CreateGalleryRequest) -> GallerySetup:
    return GallerySetup(
        jurisdiction=message.jurisdiction,
        model_id=message.model_id,
        dimension=message.dimension,
        metric=message.metric,
        authority_key=message.authority_key,
    )


def gallery_info_message(info: GalleryInfo) -> pb.Gallery:
    return pb.Gallery(
        jurisdiction=info.jurisdiction,
        model_id=info.model_id,
        metric=info.metric,
        authority_key=info.authority_key,
        public_key=info.public_key,
        live_records=info.live_records,
        last_sequence=info.last_sequence,
        plane=info.plane,
    )


def read_gallery_info(message: pb.Gallery) -> GalleryInfo:
    return GalleryInfo(
        jurisdiction=message.jurisdiction,
        model_id=message.model_id,
        metric=message.metric,
        authority_key=message.authority_key,
        public_key=message.public_key,
        live_records=message.live_records,
        last_sequence=message.last_sequence,
        plane=message.plane,
    )


def galleries_message(galleries: Sequence[GalleryInfo]) -> pb.ListGalleriesResponse:
    return pb.ListGalleriesResponse(galleries=[gallery_info_message(one) for one in galleries])


def read_galleries(message: pb.ListGalleriesResponse) -> tuple[GalleryInfo, ...]:
    return read_all(message.galleries, "galleries", read_gallery_info)


def gallery_search_message(search: GallerySearch) -> pb.SearchRequest:
    return pb.SearchRequest(
        gallery=search.gallery,
        grant=logged_entry_message(search.grant),
        template=template_message(search.template),
    )


def read_gallery_search(message: pb.SearchRequest) -> GallerySearch:
    return GallerySearch(
        gallery=message.gallery,
        grant=read_field(message, "grant", read_logged_entry),
        template=read_field(message, "template", read_template),
    )


def gallery_result_message(result: GalleryResult) -> pb.SearchResponse:
    return pb.SearchResponse(
        gallery=result.gallery,
        candidates=[
            pb.Candidate(candidate_ref=one.candidate_ref, similarity=one.similarity)
            for one in result.candidates
        ],
        receipt=attestation_message(result.receipt),
    )


def read_gallery_result(message: pb.SearchResponse) -> GalleryResult:
    return GalleryResult(
        gallery=message.gallery,
        candidates=tuple(
            Candidate(one.candidate_ref, one.similarity) for one in message.candidates
        ),
        receipt=read_field(message, "receipt", read_attestation),
    )


def plane_search_message(search: PlaneSearch) -> pb.SearchGalleriesRequest:
    return pb.SearchGalleriesRequest(
        grant=logged_entry_message(search.grant),
        searches=[
            pb.TemplateSearch(template=template_message(one.template), galleries=one.galleries)
            for one in search.searches
        ],
    )


def read_plane_search(message: pb.SearchGalleriesRequest) -> PlaneSearch:
    return PlaneSearch(
        grant=read_field(message, "grant", read_logged_entry),
        searches=read_all(message.searches, "searches", _read_template_search),
    )


def _read_template_search(message: pb.TemplateSearch) -> TemplateSearch:
    return TemplateSearch(read_field(message, "template", read_template), tuple(message.galleries))


def answers_message(answers: Sequence[GalleryAnswer]) -> pb.SearchGalleriesResponse:
    return pb.SearchGalleriesResponse(answers=[_answer_message(one) for one in answers])


def _answer_message(answer: GalleryAnswer) -> pb.GalleryAnswer:
    if isinstance(answer, GalleryResult):
        return pb.GalleryAnswer(result=gallery_result_message(answer))
    return pb.GalleryAnswer(
        failure=pb.GalleryFailure(gallery=answer.gallery, error=error_bytes(answer.error))
    )


def read_answers(message: pb.SearchGalleriesResponse) -> tuple[GalleryAnswer, ...]:
    return read_all(message.answers, "answers", _read_answer)


def _read_answer(message: pb.GalleryAnswer) -> GalleryAnswer:
    if message.HasField("result"):
        return read_field(message, "result", read_gallery_result)
    return read_field(message, "failure", _read_failure)


def _read_failure(message: pb.GalleryFailure) -> GalleryFailure:
    # A plane newer than we are may send a code that we do not know.
    error = error_from_bytes(message.error) or OnRecordError(
        ErrorCode.INTERNAL, "the plane failed, and says so in words that are not known here"
    )
    return GalleryFailure.of(message.gallery, error)


def leads_message(leads: Sequence[Lead]) -> pb.UnsealResponse:
    return pb.UnsealResponse(
        leads=[
            pb.Lead(
                gallery=lead.gallery,
                candidate_ref=lead.candidate_ref,
                record_id=lead.record_id,
                similarity=lead.similarity,
            )
            for lead in leads
        ]
    )


def read_leads(message: pb.UnsealResponse) -> tuple[Lead, ...]:
    return tuple(
        Lead(one.gallery, one.candidate_ref, one.record_id, one.similarity) for one in message.leads
    )


def receipts_message(receipts: Sequence[Attestation]) -> pb.ListReceiptsResponse:
    return pb.ListReceiptsResponse(receipts=[attestation_message(one) for one in receipts])


def read_receipts(message: pb.ListReceiptsResponse) -> tuple[Attestation, ...]:
    return read_all(message.receipts, "receipts", read_attestation)
