"""What the plane says and signs: tickets, changes of a gallery, receipts. Whole numbers only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from onrecord.contracts.vector_search import Candidate, EnrolmentStart
from onrecord.kernel.times import format_time
from onrecord.proof import canonical
from onrecord.proof.commitment import record_commitment
from onrecord.proof.grant import GalleryGrant, Grant
from onrecord.proof.merkle import EMPTY_ROOT, leaf_hash
from onrecord.proof.statements import ENROLMENT_TICKET, GALLERY_CHANGED, RECEIPT
from onrecord.vector_search.core.values import Gallery, RecordRow


def ticket_body(
    start: EnrolmentStart,
    *,
    enrolment_id: str,
    generation: int,
    model_id: str,
    record: str,
    now: datetime,
    expires_at: datetime,
) -> dict[str, Any]:
    """Leave to process one portrait. `record` is random: a ticket says nothing of whose it is."""
    return {
        "type": ENROLMENT_TICKET,
        "time": format_time(now),
        "gallery": start.gallery,
        "enrolment_id": enrolment_id,
        "generation": generation,
        "image_sha256": start.image_sha256,
        "model_id": model_id,
        "expires_at": format_time(expires_at),
        "record": record,
    }


def change_body(row: RecordRow, *, data_key: bytes, salt: bytes, now: datetime) -> dict[str, Any]:
    """One record accepted. Record and image stand as HMACs under the record's own key (R-26)."""
    record = record_commitment(data_key, salt, f"record:{row.record_id}")
    image = record_commitment(data_key, salt, f"image:{row.image_sha256}")
    return {
        "type": GALLERY_CHANGED,
        "time": format_time(now),
        "gallery": row.gallery,
        "enrolment_id": row.enrolment_id,
        "generation": row.generation,
        "model_id": row.model_id,
        "accepted": 1,
        "rejected": 0,
        "salt": salt.hex(),
        "record": record,
        "image": image,
        # The root over one leaf is the leaf's hash; a chunk of a manifest has more.
        "accepted_root": leaf_hash(accepted_leaf(record, image)).hex(),
        "rejected_root": EMPTY_ROOT.hex(),
    }


def accepted_leaf(record: str, image: str) -> bytes:
    """The row of a manifest as its tree hashes it: two commitments, canonical."""
    return canonical.encode({"image": image, "record": record})


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
