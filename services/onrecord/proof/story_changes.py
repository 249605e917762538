"""The law that a gallery changes only by what its plane has signed (R-26, R-42, law 9)."""

from collections.abc import Mapping
from typing import Any, Final

from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation, AttestationVerifier
from onrecord.proof.checks import LedgerFault
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.proof.shelf import Shelf

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    EntryKind.GALLERY_ENROLLED.value: (statements.GALLERY_CHANGED,),
    # One record, or a chunk of a list of them.
    EntryKind.RECORD_DELETED.value: (statements.RECORD_DELETED, statements.GALLERY_CHANGED),
}
_ROOTS = (("accepted", "accepted_root"), ("rejected", "rejected_root"))


class ChangesSigned:
    """What was enrolled or deleted is the plane's own statement, once, and adds up.

    Whose portraits they are it does not say: records stand as commitments under their own keys.
    """

    name = "every change of a gallery is signed by its plane and stands once"

    def __init__(self, verifier: AttestationVerifier | None, shelf: Shelf) -> None:
        self.passed = 0
        self._verifier = verifier
        self._seen = shelf
        if verifier is None:
            self.name = "every change of a gallery is its plane's statement and stands once"

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        types = _TYPES.get(body["kind"])
        if types is None:
            return
        said = body["change"]
        kind = said["type"]
        attestation = Attestation.from_json(body["attestation"])
        if attestation.statement != canonical.encode(said) or kind not in types:
            raise LedgerFault(self.name, index, "the change is not the one that was signed")
        if said["gallery"] != body["gallery"]:
            raise LedgerFault(self.name, index, "the change is of another gallery")
        if self._verifier is not None:
            try:
                self._verifier.verify(attestation, Service.VECTOR_SEARCH, kind)
            except OnRecordError as error:
                raise LedgerFault(self.name, index, error.message) from error
        digest = statements.statement_sha256(attestation)
        if self._seen.get(digest) is not None:
            raise LedgerFault(self.name, index, "this change stands in the ledger already")
        self._seen.put(digest, index)
        self._check_counts(index, said)
        self.passed += 1

    def _check_counts(self, index: int, said: Mapping[str, Any]) -> None:
        rows = said.get("rows")
        if rows is not None and rows != sum(
            said.get(name, 0) for name in ("accepted", "unchanged", "rejected")
        ):
            raise LedgerFault(self.name, index, "the rows of the chunk do not add up")
        for count, root in _ROOTS:
            if root in said and (said[count] == 0) != (said[root] == EMPTY_ROOT.hex()):
                raise LedgerFault(self.name, index, f"{count} rows and their root do not agree")

    def finish(self) -> None:
        """Nothing is left open."""
