"""The vocabularies of `CONTRACTS.md`. Added to by ADR; never renamed."""

from enum import StrEnum


class Purpose(StrEnum):
    CRIMINAL_INVESTIGATION = "criminal_investigation"
    IDENTIFY_VICTIM = "identify_victim"
    IDENTIFY_WITNESS = "identify_witness"
    MISSING_PERSON = "missing_person"
    DECEASED_IDENTIFICATION = "deceased_identification"
    UNIDENTIFIED_PERSON = "unidentified_person"
    LICENCE_FRAUD = "licence_fraud"
    IMMIGRATION_ENFORCEMENT = "immigration_enforcement"


class RoleSought(StrEnum):
    SUSPECT = "suspect"
    VICTIM = "victim"
    WITNESS = "witness"
    MISSING = "missing"
    DECEASED = "deceased"
    UNIDENTIFIED = "unidentified"


class OffenceTier(StrEnum):
    VIOLENT_FELONY = "violent_felony"
    FELONY = "felony"
    MISDEMEANOR = "misdemeanor"
    INFRACTION = "infraction"
    NONE = "none"


class Suspicion(StrEnum):
    NONE = "none"
    REASONABLE_SUSPICION = "reasonable_suspicion"
    PROBABLE_CAUSE = "probable_cause"


class InstrumentType(StrEnum):
    NONE = "none"
    ADMINISTRATIVE_SUBPOENA = "administrative_subpoena"
    GRAND_JURY_SUBPOENA = "grand_jury_subpoena"
    COURT_ORDER = "court_order"
    SEARCH_WARRANT = "search_warrant"
    JUDICIAL_WARRANT_IMMIGRATION = "judicial_warrant_immigration"


class FederalGround(StrEnum):
    """18 USC 2721(b), the paragraphs under which a "highly restricted" photo may leave."""

    B1 = "b1"
    B4 = "b4"
    B6 = "b6"
    B9 = "b9"


class ProbeSource(StrEnum):
    SURVEILLANCE_STILL = "surveillance_still"
    BODY_CAMERA = "body_camera"
    MOBILE_PHONE = "mobile_phone"
    SOCIAL_MEDIA = "social_media"
    BOOKING_PHOTO = "booking_photo"
    IDENTITY_DOCUMENT = "identity_document"
    POST_MORTEM = "post_mortem"
    OTHER = "other"


class ProbeKind(StrEnum):
    """What the probe is declared to be. All but a photograph exist to be refused (R-11)."""

    PHOTOGRAPH = "photograph"
    SKETCH = "sketch"
    COMPOSITE = "composite"
    LOOKALIKE = "lookalike"
    GENERATED = "generated"


class Role(StrEnum):
    REQUESTER = "requester"
    EXAMINER = "examiner"
    SUPERVISOR = "supervisor"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class EntryKind(StrEnum):
    REQUEST_GRANTED = "request.granted"
    REQUEST_REFUSED = "request.refused"
    REQUEST_SHED = "request.shed"
    EMERGENCY_FOLLOWED_UP = "emergency.followed_up"
    EMERGENCY_LIFTED = "emergency.lifted"
    SEARCH_EXECUTED = "search.executed"
    SEARCH_REFUSED_QUALITY = "search.refused_quality"
    SEARCH_FAILED = "search.failed"
    SEARCH_EXPIRED = "search.expired"
    LOOK_GRANTED = "look.granted"
    EXAMINATION_DECIDED = "examination.decided"
    LEAD_RELEASED = "lead.released"
    SEARCH_CLOSED = "search.closed"
    EVIDENCE_OPENED = "evidence.opened"
    POLICY_ACTIVATED = "policy.activated"
    KEY_CHANGED = "key.changed"
    MODEL_ACTIVATED = "model.activated"
    THRESHOLD_CHANGED = "threshold.changed"
    GALLERY_ENROLLED = "gallery.enrolled"
    RECORD_DELETED = "record.deleted"
    REPORT_MADE = "report.made"
    LOGON_FAILED = "logon.failed"
    ALARM_RAISED = "alarm.raised"


class Conclusion(StrEnum):
    """What an examiner concludes about one candidate."""

    SUPPORTS_SAME = "supports_same"
    SUPPORTS_DIFFERENT = "supports_different"
    INCONCLUSIVE = "inconclusive"


class SearchStatus(StrEnum):
    REFUSED = "refused"
    PROCESSING = "processing"
    REFUSED_QUALITY = "refused_quality"
    FAILED = "failed"
    EXPIRED = "expired"
    SEALED = "sealed"
    EXAMINING = "examining"
    NO_LEAD = "no_lead"
    AWAITING_WITNESS = "awaiting_witness"
    RELEASED = "released"
    CLOSED = "closed"


class GalleryStatus(StrEnum):
    """A gallery within a search."""

    REFUSED = "refused"
    SEARCHED = "searched"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"


class TaskStatus(StrEnum):
    OPEN = "open"
    DECIDED = "decided"


class EnrolmentStatus(StrEnum):
    """One portrait on its way into a gallery."""

    REQUESTED = "requested"
    DETECTED = "detected"
    EMBEDDED = "embedded"
    LIVE = "live"
    REJECTED = "rejected"


class ManifestAct(StrEnum):
    """What a state's signed list asks for."""

    ENROL = "enrol"
    DELETE = "delete"


class Service(StrEnum):
    """The services, by the name in their certificates: `spiffe://onrecord/<name>`."""

    GATEWAY = "gateway"
    DETECTION = "detection"
    EMBEDDING = "embedding"
    VECTOR_SEARCH = "vector-search"
    AUDIT = "audit"

    @property
    def spiffe_id(self) -> str:
        return f"spiffe://onrecord/{self.value}"


MIN_LIST_SIZE = 2
MAX_LIST_SIZE = 50
DEFAULT_LIST_SIZE = 20
MAX_LEADS = 2
EXAMINERS_PER_SEARCH = 2
LEAD_STAMP = "INVESTIGATIVE LEAD ONLY"
UNWITNESSED_STAMP = "UNWITNESSED"
UNCALIBRATED = "uncalibrated"
