"""Composition root of the detection service."""

from concurrent.futures import Executor

from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.inference import Models
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.events import ENROLMENT_REQUESTED
from onrecord.detection.adapters.any_way_up import AnyWayUp
from onrecord.detection.adapters.mtcnn import MtcnnDetector
from onrecord.detection.adapters.pillow import PillowDecoder
from onrecord.detection.adapters.resampling import warp
from onrecord.detection.adapters.yunet import YuNetDetector
from onrecord.detection.consumer import PortraitConsumer
from onrecord.detection.core.pace import PORTRAITS_IN_A_POLL
from onrecord.detection.core.targets import crop_target
from onrecord.detection.service import DetectionService
from onrecord.events.handling import DeadLetterWriter
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.notes import NoteVerifier

_YUNETS = ("yunet-2023mar", "yunet")  # the better first
_CASCADE = ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")
# Measured: a face that lies on its side scores at most .88 with YuNet, upright .91 and more in 95
# of 100 photographs; MTCNN does not see it at all, and upright scores .93 and more.
_SURE = 0.9


def build_detection(
    models: Models,
    *,
    attestor: Attestor,
    verifier: AttestationVerifier,
    ledger_key: NoteVerifier,
    clock: Clock,
    beside: Executor | None = None,
) -> DetectionService:
    """The service with the best detector the repository holds, for all of its embedders.

    `beside`: threads for what is done for a probe while something else is; none: all in turn.
    """
    detector = _detector(models)
    return DetectionService(
        decoder=PillowDecoder(),
        detector=detector,
        warp=warp,
        targets=[
            crop_target(card, detector.family)
            for card in models.cards()
            if card.role is ModelRole.EMBEDDER
        ],
        mandates=MandateVerifier(ledger_key, verifier),
        attestor=attestor,
        clock=clock,
        waited=_detector(models, beside),
        beside=beside,
    )


def build_detection_worker(
    bus: Bus,
    *,
    detection: FaceDetection,
    seals: TransportSeals,
    ingest: ObjectStore,
    foreground: Foreground,
    executor: Executor,
    clock: Clock,
    reached: WritePoint = unobserved,
) -> Worker:
    """The consumer of portraits to be enrolled, not started yet."""
    return Worker(
        bus,
        group=Service.DETECTION.value,
        topics=[ENROLMENT_REQUESTED],
        handler=PortraitConsumer(
            detection=detection,
            seals=seals,
            ingest=ingest,
            foreground=foreground,
            executor=executor,
            clock=clock,
        ),
        dead_letter=DeadLetterWriter(clock),
        clock=clock,
        settings=WorkerSettings(limit=PORTRAITS_IN_A_POLL),
        reached=reached,
    )


def _detector(models: Models, beside: Executor | None = None) -> AnyWayUp:
    """YuNet where it is there. Raises MODEL_UNKNOWN where there is no detector."""
    held = {card.name for card in models.cards() if card.role is ModelRole.DETECTOR}
    for name in _YUNETS:
        if name in held:
            yunet = YuNetDetector(models.session(name), beside)
            return AnyWayUp(yunet, sure=_SURE, glance=yunet.glance)
    if held.issuperset(_CASCADE):
        proposal, refinement, output = (models.session(name) for name in _CASCADE)
        return AnyWayUp(MtcnnDetector(proposal, refinement, output), sure=_SURE)
    raise OnRecordError(
        ErrorCode.MODEL_UNKNOWN,
        "the model repository holds no face detector; build a set first: "
        "onrecord models build registry",
    )
