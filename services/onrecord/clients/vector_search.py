"""A plane over gRPC."""

import grpc

from onrecord.clients.exchange import Exchange
from onrecord.contracts.vector_search import (
    EnrolmentCompletion,
    EnrolmentStart,
    EnrolmentTicket,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof
from onrecord.rpc import values
from onrecord.rpc import vector_search as rpc
from onrecord.rpc.v1 import vector_search_pb2 as pb
from onrecord.rpc.v1.vector_search_pb2_grpc import VectorSearchStub


class PlaneClient:
    """A `Plane` at the other end of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = VectorSearchStub(channel)
        self._exchange = Exchange(ErrorCode.PLANE_UNAVAILABLE)

    def create_gallery(self, setup: GallerySetup, deadline: Deadline) -> GalleryInfo:
        return self._exchange(
            self._stub.CreateGallery,
            lambda: rpc.gallery_setup_message(setup),
            rpc.read_gallery_info,
            deadline,
        )

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        return self._exchange(
            self._stub.ListGalleries, pb.ListGalleriesRequest, rpc.read_galleries, deadline
        )

    def begin_enrolment(self, start: EnrolmentStart, deadline: Deadline) -> EnrolmentTicket:
        return self._exchange(
            self._stub.BeginEnrolment,
            lambda: rpc.enrolment_start_message(start),
            rpc.read_ticket,
            deadline,
        )

    def complete_enrolment(
        self, completion: EnrolmentCompletion, deadline: Deadline
    ) -> Attestation:
        return self._exchange(
            self._stub.CompleteEnrolment,
            lambda: rpc.completion_message(completion),
            rpc.read_change,
            deadline,
        )

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        return self._exchange(
            self._stub.Search,
            lambda: rpc.gallery_search_message(search),
            rpc.read_gallery_result,
            deadline,
        )

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        return self._exchange(
            self._stub.OpenPortrait,
            lambda: pb.OpenPortraitRequest(look=values.logged_entry_message(look)),
            lambda answer: answer.image,
            deadline,
        )

    def unseal(self, proof: ReleaseProof, deadline: Deadline) -> tuple[Lead, ...]:
        return self._exchange(
            self._stub.Unseal,
            lambda: pb.UnsealRequest(proof=values.release_proof_message(proof)),
            rpc.read_leads,
            deadline,
        )

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> tuple[Attestation, ...]:
        return self._exchange(
            self._stub.ListReceipts,
            lambda: pb.ListReceiptsRequest(gallery=gallery, after=after),
            rpc.read_receipts,
            deadline,
        )
