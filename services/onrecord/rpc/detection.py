"""What detection takes and gives, to messages and back."""

from collections.abc import Sequence

from onrecord.contracts.images import DetectedFace, Detection, DetectionRefusal, QualityMeasure
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.statements import Mandate
from onrecord.rpc.fields import malformed, read_all, read_field, read_word, within
from onrecord.rpc.v1 import detection_pb2 as pb
from onrecord.rpc.values import (
    aligned_crop_message,
    attestation_message,
    mandate_message,
    read_aligned_crop,
    read_attestation,
    read_mandate,
)

DetectArguments = tuple[bytes, Mandate, tuple[str, ...]]
"""Image, mandate and model ids."""


def detect_request_message(
    image: bytes, mandate: Mandate, model_ids: Sequence[str]
) -> pb.DetectRequest:
    return pb.DetectRequest(image=image, mandate=mandate_message(mandate), model_ids=model_ids)


def read_detect_request(message: pb.DetectRequest) -> DetectArguments:
    mandate = read_field(message, "mandate", read_mandate)
    return message.image, mandate, tuple(message.model_ids)


def detection_message(detection: Detection) -> pb.DetectResponse:
    if isinstance(detection, DetectedFace):
        return pb.DetectResponse(face=_face_message(detection))
    return pb.DetectResponse(refusal=_refusal_message(detection))


def read_detection(message: pb.DetectResponse) -> Detection:
    match message.WhichOneof("detection"):
        case "face":
            with within("face"):
                return _read_face(message.face)
        case "refusal":
            with within("refusal"):
                return _read_refusal(message.refusal)
        case _:
            raise malformed("detection", "an answer is a face or a refusal")


def _face_message(face: DetectedFace) -> pb.DetectedFace:
    return pb.DetectedFace(
        crops=[aligned_crop_message(crop) for crop in face.crops],
        quality=[_quality_message(measure) for measure in face.quality],
        image_sha256=face.image_sha256,
    )


def _read_face(message: pb.DetectedFace) -> DetectedFace:
    return DetectedFace(
        crops=read_all(message.crops, "crops", read_aligned_crop),
        quality=read_all(message.quality, "quality", _read_quality),
        image_sha256=message.image_sha256,
    )


def _refusal_message(refusal: DetectionRefusal) -> pb.DetectionRefusal:
    return pb.DetectionRefusal(
        code=refusal.code.value,
        message=refusal.message,
        details=refusal.details,
        quality=[_quality_message(measure) for measure in refusal.quality],
        attestation=attestation_message(refusal.attestation),
    )


def _read_refusal(message: pb.DetectionRefusal) -> DetectionRefusal:
    return DetectionRefusal(
        code=read_word(message.code, "code", ErrorCode),
        message=message.message,
        details=dict(message.details),
        quality=read_all(message.quality, "quality", _read_quality),
        attestation=read_field(message, "attestation", read_attestation),
    )


def _quality_message(measure: QualityMeasure) -> pb.QualityMeasure:
    return pb.QualityMeasure(
        component=measure.component,
        value=measure.value,
        gate=measure.gate,
        unit=measure.unit,
        passed=measure.passed,
    )


def _read_quality(message: pb.QualityMeasure) -> QualityMeasure:
    return QualityMeasure(
        component=message.component,
        value=message.value,
        gate=message.gate,
        unit=message.unit,
        passed=message.passed,
    )
