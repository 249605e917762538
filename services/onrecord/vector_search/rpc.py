"""The plane, served over gRPC."""

import grpc

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.contracts.vector_search import Plane
from onrecord.rpc import enrolment, manifests
from onrecord.rpc import vector_search as rpc
from onrecord.rpc.fields import read_field
from onrecord.rpc.v1 import enrolment_pb2, vector_search_pb2, vector_search_pb2_grpc
from onrecord.rpc.values import read_logged_entry, read_release_proof

_Context = grpc.ServicerContext


def register(plane: Plane) -> Register:
    """What adds `plane` to a server."""
    return lambda server: vector_search_pb2_grpc.add_VectorSearchServicer_to_server(
        _Servicer(plane), server
    )


class _Enrolling(vector_search_pb2_grpc.VectorSearchServicer):
    """What fills, changes and empties a gallery."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def GetTransportKey(
        self, request: enrolment_pb2.GetTransportKeyRequest, context: _Context
    ) -> enrolment_pb2.TransportKey:
        key_id = request.key_id if request.HasField("key_id") else None
        return enrolment.transport_key_message(
            self._plane.transport_key(request.gallery, key_id, deadline_of(context))
        )

    def BeginEnrolments(
        self, request: enrolment_pb2.BeginEnrolmentsRequest, context: _Context
    ) -> enrolment_pb2.BeginEnrolmentsResponse:
        batch = enrolment.read_batch(request)
        return enrolment.begun_message(
            self._plane.begin_enrolments(batch, request.user_token, deadline_of(context))
        )

    def SubmitEnrolments(
        self, request: enrolment_pb2.SubmitEnrolmentsRequest, context: _Context
    ) -> enrolment_pb2.SubmitEnrolmentsResponse:
        submissions = enrolment.read_submissions(request)
        self._plane.submit_enrolments(request.gallery, submissions, deadline_of(context))
        return enrolment_pb2.SubmitEnrolmentsResponse()

    def GetEnrolment(
        self, request: enrolment_pb2.GetEnrolmentRequest, context: _Context
    ) -> enrolment_pb2.EnrolmentState:
        return enrolment.enrolment_state_message(
            self._plane.enrolment(request.gallery, request.enrolment_id, deadline_of(context))
        )

    def OpenManifest(
        self, request: enrolment_pb2.OpenManifestRequest, context: _Context
    ) -> enrolment_pb2.ManifestState:
        return manifests.manifest_state_message(
            self._plane.open_manifest(
                request.header, request.signature, request.user_token, deadline_of(context)
            )
        )

    def PutChunk(
        self, request: enrolment_pb2.PutChunkRequest, context: _Context
    ) -> enrolment_pb2.ChunkState:
        chunk, rows = manifests.read_chunk_rows(request)
        return manifests.chunk_state_message(
            self._plane.put_chunk(chunk, rows, deadline_of(context))
        )

    def GetManifest(
        self, request: enrolment_pb2.GetManifestRequest, context: _Context
    ) -> enrolment_pb2.ManifestState:
        return manifests.manifest_state_message(
            self._plane.manifest(request.manifest_id, deadline_of(context))
        )

    def ListManifestRows(
        self, request: enrolment_pb2.ListManifestRowsRequest, context: _Context
    ) -> enrolment_pb2.ListManifestRowsResponse:
        chunk = read_field(request, "chunk", enrolment.read_chunk_ref)
        statuses = manifests.read_statuses(request)
        return manifests.manifest_rows_message(
            self._plane.manifest_rows(
                chunk, statuses, request.after, request.limit, deadline_of(context)
            )
        )

    def DeleteRecord(
        self, request: enrolment_pb2.DeleteRecordRequest, context: _Context
    ) -> enrolment_pb2.Deletion:
        return enrolment.deletion_message(
            self._plane.delete_record(
                request.gallery, request.record_id, request.user_token, deadline_of(context)
            )
        )

    def GetDeletion(
        self, request: enrolment_pb2.GetDeletionRequest, context: _Context
    ) -> enrolment_pb2.Deletion:
        return enrolment.deletion_message(
            self._plane.deletion(
                request.gallery, request.record_id, request.user_token, deadline_of(context)
            )
        )

    def CheckGallery(
        self, request: enrolment_pb2.CheckGalleryRequest, context: _Context
    ) -> enrolment_pb2.GalleryCheck:
        return enrolment.gallery_check_message(
            self._plane.check_gallery(
                request.gallery,
                request.repair,
                request.user_token,
                request.remove_unknown if request.HasField("remove_unknown") else None,
                deadline_of(context),
            )
        )

    def Redrive(
        self, request: enrolment_pb2.RedriveRequest, context: _Context
    ) -> enrolment_pb2.RedriveResponse:
        return enrolment.redriven_message(
            self._plane.redrive(
                request.gallery,
                tuple(request.enrolment_ids),
                request.user_token,
                deadline_of(context),
            )
        )


class _Servicer(_Enrolling):
    """And what searches it and opens what was found."""

    def CreateGallery(
        self, request: vector_search_pb2.CreateGalleryRequest, context: _Context
    ) -> vector_search_pb2.Gallery:
        setup = rpc.read_gallery_setup(request)
        return rpc.gallery_info_message(
            self._plane.create_gallery(setup, request.user_token, deadline_of(context))
        )

    def ListGalleries(
        self, request: vector_search_pb2.ListGalleriesRequest, context: _Context
    ) -> vector_search_pb2.ListGalleriesResponse:
        return rpc.galleries_message(self._plane.galleries(deadline_of(context)))

    def Foresee(
        self, request: vector_search_pb2.ForeseeRequest, context: _Context
    ) -> vector_search_pb2.ForeseeResponse:
        grant = read_field(request, "grant", read_logged_entry)
        self._plane.foresee(grant, deadline_of(context))
        return vector_search_pb2.ForeseeResponse()

    def SearchGalleries(
        self, request: vector_search_pb2.SearchGalleriesRequest, context: _Context
    ) -> vector_search_pb2.SearchGalleriesResponse:
        search = rpc.read_plane_search(request)
        return rpc.answers_message(self._plane.search_galleries(search, deadline_of(context)))

    def Search(
        self, request: vector_search_pb2.SearchRequest, context: _Context
    ) -> vector_search_pb2.SearchResponse:
        search = rpc.read_gallery_search(request)
        return rpc.gallery_result_message(self._plane.search(search, deadline_of(context)))

    def OpenPortrait(
        self, request: vector_search_pb2.OpenPortraitRequest, context: _Context
    ) -> vector_search_pb2.OpenPortraitResponse:
        look = read_field(request, "look", read_logged_entry)
        return vector_search_pb2.OpenPortraitResponse(
            image=self._plane.open_portrait(look, deadline_of(context))
        )

    def Unseal(
        self, request: vector_search_pb2.UnsealRequest, context: _Context
    ) -> vector_search_pb2.UnsealResponse:
        proof = read_field(request, "proof", read_release_proof)
        return rpc.leads_message(
            self._plane.unseal(proof, request.user_token, deadline_of(context))
        )

    def ListReceipts(
        self, request: vector_search_pb2.ListReceiptsRequest, context: _Context
    ) -> vector_search_pb2.ListReceiptsResponse:
        return rpc.receipts_message(
            self._plane.receipts(request.gallery, request.after, deadline_of(context))
        )
