"""Detection, served over gRPC."""

import grpc

from onrecord.chassis.grpc import Register, deadline_of
from onrecord.contracts.detection import FaceDetection
from onrecord.rpc import detection as rpc
from onrecord.rpc.v1 import detection_pb2 as pb
from onrecord.rpc.v1 import detection_pb2_grpc


def register(detection: FaceDetection) -> Register:
    """What adds `detection` to a server."""
    return lambda server: detection_pb2_grpc.add_DetectionServicer_to_server(
        _Servicer(detection), server
    )


class _Servicer(detection_pb2_grpc.DetectionServicer):
    def __init__(self, detection: FaceDetection) -> None:
        self._detection = detection

    def Detect(self, request: pb.DetectRequest, context: grpc.ServicerContext) -> pb.DetectResponse:
        image, mandate, model_ids = rpc.read_detect_request(request)
        return rpc.detection_message(
            self._detection.detect(image, mandate, model_ids, deadline_of(context))
        )
