"""A plane over gRPC."""

from collections.abc import Sequence

import grpc

from onrecord.chassis.grpc_status import is_unimplemented
from onrecord.clients.exchange import Exchange
from onrecord.contracts.enrolment import (
    Begun,
    ChunkRef,
    ChunkState,
    Deletion,
    EnrolmentBatch,
    EnrolmentState,
    GalleryCheck,
    ManifestRow,
    ManifestState,
    Redriven,
    RowStatus,
    Submission,
    TransportKey,
)
from onrecord.contracts.vector_search import (
    GalleryAnswer,
    GalleryFailure,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
    PlaneSearch,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.manifests import Row
from onrecord.proof.release import ReleaseProof
from onrecord.rpc import enrolment, manifests, values
from onrecord.rpc import vector_search as rpc
from onrecord.rpc.v1 import enrolment_pb2, vector_search_pb2
from onrecord.rpc.v1.vector_search_pb2_grpc import VectorSearchStub


class PlaneClient:
    """A `Plane` at the other end of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = VectorSearchStub(channel)
        self._exchange = Exchange(ErrorCode.PLANE_UNAVAILABLE, Service.VECTOR_SEARCH)

    def create_gallery(
        self, setup: GallerySetup, user_token: str, deadline: Deadline
    ) -> GalleryInfo:
        return self._exchange(
            self._stub.CreateGallery,
            lambda: rpc.gallery_setup_message(setup, user_token),
            rpc.read_gallery_info,
            deadline,
        )

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        return self._exchange(
            self._stub.ListGalleries,
            vector_search_pb2.ListGalleriesRequest,
            rpc.read_galleries,
            deadline,
        )

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        return self._exchange(
            self._stub.GetTransportKey,
            lambda: enrolment_pb2.GetTransportKeyRequest(gallery=gallery, key_id=key_id),
            enrolment.read_transport_key,
            deadline,
        )

    def begin_enrolments(
        self, batch: EnrolmentBatch, user_token: str, deadline: Deadline
    ) -> tuple[Begun, ...]:
        return self._exchange(
            self._stub.BeginEnrolments,
            lambda: enrolment.batch_message(batch, user_token),
            enrolment.read_begun,
            deadline,
        )

    def submit_enrolments(
        self, gallery: str, submissions: Sequence[Submission], deadline: Deadline
    ) -> None:
        self._exchange(
            self._stub.SubmitEnrolments,
            lambda: enrolment.submissions_message(gallery, submissions),
            lambda _: None,
            deadline,
        )

    def enrolment(self, gallery: str, enrolment_id: str, deadline: Deadline) -> EnrolmentState:
        return self._exchange(
            self._stub.GetEnrolment,
            lambda: enrolment_pb2.GetEnrolmentRequest(gallery=gallery, enrolment_id=enrolment_id),
            enrolment.read_enrolment_state,
            deadline,
        )

    def open_manifest(
        self, header: bytes, signature: str, user_token: str, deadline: Deadline
    ) -> ManifestState:
        return self._exchange(
            self._stub.OpenManifest,
            lambda: enrolment_pb2.OpenManifestRequest(
                header=header, signature=signature, user_token=user_token
            ),
            manifests.read_manifest_state,
            deadline,
        )

    def put_chunk(self, chunk: ChunkRef, rows: Sequence[Row], deadline: Deadline) -> ChunkState:
        return self._exchange(
            self._stub.PutChunk,
            lambda: manifests.chunk_rows_message(chunk, rows),
            manifests.read_chunk_state,
            deadline,
        )

    def manifest(self, manifest_id: str, deadline: Deadline) -> ManifestState:
        return self._exchange(
            self._stub.GetManifest,
            lambda: enrolment_pb2.GetManifestRequest(manifest_id=manifest_id),
            manifests.read_manifest_state,
            deadline,
        )

    def manifest_rows(
        self,
        chunk: ChunkRef,
        statuses: Sequence[RowStatus],
        after: int,
        limit: int,
        deadline: Deadline,
    ) -> tuple[ManifestRow, ...]:
        return self._exchange(
            self._stub.ListManifestRows,
            lambda: manifests.rows_wanted_message(chunk, statuses, after, limit),
            manifests.read_manifest_rows,
            deadline,
        )

    def delete_record(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        return self._exchange(
            self._stub.DeleteRecord,
            lambda: enrolment_pb2.DeleteRecordRequest(
                gallery=gallery, record_id=record_id, user_token=user_token
            ),
            enrolment.read_deletion,
            deadline,
        )

    def deletion(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        return self._exchange(
            self._stub.GetDeletion,
            lambda: enrolment_pb2.GetDeletionRequest(
                gallery=gallery, record_id=record_id, user_token=user_token
            ),
            enrolment.read_deletion,
            deadline,
        )

    def check_gallery(
        self,
        gallery: str,
        repair: bool,
        user_token: str,
        remove_unknown: int | None,
        deadline: Deadline,
    ) -> GalleryCheck:
        return self._exchange(
            self._stub.CheckGallery,
            lambda: enrolment_pb2.CheckGalleryRequest(
                gallery=gallery,
                repair=repair,
                user_token=user_token,
                remove_unknown=remove_unknown,
            ),
            enrolment.read_gallery_check,
            deadline,
        )

    def redrive(
        self, gallery: str, enrolment_ids: Sequence[str], user_token: str, deadline: Deadline
    ) -> tuple[Redriven, ...]:
        return self._exchange(
            self._stub.Redrive,
            lambda: enrolment_pb2.RedriveRequest(
                gallery=gallery, enrolment_ids=enrolment_ids, user_token=user_token
            ),
            enrolment.read_redriven,
            deadline,
        )

    def foresee(self, grant: LoggedEntry, deadline: Deadline) -> None:
        """A plane of the version before makes nothing ready, and searches all the same."""
        try:
            self._exchange(
                self._stub.Foresee,
                lambda: vector_search_pb2.ForeseeRequest(grant=values.logged_entry_message(grant)),
                lambda _: None,
                deadline,
            )
        except OnRecordError as error:
            if not is_unimplemented(error):
                raise

    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        """Of a plane of an older version, gallery after gallery."""
        try:
            return self._exchange(
                self._stub.SearchGalleries,
                lambda: rpc.plane_search_message(search),
                rpc.read_answers,
                deadline,
            )
        except OnRecordError as error:
            if not is_unimplemented(error):
                raise
        return tuple(
            self._alone(GallerySearch(name, search.grant, one.template), deadline)
            for one in search.searches
            for name in one.galleries
        )

    def _alone(self, search: GallerySearch, deadline: Deadline) -> GalleryAnswer:
        try:
            return self.search(search, deadline)
        except OnRecordError as error:
            return GalleryFailure.of(search.gallery, error)

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
            lambda: vector_search_pb2.OpenPortraitRequest(look=values.logged_entry_message(look)),
            lambda answer: answer.image,
            deadline,
        )

    def unseal(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        return self._exchange(
            self._stub.Unseal,
            lambda: vector_search_pb2.UnsealRequest(
                proof=values.release_proof_message(proof), user_token=user_token
            ),
            rpc.read_leads,
            deadline,
            always=True,
        )

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> tuple[Attestation, ...]:
        return self._exchange(
            self._stub.ListReceipts,
            lambda: vector_search_pb2.ListReceiptsRequest(gallery=gallery, after=after),
            rpc.read_receipts,
            deadline,
            always=True,
        )
