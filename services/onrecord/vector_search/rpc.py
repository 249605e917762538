"""The plane, served over gRPC."""

import grpc

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.contracts.vector_search import Plane
from onrecord.rpc import vector_search as rpc
from onrecord.rpc.fields import read_field
from onrecord.rpc.v1 import vector_search_pb2 as pb
from onrecord.rpc.v1 import vector_search_pb2_grpc
from onrecord.rpc.values import read_logged_entry, read_release_proof


def register(plane: Plane) -> Register:
    """What adds `plane` to a server."""
    return lambda server: vector_search_pb2_grpc.add_VectorSearchServicer_to_server(
        _Servicer(plane), server
    )


class _Servicer(vector_search_pb2_grpc.VectorSearchServicer):
    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def CreateGallery(
        self, request: pb.CreateGalleryRequest, context: grpc.ServicerContext
    ) -> pb.Gallery:
        setup = rpc.read_gallery_setup(request)
        return rpc.gallery_info_message(self._plane.create_gallery(setup, deadline_of(context)))

    def ListGalleries(
        self, request: pb.ListGalleriesRequest, context: grpc.ServicerContext
    ) -> pb.ListGalleriesResponse:
        return rpc.galleries_message(self._plane.galleries(deadline_of(context)))

    def BeginEnrolment(
        self, request: pb.BeginEnrolmentRequest, context: grpc.ServicerContext
    ) -> pb.EnrolmentTicket:
        start = rpc.read_enrolment_start(request)
        return rpc.ticket_message(self._plane.begin_enrolment(start, deadline_of(context)))

    def CompleteEnrolment(
        self, request: pb.CompleteEnrolmentRequest, context: grpc.ServicerContext
    ) -> pb.CompleteEnrolmentResponse:
        completion = rpc.read_completion(request)
        return rpc.change_message(self._plane.complete_enrolment(completion, deadline_of(context)))

    def Search(self, request: pb.SearchRequest, context: grpc.ServicerContext) -> pb.SearchResponse:
        search = rpc.read_gallery_search(request)
        return rpc.gallery_result_message(self._plane.search(search, deadline_of(context)))

    def OpenPortrait(
        self, request: pb.OpenPortraitRequest, context: grpc.ServicerContext
    ) -> pb.OpenPortraitResponse:
        look = read_field(request, "look", read_logged_entry)
        return pb.OpenPortraitResponse(image=self._plane.open_portrait(look, deadline_of(context)))

    def Unseal(self, request: pb.UnsealRequest, context: grpc.ServicerContext) -> pb.UnsealResponse:
        proof = read_field(request, "proof", read_release_proof)
        return rpc.leads_message(self._plane.unseal(proof, deadline_of(context)))

    def ListReceipts(
        self, request: pb.ListReceiptsRequest, context: grpc.ServicerContext
    ) -> pb.ListReceiptsResponse:
        return rpc.receipts_message(
            self._plane.receipts(request.gallery, request.after, deadline_of(context))
        )
