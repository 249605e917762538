"""Embedding over gRPC."""

from collections.abc import Sequence

import grpc

from onrecord.clients.exchange import Exchange
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import Template
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.rpc import embedding as rpc
from onrecord.rpc.v1.embedding_pb2_grpc import EmbeddingStub


class EmbeddingClient:
    """A `FaceEmbedding` at the other end of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = EmbeddingStub(channel)
        self._exchange = Exchange(ErrorCode.EMBEDDING_UNAVAILABLE, Service.EMBEDDING)

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        return self._exchange(
            self._stub.Embed,
            lambda: rpc.embed_request_message(requests),
            rpc.read_templates,
            deadline,
        )
