"""What detection and embedding work on in tests: mandates that hold, and photographs.

Grants stand in a ledger in memory and tickets are signed by a plane's real certificate; neither
audit nor a plane is needed.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cryptography import x509
from PIL import Image

from onrecord.chassis.certificates import LocalAuthority
from onrecord.contracts.images import AlignedCrop, Pixels
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.statements import Mandate, mandate_id
from tests.builders.ledger import MemoryLedger
from tests.data import test_data_path

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
MODEL = "test-model@1+fp32+0123456789abcdef"
SIGNERS = (Service.DETECTION, Service.EMBEDDING, Service.VECTOR_SEARCH)


@dataclass(slots=True)
class SetClock:
    """Tells what a test has set."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Bench:
    """A ledger, the services' keys and a clock: all that a mandate is made and checked with."""

    ledger: MemoryLedger
    attestors: Mapping[Service, Attestor]
    roots: Sequence[x509.Certificate]
    clock: SetClock

    @property
    def verifier(self) -> AttestationVerifier:
        return AttestationVerifier(self.roots)

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(60)

    def logged(self, body: dict[str, Any]) -> LoggedEntry:
        return self.ledger.log(body)

    def grant(self, image: bytes, *models: str, **changes: Any) -> LoggedEntry:
        """A grant of this probe for `models`, each searched with in a gallery of its own."""
        body = {
            "kind": "request.granted",
            "time": format_time(self.clock.now()),
            "by": {"person": "asker", "agency": "us-ut-slcpd", "subject": "s", "token_id": "t"},
            "search_id": "s-1",
            "probe_sha256": hashlib.sha256(image).hexdigest(),
            "list_size": 5,
            "expires_at": format_time(self.clock.now() + timedelta(minutes=5)),
            "galleries": {
                f"US-{number:02d}": {
                    "decision": "granted",
                    "policy": "0" * 64,
                    "model_id": model,
                    "list_size": 5,
                }
                for number, model in enumerate(models or (MODEL,))
            },
        }
        return self.logged({**body, **changes})

    def ticket(self, image: bytes, model: str = MODEL, **changes: Any) -> Attestation:
        """A plane's leave to enrol this portrait with `model`."""
        body = {
            "type": statements.ENROLMENT_TICKET,
            "time": format_time(self.clock.now()),
            "gallery": "US-UT",
            "enrolment_id": "e-1",
            "generation": 1,
            "image_sha256": hashlib.sha256(image).hexdigest(),
            "model_id": model,
            "expires_at": format_time(self.clock.now() + timedelta(minutes=5)),
            "record": "00" * 32,
        }
        return self.attestors[Service.VECTOR_SEARCH].attest({**body, **changes})

    def crop(
        self, pixels: Pixels, under: Mandate, image: bytes, model: str = MODEL, **changes: Any
    ) -> AlignedCrop:
        """A crop that detection has signed for."""
        height, width, _ = pixels.shape
        body = {
            "type": statements.DETECTED,
            "time": format_time(self.clock.now()),
            "mandate": mandate_id(under),
            "image_sha256": hashlib.sha256(image).hexdigest(),
            "crop_sha256": statements.crop_sha256(pixels.tobytes(), height, width),
            "model_id": model,
            "detector": "test-detector",
            "quality": [],
        }
        signed = self.attestors[Service.DETECTION].attest({**body, **changes})
        return AlignedCrop(model, pixels, signed)


def bench(folder: Path) -> Bench:
    """Fresh keys in `folder`, valid since a day before `NOW`."""
    authority = LocalAuthority.open(folder, now=lambda: NOW - timedelta(days=1))
    issued = {service: authority.issue(service) for service in SIGNERS}
    attestors = {service: Attestor(one.key, one.chain) for service, one in issued.items()}
    return Bench(MemoryLedger(), attestors, (authority.root,), SetClock())


def tampered(entry: LoggedEntry) -> LoggedEntry:
    """The entry with another list size than the one that was logged."""
    return replace(entry, body=entry.body.replace(b'"list_size":5', b'"list_size":50'))


@cache
def photograph(*parts: str) -> bytes:
    """A file below `faces/` of the test data. Skips where it is absent."""
    return test_data_path("faces", *parts).read_bytes()


@cache
def upright_face() -> Pixels:
    """One person, upright, in colour, 330 x 409."""
    return pixels_of(photograph("quality", "r0.jpg"))


def pixels_of(image: bytes) -> Pixels:
    with Image.open(io.BytesIO(image)) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    pixels.setflags(write=False)
    return pixels


def encoded(image: Image.Image | Pixels, kind: str = "PNG", **options: Any) -> bytes:
    """An image file in memory."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
