"""What custodians, operators, auditors and the public are answered."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """A gallery. `public_key`: X25519, 32 bytes. `plane`: the name of the one that holds it."""

    gallery: str
    model_id: str
    metric: str
    authority_key: str
    public_key: bytes
    live_records: int
    plane: str

    @classmethod
    def read(cls, said: Json) -> "GalleryInfo":
        return cls(
            said["gallery"],
            said["model_id"],
            said["metric"],
            said["authority_key"],
            base64.b64decode(said["public_key"]),
            said["live_records"],
            said["plane"],
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force."""

    gallery: str
    version: int
    digest: str
    effective: str
    expires: str
    citation: str
    legal_review: str

    @classmethod
    def read(cls, said: Json) -> "Policy":
        return cls(
            said["gallery"],
            said["version"],
            said["digest"],
            said["effective"],
            said["expires"],
            said["citation"],
            said["legal_review"],
        )


@dataclass(frozen=True, slots=True)
class Logged:
    """Something was written to the ledger; None where its answer was lost once."""

    entry_index: int | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One portrait on its way: requested, detected, embedded, then live or rejected.

    `code` and `message` say why it was rejected.
    """

    enrolment_id: str
    gallery: str
    generation: int
    model_id: str
    status: str
    code: str | None
    message: str

    @classmethod
    def read(cls, said: Json) -> "Enrolment":
        return cls(
            said["enrolment_id"],
            said["gallery"],
            said["generation"],
            said["model_id"],
            said["status"],
            said["code"],
            said["message"],
        )


@dataclass(frozen=True, slots=True)
class Body:
    """An entry's body (canonical JSON) and nonce (32 bytes), as its leaf commits to them."""

    index: int
    nonce: bytes
    body: bytes

    @classmethod
    def read(cls, said: Json) -> "Body":
        return cls(said["index"], base64.b64decode(said["nonce"]), base64.b64decode(said["body"]))
