"""The statements services sign about what they handed on, and the chain they form (law 2).

probe --(detection)--> crop --(embedding)--> template --(plane)--> receipt. Each names the hash of
what came in, the hash of what went out, and the mandate: the grant or the enrolment ticket it was
done for.
"""

import hashlib
from typing import Any, Final

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical, entry
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.entry import LoggedEntry

DETECTED: Final = "onrecord.detected/v1"
DETECTION_REFUSED: Final = "onrecord.detection-refused/v1"
EMBEDDED: Final = "onrecord.embedded/v1"
ENROLMENT_TICKET: Final = "onrecord.enrolment-ticket/v1"
GALLERY_CHANGED: Final = "onrecord.gallery-changed/v1"
RECORD_COMPACTED: Final = "onrecord.record-compacted/v1"
RECORD_DELETED: Final = "onrecord.record-deleted/v1"
RECEIPT: Final = "onrecord.receipt/v1"

Mandate = LoggedEntry | Attestation
"""Why an image may be looked at: a grant in the ledger, or a plane's enrolment ticket."""


def mandate_id(mandate: Mandate) -> str:
    """How statements name their mandate: `grant:` or `ticket:` and a SHA-256 in hexadecimal."""
    if isinstance(mandate, LoggedEntry):
        return "grant:" + hashlib.sha256(entry.leaf(mandate.nonce, mandate.body)).hexdigest()
    return "ticket:" + hashlib.sha256(mandate.statement).hexdigest()


def crop_sha256(pixels: bytes, height: int, width: int) -> str:
    """Hash of an aligned crop: its size, then its RGB bytes row by row."""
    return hashlib.sha256(f"{height}x{width}x3\n".encode() + pixels).hexdigest()


def template_sha256(vector: bytes, model_id: str) -> str:
    """Hash of a template: its model, then its little-endian float32 values."""
    return hashlib.sha256(model_id.encode() + b"\n" + vector).hexdigest()


def statement_sha256(attestation: Attestation) -> str:
    """How one statement names another."""
    return hashlib.sha256(attestation.statement).hexdigest()


def verify_crop(
    verifier: AttestationVerifier,
    detected: Attestation,
    *,
    mandate: str,
    crop: str,
    model_id: str,
) -> dict[str, Any]:
    """Detection's statement, if it says that this crop was cut for this mandate and model.

    Raises ATTESTATION_INVALID.
    """
    said = verifier.verify(detected, Service.DETECTION, DETECTED)
    _expect(said, "mandate", mandate)
    _expect(said, "crop_sha256", crop)
    _expect(said, "model_id", model_id)
    return said


def verify_template(
    verifier: AttestationVerifier,
    detected: Attestation,
    embedded: Attestation,
    *,
    mandate: str,
    image: str,
    template: str,
    model_id: str,
) -> None:
    """Check the whole chain from an image's SHA-256 to a template's hash.

    Raises ATTESTATION_INVALID.
    """
    second = verifier.verify(embedded, Service.EMBEDDING, EMBEDDED)
    _expect(second, "mandate", mandate)
    _expect(second, "template_sha256", template)
    _expect(second, "model_id", model_id)
    _expect(second, "detected", statement_sha256(detected))
    first = verify_crop(
        verifier,
        detected,
        mandate=mandate,
        crop=str(second.get("crop_sha256")),
        model_id=model_id,
    )
    _expect(first, "image_sha256", image)


def read(attestation: Attestation) -> dict[str, Any]:
    """A statement's content without checking who signed it; for what was checked before."""
    statement = canonical.decode(attestation.statement)
    if not isinstance(statement, dict):
        raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "a statement is a JSON object")
    return statement


def _expect(said: dict[str, Any], name: str, value: str) -> None:
    if said.get(name) != value:
        raise OnRecordError(
            ErrorCode.ATTESTATION_INVALID,
            f"the attestation speaks of another {name}",
            field=name,
        )
