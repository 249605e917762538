"""Detection as a process of its own: gRPC for searches, the bus for portraits to be enrolled."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.grpc import GrpcServer, ServerSettings
from onrecord.chassis.health import Health
from onrecord.chassis.inference.measured import MeasuredModels
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Process
from onrecord.chassis.parts import GrpcPart, WorkerPart
from onrecord.chassis.pools import CarryingPool
from onrecord.chassis.throttle import Foreground
from onrecord.clients.attesting import RenewedAttestor, believing
from onrecord.clients.from_settings import (
    identity_of,
    ledger_verifier,
)
from onrecord.clients.inference import models_of
from onrecord.clients.planes import plane_clients
from onrecord.clients.transport import TransportSeals
from onrecord.clients.transport_keys import PlanesKeys
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.events import ENROLMENT_REQUESTED
from onrecord.contracts.images import Detection
from onrecord.detection.app import build_detection, build_detection_worker
from onrecord.detection.core.pace import BESIDE
from onrecord.detection.rpc import register
from onrecord.detection.settings import DetectionSettings
from onrecord.events.topics import open_bus
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.proof.statements import Mandate
from onrecord.rpc.allowed import ALLOWED

_READY_SECONDS = 5.0
_log = logging.getLogger("onrecord.detection")


@contextmanager
def opened(settings: DetectionSettings, told: Callable[[str], None]) -> Iterator[Process]:
    """Everything open and nothing at work; closed in the opposite order."""
    with ExitStack() as stack:
        clock = SystemClock()
        identity = identity_of(Service.DETECTION, settings)
        told("models")
        models = MeasuredModels(models_of(settings, stack))
        foreground = settings.throttled()
        detection = build_detection(
            models,
            attestor=RenewedAttestor(identity),
            verifier=believing(identity),
            ledger_key=ledger_verifier(settings),
            clock=clock,
            beside=stack.enter_context(CarryingPool(BESIDE, thread_name_prefix="beside")),
        )
        told("bus")
        bus = open_bus(settings.bus_at(), clock)
        stack.callback(bus.close)
        executor = stack.enter_context(
            CarryingPool(settings.portraits_at_once, thread_name_prefix="portraits")
        )
        seals = TransportSeals(PlanesKeys(plane_clients(settings, identity, stack)), clock)
        worker = build_detection_worker(
            bus,
            detection=detection,
            seals=seals,
            ingest=settings.store(settings.ingest),
            foreground=foreground,
            executor=executor,
            clock=clock,
        )
        server = GrpcServer(
            ServerSettings(settings.address, settings.threads, settings.connection_age_seconds),
            identity,
            ALLOWED,
            _log,
        )
        server.add(register(_Waited(detection, foreground)))
        yield Process(
            Health({"inference": lambda: models.check(Deadline.after(_READY_SECONDS))}),
            (
                WorkerPart("the consumer of portraits", worker),
                Periodic("forgetting transport keys", seals.forget, settings.maintenance_seconds),
                GrpcPart(
                    server, settings.stop_seconds, lambda port: _log.info("serving at %d", port)
                ),
            ),
            (models.reading(), lag_reading(bus, Service.DETECTION.value, (ENROLMENT_REQUESTED,))),
        )


class _Waited:
    """A `FaceDetection` that somebody waits for: the consumer gives way to it."""

    def __init__(self, detection: FaceDetection, foreground: Foreground) -> None:
        self._detection = detection
        self._foreground = foreground

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        with self._foreground.call():
            return self._detection.detect(image, mandate, model_ids, deadline)
