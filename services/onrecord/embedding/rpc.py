"""Embedding, served over gRPC."""

import grpc

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.contracts.embedding import FaceEmbedding
from onrecord.rpc import embedding as rpc
from onrecord.rpc.v1 import embedding_pb2 as pb
from onrecord.rpc.v1 import embedding_pb2_grpc


def register(embedding: FaceEmbedding) -> Register:
    """What adds `embedding` to a server."""
    return lambda server: embedding_pb2_grpc.add_EmbeddingServicer_to_server(
        _Servicer(embedding), server
    )


class _Servicer(embedding_pb2_grpc.EmbeddingServicer):
    def __init__(self, embedding: FaceEmbedding) -> None:
        self._embedding = embedding

    def Embed(self, request: pb.EmbedRequest, context: grpc.ServicerContext) -> pb.EmbedResponse:
        requests = rpc.read_embed_request(request)
        return rpc.templates_message(self._embedding.embed(requests, deadline_of(context)))
