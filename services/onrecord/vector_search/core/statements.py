"""What the plane says and signs: tickets, changes of a gallery, receipts. Whole numbers only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onrecord.contracts.events import EnrolmentRef
from onrecord.contracts.vector_search import Candidate
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.commitment import record_commitment
from onrecord.proof.grant import GalleryGrant, Grant
from onrecord.proof.merkle import leaf_hash, root_of
from onrecord.proof.statements import ENROLMENT_TICKET, GALLERY_CHANGED, RECEIPT
from onrecord.vector_search.core.values import Gallery, RecordRow


def ticket_body(
    enrolment: EnrolmentRef,
    *,
    image_sha256: str,
    model_id: str,
    record: str,
    now: datetime,
    expires_at: datetime,
) -> dict[str, Any]:
    """Leave to process one portrait. `record` is random: a ticket says nothing of whose it is."""
    return {
        "type": ENROLMENT_TICKET,
        "time": format_time(now),
        "gallery": enrolment.gallery,
        "enrolment_id": enrolment.enrolment_id,
        "generation": enrolment.generation,
        "image_sha256": image_sha256,
        "model_id": model_id,
        "expires_at": format_time(expires_at),
        "record": record,
    }


@dataclass(frozen=True, slots=True)
class Commitments:
    """How the ledger speaks of one row: HMACs of record and image, by `salt` (R-26)."""

    record: str
    image: str
    code: ErrorCode | None

    @property
    def leaf(self) -> bytes:
        """Its hash under the root of what was accepted, or, with a code, of what was rejected."""
        said = {"image": self.image, "record": self.record}
        if self.code is not None:
            said["code"] = self.code.value
        return leaf_hash(canonical.encode(said))


def committed(
    key: bytes, salt: bytes, record_id: str, image_sha256: str, code: ErrorCode | None = None
) -> Commitments:
    """`key`: of an accepted row its record's data key, of a rejected one its manifest's secret."""
    return Commitments(
        record_commitment(key, salt, f"record:{record_id}"),
        record_commitment(key, salt, f"image:{image_sha256}"),
        code,
    )


def single_change_body(
    row: RecordRow, said: Commitments, *, salt: bytes, by: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """An enrolment that no manifest carries has ended: a chunk of one."""
    accepted, rejected = (said.leaf, None) if said.code is None else (None, said.leaf)
    return {
        "type": GALLERY_CHANGED,
        "time": format_time(now),
        "gallery": row.gallery,
        "model_id": row.model_id,
        "enrolment_id": row.enrolment_id,
        "generation": row.generation,
        "record": said.record,
        "image": said.image,
        "code": None if said.code is None else said.code.value,
        "act": ManifestAct.ENROL.value,
        "manifest": None,
        "chunk": None,
        "rows": 1,
        "accepted": int(accepted is not None),
        "unchanged": 0,
        "rejected": int(rejected is not None),
        "accepted_root": root_from(accepted),
        "rejected_root": root_from(rejected),
        "salt": salt.hex(),
        "by": by,
    }


def chunk_change_body(
    gallery: str,
    model_id: str,
    *,
    act: ManifestAct,
    manifest: str,
    chunk: int,
    unchanged: int,
    accepted: Sequence[bytes],
    rejected: Sequence[bytes],
    salt: bytes,
    by: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Every row of a chunk has ended; `accepted` and `rejected` are leaves, in their order."""
    return {
        "type": GALLERY_CHANGED,
        "time": format_time(now),
        "gallery": gallery,
        "model_id": model_id,
        "act": act.value,
        "manifest": manifest,
        "chunk": chunk,
        "rows": len(accepted) + unchanged + len(rejected),
        "accepted": len(accepted),
        "unchanged": unchanged,
        "rejected": len(rejected),
        "accepted_root": root_of(accepted).hex(),
        "rejected_root": root_of(rejected).hex(),
        "salt": salt.hex(),
        "by": by,
    }


def unknown_removed_body(
    gallery: Gallery, portraits: Sequence[bytes], *, by: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Sealed portraits of enrolments that no roster knows were destroyed: a deletion without names.

    `portraits` are leaves over the SHA-256 of each sealed object, in the order of their keys.
    """
    return {
        "type": GALLERY_CHANGED,
        "time": format_time(now),
        "gallery": gallery.jurisdiction,
        "model_id": gallery.model_id,
        "act": ManifestAct.DELETE.value,
        "what": "unknown_portraits",
        "manifest": None,
        "chunk": None,
        "rows": len(portraits),
        "accepted": len(portraits),
        "unchanged": 0,
        "rejected": 0,
        "accepted_root": root_of(portraits).hex(),
        "rejected_root": root_of([]).hex(),
        "by": by,
    }


def root_from(leaf: bytes | None) -> str:
    """The root, in hexadecimal, over one leaf or none."""
    return root_of([] if leaf is None else [leaf]).hex()


def made_at(receipt: Attestation) -> datetime:
    """When a receipt was made, by itself."""
    return parse_time(str(statements.read(receipt)["time"]))


def not_before(last: datetime | None, now: datetime) -> datetime:
    """When the receipt is made that follows one made at `last`: receipts of a gallery never go
    back in time.
    """
    return now if last is None else max(last, now)


def receipt_body(
    grant: Grant,
    allowed: GalleryGrant,
    gallery: Gallery,
    candidates: Sequence[Candidate],
    *,
    template_sha256: str,
    now: datetime,
) -> dict[str, Any]:
    """The receipt that follows the gallery's last one.

    `searched` is how many live records the search was made among; `gallery` is as locked by the
    transaction that stores the receipt.
    """
    return {
        "type": RECEIPT,
        "time": format_time(now),
        "gallery": gallery.jurisdiction,
        "sequence": gallery.last_sequence + 1,
        "previous": gallery.last_receipt,
        "mandate": grant.mandate,
        "grant_index": grant.index,
        "search_id": grant.search_id,
        "probe_sha256": grant.probe_sha256,
        "template_sha256": template_sha256,
        "model_id": allowed.model_id,
        "policy": allowed.policy,
        "list_size": allowed.list_size,
        "candidates": [
            {"ref": candidate.candidate_ref, "similarity": candidate.similarity}
            for candidate in candidates
        ],
        "searched": gallery.live_records,
    }
