"""Detection over gRPC."""

from collections.abc import Sequence

import grpc

from onrecord.clients.exchange import Exchange
from onrecord.contracts.images import Detection
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof.statements import Mandate
from onrecord.rpc import detection as rpc
from onrecord.rpc.v1.detection_pb2_grpc import DetectionStub


class DetectionClient:
    """A `FaceDetection` at the other end of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = DetectionStub(channel)
        self._exchange = Exchange(ErrorCode.DETECTION_UNAVAILABLE, Service.DETECTION)

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        return self._exchange(
            self._stub.Detect,
            lambda: rpc.detect_request_message(image, mandate, model_ids),
            rpc.read_detection,
            deadline,
        )
