"""Law 2: from the granted image to the template, each step is signed and names the one before."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from tests.builders.ledger import MemoryLedger

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
MANDATE, MODEL = "grant:" + "a" * 64, "test-model@1+fp32:0123456789abcdef"
IMAGE, CROP, TEMPLATE = "1" * 64, "2" * 64, "3" * 64


class Signing:
    """Detection and embedding with their own certificates, and whoever checks them."""

    def __init__(self, folder: Path) -> None:
        authority = LocalAuthority.open(folder, now=lambda: NOW)
        self.verifier = AttestationVerifier([authority.root])
        self._by = {
            service: Attestor(identity.key, identity.chain)
            for service in (Service.DETECTION, Service.EMBEDDING)
            for identity in [authority.issue(service)]
        }

    def detected(self, by: Service = Service.DETECTION, **changes: Any) -> Attestation:
        said = {
            "type": statements.DETECTED,
            "time": format_time(NOW),
            "mandate": MANDATE,
            "image_sha256": IMAGE,
            "crop_sha256": CROP,
            "model_id": MODEL,
        }
        return self._by[by].attest({**said, **changes})

    def embedded(
        self, of: Attestation, /, by: Service = Service.EMBEDDING, **changes: Any
    ) -> Attestation:
        said = {
            "type": statements.EMBEDDED,
            "time": format_time(NOW),
            "mandate": MANDATE,
            "detected": statements.statement_sha256(of),
            "crop_sha256": CROP,
            "template_sha256": TEMPLATE,
            "model_id": MODEL,
        }
        return self._by[by].attest({**said, **changes})

    def check(self, detected: Attestation, embedded: Attestation) -> None:
        statements.verify_template(
            self.verifier,
            detected,
            embedded,
            mandate=MANDATE,
            image=IMAGE,
            template=TEMPLATE,
            model_id=MODEL,
        )


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    return Signing(tmp_path)


def refused(signing: Signing, detected: Attestation, embedded: Attestation) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        signing.check(detected, embedded)
    assert caught.value.code is ErrorCode.ATTESTATION_INVALID
    return caught.value


def test_a_whole_chain_leads_from_the_image_to_the_template(signing: Signing) -> None:
    detected = signing.detected()
    signing.check(detected, signing.embedded(detected))


@pytest.mark.parametrize(
    "field", ["mandate", "template_sha256", "model_id", "detected", "crop_sha256"]
)
def test_embeddings_word_is_for_this_mandate_template_model_and_crop(
    signing: Signing, field: str
) -> None:
    detected, changed = signing.detected(), dict[str, Any]({field: "other"})
    error = refused(signing, detected, signing.embedded(detected, **changed))
    assert error.field == field


@pytest.mark.parametrize("field", ["mandate", "crop_sha256", "model_id", "image_sha256"])
def test_detections_word_is_for_this_mandate_crop_model_and_image(
    signing: Signing, field: str
) -> None:
    changed = dict[str, Any]({field: "other"})
    detected = signing.detected(**changed)
    error = refused(signing, detected, signing.embedded(detected))
    assert error.field == field


def test_each_step_is_signed_by_the_service_whose_step_it_is(signing: Signing) -> None:
    detected = signing.detected()
    refused(signing, detected, signing.embedded(detected, by=Service.DETECTION))
    by_embedding = signing.detected(by=Service.EMBEDDING)
    refused(signing, by_embedding, signing.embedded(by_embedding))


def test_each_step_is_a_statement_of_its_own_type(signing: Signing) -> None:
    detected = signing.detected()
    refused(signing, detected, signing.embedded(detected, type=statements.DETECTED))
    refusal = signing.detected(type=statements.DETECTION_REFUSED)
    refused(signing, refusal, signing.embedded(refusal))


def test_a_crop_is_believed_with_what_detection_said_of_it(signing: Signing) -> None:
    said = statements.verify_crop(
        signing.verifier, signing.detected(), mandate=MANDATE, crop=CROP, model_id=MODEL
    )
    assert (said["image_sha256"], said["crop_sha256"]) == (IMAGE, CROP)


def test_hashes_say_what_was_hashed() -> None:
    """A crop of another shape, or a template of another model, is another one."""
    crop, vector = b"\x01" * 24, b"\x02" * 16
    assert statements.crop_sha256(crop, 2, 4) == hashlib.sha256(b"2x4x3\n" + crop).hexdigest()
    assert statements.crop_sha256(crop, 4, 2) != statements.crop_sha256(crop, 2, 4)
    assert (
        statements.template_sha256(vector, "one") == hashlib.sha256(b"one\n" + vector).hexdigest()
    )


def test_a_statement_can_be_read_without_its_signature(signing: Signing) -> None:
    assert statements.read(signing.detected())["crop_sha256"] == CROP
    with pytest.raises(OnRecordError) as caught:
        statements.read(Attestation(b"[]", b"", ()))
    assert caught.value.code is ErrorCode.ATTESTATION_INVALID


def test_a_mandate_is_named_by_what_it_is_and_its_hash(signing: Signing) -> None:
    """A grant and a ticket with the same bytes are not the same mandate."""
    ticket = signing.detected()
    assert statements.mandate_id(ticket) == "ticket:" + hashlib.sha256(ticket.statement).hexdigest()
    ledger = MemoryLedger()
    logged = ledger.log({"kind": "request.granted", "time": format_time(NOW)})
    named = statements.mandate_id(logged)
    assert named.startswith("grant:")
    assert len(named) == len("grant:") + 64
