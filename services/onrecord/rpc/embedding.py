"""What embedding takes and gives, to messages and back."""

from collections.abc import Sequence

from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import Template
from onrecord.rpc.fields import read_all, read_field
from onrecord.rpc.v1 import embedding_pb2 as pb
from onrecord.rpc.values import (
    aligned_crop_message,
    mandate_message,
    read_aligned_crop,
    read_mandate,
    read_template,
    template_message,
)


def embed_request_message(requests: Sequence[EmbedRequest]) -> pb.EmbedRequest:
    return pb.EmbedRequest(
        items=[
            pb.EmbedItem(
                crop=aligned_crop_message(request.crop), mandate=mandate_message(request.mandate)
            )
            for request in requests
        ]
    )


def read_embed_request(message: pb.EmbedRequest) -> tuple[EmbedRequest, ...]:
    return read_all(message.items, "items", _read_item)


def templates_message(templates: Sequence[Template]) -> pb.EmbedResponse:
    return pb.EmbedResponse(templates=[template_message(template) for template in templates])


def read_templates(message: pb.EmbedResponse) -> tuple[Template, ...]:
    return read_all(message.templates, "templates", read_template)


def _read_item(message: pb.EmbedItem) -> EmbedRequest:
    return EmbedRequest(
        crop=read_field(message, "crop", read_aligned_crop),
        mandate=read_field(message, "mandate", read_mandate),
    )
