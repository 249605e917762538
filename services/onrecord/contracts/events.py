"""What services tell each other on the bus, as values.

| topic | from | to |
|---|---|---|
| `enrolment.requested` | plane | detection; gateway (status) |
| `face.detected` | detection | embedding; gateway (status) |
| `face.embedded` | embedding | the gallery's plane; gateway (status) |
| `record.enrolled` | plane | gateway |
| `enrolment.rejected` | detection, plane | plane; gateway |
| `search.executed` | plane | audit |
| `gallery.changed` | plane | audit; gateway |

Every topic is keyed by gallery and enrolment (`enrolment_key`) but the last two, whose key is the
gallery, because their order is the gallery's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from onrecord.kernel.errors import ErrorCode
from onrecord.proof.attestation import Attestation

_PREFIX: Final = "onrecord."
ENROLMENT_REQUESTED: Final = _PREFIX + "enrolment.requested.v1"
FACE_DETECTED: Final = _PREFIX + "face.detected.v1"
FACE_EMBEDDED: Final = _PREFIX + "face.embedded.v1"
RECORD_ENROLLED: Final = _PREFIX + "record.enrolled.v1"
ENROLMENT_REJECTED: Final = _PREFIX + "enrolment.rejected.v1"
SEARCH_EXECUTED: Final = _PREFIX + "search.executed.v1"
GALLERY_CHANGED: Final = _PREFIX + "gallery.changed.v1"

ENROLMENT_TOPICS: Final = (
    ENROLMENT_REQUESTED,
    FACE_DETECTED,
    FACE_EMBEDDED,
    RECORD_ENROLLED,
    ENROLMENT_REJECTED,
)
LEDGER_TOPICS: Final = (SEARCH_EXECUTED, GALLERY_CHANGED)
TOPICS: Final = ENROLMENT_TOPICS + LEDGER_TOPICS
RETENTION_HOURS: Final = 24
"""How long enrolment topics keep a message, and how long a transport key outlives its use."""


@dataclass(frozen=True, slots=True)
class EnrolmentRef:
    """Which portrait an event is about."""

    gallery: str
    enrolment_id: str
    generation: int


@dataclass(frozen=True, slots=True)
class SealedBytes:
    """Bytes under the transport key `key_id`: AES-256-GCM as `chassis.sealing.encrypt` writes it,
    with `transport_aad` of what they are.
    """

    key_id: str
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnrolmentRequested:
    """A portrait stands, sealed, at `object_key`; `ticket` is the mandate for processing it."""

    enrolment: EnrolmentRef
    ticket: Attestation
    object_key: str
    image_sha256: str
    key_id: str


@dataclass(frozen=True, slots=True)
class FaceDetected:
    """`crop`: an encoded `rpc.v1.AlignedCrop`, sealed."""

    enrolment: EnrolmentRef
    ticket: Attestation
    crop: SealedBytes


@dataclass(frozen=True, slots=True)
class FaceEmbedded:
    """`template`: an encoded `rpc.v1.Template`, sealed."""

    enrolment: EnrolmentRef
    template: SealedBytes


@dataclass(frozen=True, slots=True)
class EnrolmentRejected:
    """It will not become live. `refusal`: detection's signed statement, where it refused."""

    enrolment: EnrolmentRef
    code: ErrorCode
    message: str
    time: datetime
    refusal: Attestation | None = None


@dataclass(frozen=True, slots=True)
class RecordEnrolled:
    """It is live, and what stood there before is gone."""

    enrolment: EnrolmentRef
    model_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class SearchExecuted:
    """A plane has searched. The receipt is dense and chained per gallery."""

    receipt: Attestation


@dataclass(frozen=True, slots=True)
class GalleryChanged:
    """A chunk was closed (`GALLERY_CHANGED`) or records were deleted (`RECORD_DELETED`)."""

    change: Attestation


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message nobody could work on: ids and reasons, never what it held (R-46).

    `topic`, `partition` and `offset` say where it stands; `enrolment` is None where even that
    could not be read.
    """

    topic: str
    partition: int
    offset: int
    enrolment: EnrolmentRef | None
    code: ErrorCode
    message: str
    attempts: int
    time: datetime


Event = (
    EnrolmentRequested
    | FaceDetected
    | FaceEmbedded
    | EnrolmentRejected
    | RecordEnrolled
    | SearchExecuted
    | GalleryChanged
)


def enrolment_key(enrolment: EnrolmentRef) -> str:
    """The key of an enrolment's messages."""
    return f"{enrolment.gallery}/{enrolment.enrolment_id}"


def transport_aad(what: str, enrolment: EnrolmentRef) -> bytes:
    """What sealed bytes on the bus are bound to. `what` is `portrait`, `crop` or `template`."""
    return (
        f"onrecord/transport/v1\n{what}\n{enrolment.gallery}\n{enrolment.enrolment_id}\n"
        f"{enrolment.generation}\n"
    ).encode()


def ingest_object_key(gallery: str, enrolment_id: str) -> str:
    """Where the copy of a portrait stands that detection reads; gone once it has been worked on."""
    return f"ingest/{gallery}/{enrolment_id}.sealed"
