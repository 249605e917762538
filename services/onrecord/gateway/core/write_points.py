"""Every place between two writes of the gateway, by name (R-22).

A crash test ends the process at each; after a restart the client repeats its call.
"""

from typing import Final

SEARCH_AUTHORIZED: Final = "gateway.search.authorized"
SEARCH_OPENED: Final = "gateway.search.opened"
SEARCH_QUALITY_LOGGED: Final = "gateway.search.quality_logged"
SEARCH_PLANE_ANSWERED: Final = "gateway.search.plane_answered"
SEARCH_GIVEN_UP: Final = "gateway.search.given_up"
SEARCH_FAILURE_LOGGED: Final = "gateway.search.failure_logged"
SEARCH_SEALED: Final = "gateway.search.sealed"
SEARCH_DRAWN: Final = "gateway.search.drawn"
LOOK_LOGGED: Final = "gateway.look.logged"
DECISION_INTENDED: Final = "gateway.decision.intended"
DECISION_LOGGED: Final = "gateway.decision.logged"
DECISION_KEPT: Final = "gateway.decision.kept"
RELEASE_LOGGED: Final = "gateway.release.logged"
RELEASE_KEPT: Final = "gateway.release.kept"
ENROLMENT_BEGUN: Final = "gateway.enrolment.begun"
ENROLMENT_VAULTED: Final = "gateway.enrolment.vaulted"
ENROLMENT_INGESTED: Final = "gateway.enrolment.ingested"
ENROLMENT_SUBMITTED: Final = "gateway.enrolment.submitted"
ENROLMENT_PROJECTED: Final = "gateway.enrolment.projected"
MANIFEST_OPENED: Final = "gateway.manifest.opened"
CHUNK_PUT: Final = "gateway.chunk.put"
RECORD_DELETED: Final = "gateway.record.deleted"
LETTERS_KEPT: Final = "gateway.letters.kept"
LETTERS_REDRIVEN: Final = "gateway.letters.redriven"
GALLERY_KEY_PINNED: Final = "gateway.gallery.key_pinned"
GALLERY_MODEL_REGISTERED: Final = "gateway.gallery.model_registered"

WRITE_POINTS: Final = (
    SEARCH_AUTHORIZED,
    SEARCH_OPENED,
    SEARCH_QUALITY_LOGGED,
    SEARCH_PLANE_ANSWERED,
    SEARCH_GIVEN_UP,
    SEARCH_FAILURE_LOGGED,
    SEARCH_SEALED,
    SEARCH_DRAWN,
    LOOK_LOGGED,
    DECISION_INTENDED,
    DECISION_LOGGED,
    DECISION_KEPT,
    RELEASE_LOGGED,
    RELEASE_KEPT,
    ENROLMENT_BEGUN,
    ENROLMENT_VAULTED,
    ENROLMENT_INGESTED,
    ENROLMENT_SUBMITTED,
    ENROLMENT_PROJECTED,
    MANIFEST_OPENED,
    CHUNK_PUT,
    RECORD_DELETED,
    LETTERS_KEPT,
    LETTERS_REDRIVEN,
    GALLERY_KEY_PINNED,
    GALLERY_MODEL_REGISTERED,
)
