"""What a gallery's custodians hear of its changes. Never which record it was."""

from dataclasses import dataclass, field
from typing import Any

from onrecord.proof import statements
from onrecord.proof.attestation import Attestation


@dataclass(frozen=True, slots=True)
class ChangeNews:
    """A chunk that was closed, or a record that was deleted by itself.

    `statement_sha256` is how the ledger's entry and receipts name the same. `manifest_id` and
    `chunk` are None for a deletion.
    """

    gallery: str
    statement_sha256: str
    manifest_id: str | None = None
    chunk: int | None = None
    data: dict[str, str | int] = field(default_factory=dict, hash=False)


def news_of(change: Attestation) -> ChangeNews | None:
    """None where its custodians hear of it otherwise: a single portrait, a list's deletions."""
    said = statements.read(change)
    manifest, chunk = said.get("manifest"), said.get("chunk")
    of_list = isinstance(manifest, str) and isinstance(chunk, int)
    if said.get("type") == statements.GALLERY_CHANGED and of_list:
        data = _counts(said, "chunk", "accepted", "rejected", "deleted")
        digest = statements.statement_sha256(change)
        return ChangeNews(str(said["gallery"]), digest, manifest, chunk, data)
    if said.get("type") == statements.RECORD_DELETED and not of_list:
        data = {"not_returned_from": str(said.get("not_returned_from", ""))}
        return ChangeNews(str(said["gallery"]), statements.statement_sha256(change), data=data)
    return None


def _counts(said: dict[str, Any], *names: str) -> dict[str, str | int]:
    return {name: said[name] for name in names if isinstance(said.get(name), int)}
